#include "gateway/platform/paho_client.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

namespace hubward::platform {
namespace {

// A half-open connection is noticed after two of these by us and one and a half by the broker;
// until then no sensor is heard. The broker is near, so that asking often costs nothing.
constexpr int kKeepAliveSeconds = 15;
constexpr int kConnectTimeoutSeconds = 10;
constexpr int kInflightMax = 100;     // commands to devices are few
constexpr int kRefusedFilter = 0x80;  // MQTT 3.1.1 section 3.9.3

// Starts Paho once, and its threads for good.
void start_paho() {
  static std::once_flag once;
  std::call_once(once, [] {
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 0;  // OpenSSL 3 starts itself
    MQTTAsync_global_init(&options);
    static MQTTAsync keeper = nullptr;
    MQTTAsync_create(&keeper, "tcp://127.0.0.1:1", "hubward-keeper", MQTTCLIENT_PERSISTENCE_NONE,
                     nullptr);
  });
}

std::string refusal_words(int code) {
  switch (code) {
    case 1:
      return "the broker does not speak MQTT 3.1.1";
    case 2:
      return "the broker refuses the client id";
    case 3:
      return "the broker is not ready";
    case 4:
      return "the broker refuses user name or password";
    case 5:
      return "the broker does not allow this client";
    default:
      return "no connection";
  }
}

// Breaks every connection of this process to these addresses and port. Paho does not tell which
// descriptor is its own; whoever else of us talks to the broker connects again, too.
void break_connections(const std::vector<std::string>& addresses, std::uint16_t port) noexcept {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename();
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    if (getnameinfo(reinterpret_cast<const sockaddr*>(&peer), size, host.data(), host.size(),
                    service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
      continue;
    }
    if (std::to_string(port) == service.data() &&
        std::find(addresses.begin(), addresses.end(), host.data()) != addresses.end()) {
      shutdown(descriptor, SHUT_RDWR);
    }
  }
}

}  // namespace

// Between Paho's thread, which waits, and whoever calls the BrokerAck.
struct PahoClient::Wait {
  void decide(bool taken) {
    {
      const std::lock_guard lock(mutex);
      if (verdict) return;
      verdict = taken;
    }
    decided.notify_one();
  }
  std::mutex mutex;
  std::condition_variable decided;
  std::optional<bool> verdict;
};

PahoClient::PahoClient(BrokerSettings settings, std::vector<std::string> addresses,
                       PahoReports reports)
    : settings_(std::move(settings)),
      addresses_(std::move(addresses)),
      reports_(std::move(reports)) {}

PahoClient::~PahoClient() = default;

void PahoClient::open() {
  start_paho();
  const bool tls = !settings_.ca_file.empty();
  // With TLS the name is needed for the certificate; it has just been resolved.
  std::string host = tls ? settings_.host : addresses_.front();
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  const std::string uri = (tls ? "ssl://" : "tcp://") + host + ":" + std::to_string(settings_.port);
  if (MQTTAsync_create(&handle_, uri.c_str(), settings_.client_id.c_str(),
                       MQTTCLIENT_PERSISTENCE_NONE, nullptr) != MQTTASYNC_SUCCESS) {
    handle_ = nullptr;
    return reports_.on_ended("Paho refuses the settings");
  }
  MQTTAsync_setCallbacks(handle_, this, lost, arrived, nullptr);

  MQTTAsync_SSLOptions security = MQTTAsync_SSLOptions_initializer;
  security.trustStore = settings_.ca_file.c_str();
  security.enableServerCertAuth = 1;
  security.verify = 1;
  const std::string password(settings_.password.reveal());
  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
  options.MQTTVersion = MQTTVERSION_3_1_1;  // its default tries 3.1 after each refusal
  options.cleansession = 0;
  options.keepAliveInterval = kKeepAliveSeconds;
  options.connectTimeout = kConnectTimeoutSeconds;
  options.maxInflight = kInflightMax;
  options.automaticReconnect = 0;
  if (!settings_.user_name.empty()) options.username = settings_.user_name.c_str();
  if (!settings_.password.empty()) options.password = password.c_str();
  if (tls) options.ssl = &security;
  options.onSuccess = connected;
  options.onFailure = refused;
  options.context = this;
  const int code = MQTTAsync_connect(handle_, &options);
  if (code != MQTTASYNC_SUCCESS) reports_.on_ended(MQTTAsync_strerror(code));
}

void PahoClient::destroy() {
  end();
  if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
}

void PahoClient::end() noexcept {
  ended_ = true;
  std::shared_ptr<Wait> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = waiting_;
  }
  if (waiting) waiting->decide(false);
}

