// bench_raw_publisher: what the gateway's costs are compared with. libmosquitto used as its manual
// says, one client a device, one TLS context, one epoll set, one thread: no store, no readings, no
// status, and nothing of it survives. It publishes the same topics and bodies as the gateway.
//   bench_raw_publisher PORTS_JSON HUB_ADDRESS DEVICES
// Orders as bench_gateway's: "feed" only. The end of standard input ends it.
#include <fcntl.h>
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "gateway/platform/hmac_signer.h"
#include "gateway/platform/system_limits.h"
#include "proto/hub/connect.h"
#include "proto/hub/sas.h"
#include "tests/bench/gateway/bench_site.h"
#include "tests/bench/support/pace.h"

namespace hubward::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kHandshakesMax = 50;  // at once
constexpr std::uint64_t kFeedMax = 500;     // before the sockets are looked at again

WallTime wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

struct Tally {
  std::size_t connected = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
};

struct Client {
  Tally* tally = nullptr;
  mosquitto* handle = nullptr;
  std::string id;
  std::uint64_t sequence = 0;
  bool connected = false;
  bool writing = false;  // epoll tells when it can be written to
};

class RawPublisher {
 public:
  RawPublisher(std::string address, int port, SSL_CTX* context)
      : address_(std::move(address)), port_(port), context_(context) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  }

  bool connect_all(std::uint32_t count) {
    while (tally_.connected < count) {
      while (clients_.size() < count && clients_.size() < tally_.connected + kHandshakesMax) {
        if (!connect_one(static_cast<std::uint32_t>(clients_.size()))) return false;
      }
      poll(10);
      if (tally_.lost > 0) return false;
    }
    return true;
  }

  void serve() {
    while (!ended_) {
      if (!feeding_) {
        poll(1000);
        keep_alive();
        continue;
      }
      feed();
      poll(1);
    }
  }

 private:
  bool connect_one(std::uint32_t number) {
    auto client = std::make_unique<Client>();
    client->tally = &tally_;
    client->id = device_id(number);
    const auto key = platform::derive_device_key(group_key(), client->id);
    auto signer = platform::HmacSigner::from_base64(*key);
    const auto claim = hub::hub_claim(address_, client->id, wall_now() + std::chrono::hours{1});
    std::string token;
    (*signer)->sign(hub::message_to_sign(claim), [&](const Result<std::string>& signature) {
      token = hub::sas_token(claim, std::as_bytes(std::span(*signature)));
    });
    const auto fields = hub::hub_connect(address_, client->id, "raw", "");
    client->handle = mosquitto_new(fields.client_id.c_str(), false, client.get());
    mosquitto_int_option(client->handle, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(client->handle, MOSQ_OPT_SEND_MAXIMUM, 0);
    mosquitto_int_option(client->handle, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    mosquitto_void_option(client->handle, MOSQ_OPT_SSL_CTX, context_);
    mosquitto_username_pw_set(client->handle, fields.user_name.c_str(), token.c_str());
    mosquitto_connect_callback_set(client->handle, [](mosquitto*, void* self, int code) {
      auto* const one = static_cast<Client*>(self);
      if (code != 0 || one->connected) return;
      one->connected = true;
      ++one->tally->connected;
    });
    mosquitto_publish_callback_set(client->handle, [](mosquitto*, void* self, int) {
      ++static_cast<Client*>(self)->tally->acknowledged;
    });
    if (mosquitto_connect_async(client->handle, address_.c_str(), port_, 120) != 0) return false;
    epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = client.get()}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, mosquitto_socket(client->handle), &event);
    client->writing = true;
    clients_.push_back(std::move(client));
    return true;
  }

  void poll(int timeout_ms) {
    std::array<epoll_event, 256> events;
    const int count = epoll_wait(epoll_, events.data(), events.size(), timeout_ms);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == nullptr) {
        read_orders();
      } else {
        step(*static_cast<Client*>(event.data.ptr), event.events);
      }
    }
  }

  void step(Client& client, std::uint32_t events) {
    // The handshake goes on in loop_read, also when it waits to write.
    int code = MOSQ_ERR_SUCCESS;
    if ((events & EPOLLIN) != 0 || !client.connected) code = mosquitto_loop_read(client.handle, 1);
    if (code == MOSQ_ERR_SUCCESS && mosquitto_want_write(client.handle)) {
      code = mosquitto_loop_write(client.handle, 1);
    }
    if (code != MOSQ_ERR_SUCCESS) {
      ++tally_.lost;
      epoll_ctl(epoll_, EPOLL_CTL_DEL, mosquitto_socket(client.handle), nullptr);
      return;
    }
    watch(client);
  }

  void watch(Client& client) {
    const bool writing = !client.connected || mosquitto_want_write(client.handle);
    if (writing == client.writing) return;
    client.writing = writing;
    epoll_event event{.events = EPOLLIN | (writing ? EPOLLOUT : 0U), .data = {.ptr = &client}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, mosquitto_socket(client.handle), &event);
  }

  void keep_alive() {
    for (const auto& client : clients_) mosquitto_loop_misc(client->handle);
  }

  void publish(Client& client) {
    std::array<char, 256> topic{};
    std::array<char, 64> body{};
    ++client.sequence;
    if (second_ != std::chrono::floor<std::chrono::seconds>(steady_clock::now())) {
      second_ = std::chrono::floor<std::chrono::seconds>(steady_clock::now());
      const std::time_t now = std::time(nullptr);
      std::strftime(time_.data(), time_.size(), "%Y-%m-%dT%H%%3A%M%%3A%S.000Z", std::gmtime(&now));
    }
    std::snprintf(topic.data(), topic.size(),
                  "devices/%s/messages/events/%%24.mid=0123456789abcdef-%s-%llu"
                  "&%%24.ct=application%%2Fjson&%%24.ce=utf-8&%%24.ctime=%s",
                  client.id.c_str(), client.id.c_str(),
                  static_cast<unsigned long long>(client.sequence), time_.data());
    const int size = std::snprintf(body.data(), body.size(), R"({"counter":%llu})",
                                   static_cast<unsigned long long>(client.sequence));
    mosquitto_publish(client.handle, nullptr, topic.data(), size, body.data(), 1, false);
    watch(client);
  }

  void feed() {
    const Progress now = progress();
    for (auto left = std::min(due(order_, now), kFeedMax); left > 0; --left) {
      publish(*clients_[next_++ % clients_.size()]);
      ++fed_;
    }
    if (feeding_s_ == 0 && is_fed(order_, progress())) feeding_s_ = now.passed.count();
    const bool late = now.passed.count() > feeding_s_ + order_.settle_s;
    if (feeding_s_ == 0 || (now.acknowledged < fed_ && !late)) return;
    feeding_ = false;
    std::printf(R"({"fed":%llu,"acknowledged":%llu,"feeding_s":%.3f,"all_s":%.3f,"lost":%llu})"
                "\n",
                static_cast<unsigned long long>(fed_),
                static_cast<unsigned long long>(now.acknowledged), feeding_s_, now.passed.count(),
                static_cast<unsigned long long>(tally_.lost));
    std::fflush(stdout);
  }

  [[nodiscard]] Progress progress() const {
    return {.passed = steady_clock::now() - started_,
            .fed = fed_,
            .stored = fed_,
            .acknowledged = tally_.acknowledged - acknowledged_before_};
  }

  void read_orders() {
    std::array<char, 4096> text{};
    const auto count = read(STDIN_FILENO, text.data(), text.size());
    if (count == 0) ended_ = true;
    if (count <= 0) return;
    const auto order = json::parse({text.data(), static_cast<std::size_t>(count)});
    if (!order) return;
    order_ = FeedOrder::from(*order);
    started_ = steady_clock::now();
    acknowledged_before_ = tally_.acknowledged;
    fed_ = 0;
    feeding_s_ = 0;
    feeding_ = true;
  }

  const std::string address_;
  const int port_;
  SSL_CTX* const context_;
  int epoll_ = -1;
  Tally tally_;
  std::vector<std::unique_ptr<Client>> clients_;
  FeedOrder order_;
  steady_clock::time_point started_;
  std::chrono::time_point<steady_clock, std::chrono::seconds> second_{};
  std::array<char, 64> time_{};
  std::uint64_t acknowledged_before_ = 0;
  std::uint64_t fed_ = 0;
  double feeding_s_ = 0;
  std::size_t next_ = 0;
  bool feeding_ = false;
  bool ended_ = false;
};

int run(const std::string& ports_file, const std::string& address, std::uint32_t devices) {
  std::ifstream file(ports_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto ports = json::parse(text);
  if (!ports) return 1;
  const auto port = static_cast<int>(json::as_int(json::find(*ports, "port")).value_or(0));
  const std::string roots(json::as_string(json::find(*ports, "ca")).value_or(""));
  platform::raise_descriptor_limit();
  mosquitto_lib_init();
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_load_verify_locations(context, roots.c_str(), nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  RawPublisher publisher(address, port, context);
  if (!publisher.connect_all(devices)) {
    std::fputs("cannot connect all clients\n", stderr);
    return 1;
  }
  std::puts(R"({"connected":true})");
  std::fflush(stdout);
  publisher.serve();
  return 0;
}

}  // namespace
}  // namespace hubward::bench

int main(int count, char** arguments) {
  if (count != 4) {
    std::fputs("usage: bench_raw_publisher PORTS_JSON HUB_ADDRESS DEVICES\n", stderr);
    return 2;
  }
  return hubward::bench::run(arguments[1], arguments[2],
                             static_cast<std::uint32_t>(std::atoi(arguments[3])));
}