void PahoClient::publish(std::uint64_t id, const std::string& topic, const std::string& payload) {
  Publish* kept = nullptr;
  {
    const std::lock_guard lock(mutex_);
    // Kept here, because Paho forgets to report those that a closed connection takes along.
    kept = (publishes_[id] = std::make_unique<Publish>(Publish{this, id})).get();
  }
  MQTTAsync_responseOptions answer = MQTTAsync_responseOptions_initializer;
  answer.onSuccess = published;
  answer.onFailure = not_published;
  answer.context = kept;
  const int code = MQTTAsync_send(handle_, topic.c_str(), static_cast<int>(payload.size()),
                                  payload.data(), 1, 0, &answer);
  if (code != MQTTASYNC_SUCCESS) finish(*kept, false);
}

void PahoClient::finish(const Publish& publish, bool taken) {
  const std::uint64_t id = publish.id;
  {
    const std::lock_guard lock(mutex_);
    if (publishes_.erase(id) == 0) return;
  }
  reports_.on_published(id, taken);
}

bool PahoClient::hand_up(BrokerMessage message) {
  const auto wait = std::make_shared<Wait>();
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    waiting_ = wait;
  }
  reports_.on_message(std::move(message), [wait](bool taken) { wait->decide(taken); });
  std::unique_lock lock(wait->mutex);
  wait->decided.wait_for(lock, BrokerLink::kAckWaitMax, [&] { return wait->verdict.has_value(); });
  return wait->verdict.value_or(false);
}

int PahoClient::arrived(void* self, char* topic, int length, MQTTAsync_message* message) {
  auto* const client = static_cast<PahoClient*>(self);
  BrokerMessage copy;
  // A length of 0 stands for a topic without zero bytes.
  copy.topic = length > 0 ? std::string(topic, static_cast<std::size_t>(length)) : topic;
  copy.payload.assign(static_cast<const char*>(message->payload),
                      static_cast<std::size_t>(std::max(message->payloadlen, 0)));
  copy.retained = message->retained != 0;
  if (!client->hand_up(std::move(copy))) {
    client->break_socket();
    if (!client->ended_.exchange(true)) {
      client->reports_.on_ended("a message was not stored, the broker will deliver it again");
    }
  }
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;
}

void PahoClient::break_socket() noexcept { break_connections(addresses_, settings_.port); }

void PahoClient::connected(void* self, MQTTAsync_successData*) {
  static_cast<PahoClient*>(self)->subscribe();
}

// On Paho's thread, which may call it.
void PahoClient::subscribe() {
  if (settings_.filters.empty()) return reports_.on_ready();
  std::vector<char*> filters;
  for (const std::string& filter : settings_.filters) {
    filters.push_back(const_cast<char*>(filter.c_str()));  // Paho copies, and forgot the const
  }
  std::vector<int> qualities(filters.size(), 1);
  MQTTAsync_responseOptions answer = MQTTAsync_responseOptions_initializer;
  answer.onSuccess = subscribed;
  answer.onFailure = not_subscribed;
  answer.context = this;
  const int code = MQTTAsync_subscribeMany(handle_, static_cast<int>(filters.size()),
                                           filters.data(), qualities.data(), &answer);
  if (code != MQTTASYNC_SUCCESS) reports_.on_ended(MQTTAsync_strerror(code));
}

void PahoClient::subscribed(void* self, MQTTAsync_successData* data) {
  auto* const client = static_cast<PahoClient*>(self);
  const std::size_t count = client->settings_.filters.size();
  for (std::size_t i = 0; i < count; ++i) {
    const int granted = count == 1 ? data->alt.qos : data->alt.qosList[i];
    if (granted != kRefusedFilter) continue;
    return client->reports_.on_ended("the broker refuses the subscription " +
                                     client->settings_.filters[i]);
  }
  client->reports_.on_ready();
}

void PahoClient::not_subscribed(void* self, MQTTAsync_failureData*) {
  static_cast<PahoClient*>(self)->reports_.on_ended("the broker refuses a subscription");
}

void PahoClient::refused(void* self, MQTTAsync_failureData* data) {
  std::string words = refusal_words(data->code);
  if (data->code <= 0 && data->message != nullptr) words += std::string(": ") + data->message;
  static_cast<PahoClient*>(self)->reports_.on_ended(words);
}

void PahoClient::lost(void* self, char*) {
  static_cast<PahoClient*>(self)->reports_.on_ended("the connection was lost");
}

void PahoClient::published(void* publish, MQTTAsync_successData*) {
  auto* const kept = static_cast<Publish*>(publish);
  kept->client->finish(*kept, true);
}

void PahoClient::not_published(void* publish, MQTTAsync_failureData*) {
  auto* const kept = static_cast<Publish*>(publish);
  kept->client->finish(*kept, false);
}

}  // namespace hubward::platform
