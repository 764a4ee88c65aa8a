#include "gateway/platform/mosquitto_link.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/broker_process.h"
#include "tests/support/run_until.h"

namespace hubward::platform {
namespace {

using namespace std::chrono_literals;
using test::BrokerProcess;
using test::run_until;

struct Recorder final : MqttLinkEvents {
  void on_connected(bool present) override {
    ++connected;
    session_present = present;
    if (then) then();
  }
  void on_refused(int code) override {
    refused = code;
    if (then) then();
  }
  void on_subscribed() override { ++subscribed; }
  void on_subscription_refused() override { ++subscriptions_refused; }
  void on_unsubscribed() override { ++unsubscribed; }
  void on_published(PublishToken token) override {
    published.push_back(token.value);
    if (on_puback) on_puback();
  }
  void on_message(std::string_view topic, std::string_view payload) override {
    messages.emplace_back(std::string(topic), std::string(payload));
    if (on_any_message) on_any_message();
  }
  void on_closed(LinkStage at, Error why) override {
    stage = at;
    error = std::move(why);
    if (then) then();
  }
  [[nodiscard]] bool ended() const { return error || refused; }

  int connected = 0;
  bool session_present = false;
  std::optional<int> refused;
  int subscribed = 0;
  int subscriptions_refused = 0;
  int unsubscribed = 0;
  std::vector<std::uint64_t> published;
  std::vector<std::pair<std::string, std::string>> messages;
  std::optional<LinkStage> stage;
  std::optional<Error> error;
  std::function<void()> then;
  std::function<void()> on_puback;
  std::function<void()> on_any_message;
};

// One broker for all cases: starting it and making its certificates takes the most time here.
BrokerProcess* broker() {
  static const std::unique_ptr<BrokerProcess> one = BrokerProcess::start();
  return one.get();
}

#define REQUIRE_BROKER() \
  if (broker() == nullptr) return

MqttConnect to(const std::string& host, std::uint16_t port) {
  MqttConnect options;
  options.host = host;
  options.port = port;
  options.client_id = "press-07";
  options.user_name = host + "/press-07/?api-version=2021-04-12";
  options.password = SecretText{"SharedAccessSignature sr=..."};
  options.clean_session = true;
  options.transport_timeout = 10s;
  return options;
}

struct Fixture {
  explicit Fixture(std::string roots = broker()->roots_file())
      : opener(MosquittoLinkOpener::create(roots, resolver, loop).value()) {}
  std::unique_ptr<MqttLink> open() { return opener->open(events, loop); }

  SystemClock clock;
  AsioLoop loop{clock};
  // hub.example is where its certificate says; so is other.example, which it does not name.
  Resolver resolver{[](const std::string& host) -> Resolver::Answer {
    if (host == "hub.example" || host == "other.example") {
      return std::vector<std::string>{"127.0.0.1"};
    }
    return Resolver::system_lookup(host);
  }};
  std::unique_ptr<MosquittoLinkOpener> opener;
  Recorder events;
};

TEST_CASE("a link connects, subscribes, publishes with tokens and receives") {
  REQUIRE_BROKER();
  Fixture f;
  const auto link = f.open();
  link->connect(to("hub.example", broker()->tls_port()));
  CHECK_FALSE(link->publish("t", "too early", Qos::AtLeastOnce, PublishToken{1}));
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  CHECK_FALSE(f.events.session_present);

  link->subscribe({{"a/#", Qos::AtLeastOnce}, {"b/#", Qos::AtMostOnce}});
  REQUIRE(run_until(f.loop, [&] { return f.events.subscribed == 1; }));

  const std::string binary("\0with a zero", 12);
  CHECK(link->publish("a/1", binary, Qos::AtLeastOnce, PublishToken{11}));
  CHECK(link->publish("b/1", "", Qos::AtMostOnce, PublishToken{12}));
  CHECK(link->publish("a/2", "third", Qos::AtLeastOnce, PublishToken{13}));
  REQUIRE(run_until(
      f.loop, [&] { return f.events.messages.size() == 3 && f.events.published.size() == 2; }));
  CHECK(f.events.published == std::vector<std::uint64_t>{11, 13});
  CHECK(f.events.messages[0] == std::pair<std::string, std::string>{"a/1", binary});
  CHECK(f.events.messages[1].second.empty());
  CHECK_FALSE(f.events.ended());
}

TEST_CASE("what is unsubscribed is heard of no more, and everything from before it was heard") {
  REQUIRE_BROKER();
  Fixture f;
  const auto link = f.open();
  link->connect(to("hub.example", broker()->tls_port()));
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  link->subscribe({{"calls/#", Qos::AtMostOnce}, {"b", Qos::AtMostOnce}});
  REQUIRE(run_until(f.loop, [&] { return f.events.subscribed == 1; }));
  REQUIRE(link->publish("calls/1", "before", Qos::AtMostOnce, {}));
  link->unsubscribe("calls/#");
  REQUIRE(run_until(f.loop, [&] { return f.events.unsubscribed == 1; }));
  CHECK(f.events.messages.size() == 1);
  REQUIRE(link->publish("calls/2", "after", Qos::AtMostOnce, {}));
  REQUIRE(link->publish("b", "last", Qos::AtMostOnce, {}));
  REQUIRE(run_until(f.loop, [&] { return f.events.messages.size() >= 2; }));
  CHECK(f.events.messages.back().first == "b");
}

TEST_CASE("an address is checked against the addresses in the certificate") {
  REQUIRE_BROKER();
  for (const char* host : {"127.0.0.1", "127.0.0.2", "localhost"}) {
    CAPTURE(host);
    // A bare root without /etc/hosts does not know it.
    if (!Resolver::system_lookup(host)) continue;
    Fixture f;
    const auto link = f.open();
    link->connect(to(host, broker()->tls_port()));
    REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1 || f.events.ended(); }));
    CHECK(f.events.connected == 1);
  }
}

TEST_CASE("every way a connection can fail has its stage, its code and its words") {
  REQUIRE_BROKER();
  struct Row {
    const char* why;
    std::string roots;
    std::string host;
    std::uint16_t port;
    LinkStage stage;
    ErrorCode code;
    std::string words;
  };
  const std::string roots = broker()->roots_file();
  const Row rows[] = {
      {"unknown name", roots, "no-such-host.invalid", 8883, LinkStage::Name, ErrorCode::NameUnknown,
       "name"},  // which one, whoever connects knows
      {"nobody listens", roots, "127.0.0.1", 1, LinkStage::Tcp, ErrorCode::Unreachable, "refused"},
      {"certificate names another host", roots, "other.example", broker()->tls_port(),
       LinkStage::Tls, ErrorCode::TlsUntrusted, "ostname mismatch"},
      {"certificate names another address", roots, "127.0.0.3", broker()->tls_port(),
       LinkStage::Tls, ErrorCode::TlsUntrusted, "IP address mismatch"},
      {"certificate of another root", broker()->other_roots_file(), "hub.example",
       broker()->tls_port(), LinkStage::Tls, ErrorCode::TlsUntrusted,
       "issued by /CN=hubward test roots"},
      {"certificate that is not valid any more", broker()->expired_roots_file(), "hub.example",
       broker()->tls_port(), LinkStage::Tls, ErrorCode::ClockWrong, "certificate has expired"},
      {"no TLS on the other side", roots, "hub.example", broker()->plain_port(), LinkStage::Tls,
       ErrorCode::TlsFailed, "port " + std::to_string(broker()->plain_port())},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Fixture f(row.roots);
    const auto link = f.open();
    link->connect(to(row.host, row.port));
    REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1 || f.events.ended(); }));
    REQUIRE(f.events.error);
    CAPTURE(f.events.error->context);
    CHECK(f.events.stage == row.stage);
    CHECK(f.events.error->code == row.code);
    CHECK(f.events.error->context.find(row.words) != std::string::npos);
    CHECK(f.events.connected == 0);
  }
}

TEST_CASE("a refusal by the hub is told with its code, and the link may connect again") {
  REQUIRE_BROKER();
  Fixture f;
  const auto link = f.open();
  MqttConnect anonymous = to("hub.example", broker()->refusing_tls_port());
  anonymous.user_name.clear();
  f.events.then = [&] {
    if (f.events.connected == 0) link->connect(to("hub.example", broker()->tls_port()));
  };
  link->connect(anonymous);
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  CHECK(f.events.refused == 5);
  CHECK_MESSAGE(!f.events.error, f.events.error->context);
}

// Listens and never says a word.
struct SilentServer {
  SilentServer() {
    descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    listen(descriptor, 8);
  }
  ~SilentServer() { close(descriptor); }
  void accept_and_close() const { close(accept(descriptor, nullptr, nullptr)); }
  int descriptor = -1;
  std::uint16_t port = 0;
};

TEST_CASE("a server that never speaks TLS is given up after the transport time-out") {
  REQUIRE_BROKER();
  const SilentServer server;
  Fixture f;
  const auto link = f.open();
  MqttConnect options = to("127.0.0.1", server.port);
  options.transport_timeout = 1s;
  link->connect(options);
  REQUIRE(run_until(f.loop, [&] { return f.events.ended(); }));
  CHECK(f.events.stage == LinkStage::Tls);
  CHECK(f.events.error->code == ErrorCode::TlsFailed);
  CHECK(f.events.error->context.find("not finished in 1 s") != std::string::npos);
}

TEST_CASE("a server that closes during the handshake is not waited for") {
  REQUIRE_BROKER();
  const SilentServer server;
  Fixture f;
  const auto link = f.open();
  link->connect(to("127.0.0.1", server.port));
  f.loop.call_at(f.clock.steady() + 100ms, [&] { server.accept_and_close(); });
  REQUIRE(run_until(
      f.loop, [&] { return f.events.ended(); }, 5s));
  CHECK(f.events.stage == LinkStage::Tls);
  CHECK(f.events.error->code == ErrorCode::TlsFailed);
}

TEST_CASE("a name server that says nothing ends in a time-out of its own") {
  REQUIRE_BROKER();
  SystemClock clock;
  AsioLoop loop{clock};
  const auto answer = std::make_shared<std::atomic<bool>>(false);
  Resolver resolver([answer](const std::string&) -> Resolver::Answer {
    answer->wait(false);
    return std::vector<std::string>{"127.0.0.1"};
  });
  auto opener = MosquittoLinkOpener::create(broker()->roots_file(), resolver, loop).value();
  Recorder events;
  const auto link = opener->open(events, loop);
  MqttConnect options = to("hub.example", broker()->tls_port());
  options.transport_timeout = 1s;
  link->connect(options);
  REQUIRE(run_until(loop, [&] { return events.ended(); }));
  CHECK(events.stage == LinkStage::Name);
  CHECK(events.error->code == ErrorCode::NameUnknown);
  *answer = true;
  answer->notify_all();
}

TEST_CASE("a hub that goes away ends the session") {
  REQUIRE_BROKER();
  const auto own = BrokerProcess::start();
  REQUIRE(own);
  Fixture f(own->roots_file());
  const auto link = f.open();
  link->connect(to("hub.example", own->tls_port()));
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  own->stop();
  REQUIRE(run_until(f.loop, [&] { return f.events.ended(); }));
  CHECK(f.events.stage == LinkStage::Session);
  CHECK(f.events.error->code == ErrorCode::LinkLost);
  CHECK_FALSE(link->publish("t", "too late", Qos::AtLeastOnce, PublishToken{1}));
}

TEST_CASE("a second holder of the identity ends the first one's session") {
  REQUIRE_BROKER();
  Fixture f;
  const auto first = f.open();
  first->connect(to("hub.example", broker()->tls_port()));
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  Recorder others;
  const auto second = f.opener->open(others, f.loop);
  second->connect(to("hub.example", broker()->tls_port()));
  REQUIRE(run_until(f.loop, [&] { return f.events.ended() && others.connected == 1; }));
  CHECK(f.events.error->code == ErrorCode::LinkLost);
}

TEST_CASE("DISCONNECT is sent, no event follows, and the session is found again") {
  REQUIRE_BROKER();
  Fixture f;
  const auto link = f.open();
  MqttConnect options = to("hub.example", broker()->tls_port());
  options.client_id = "kept-session";
  options.clean_session = false;
  link->connect(options);
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  link->disconnect();
  CHECK_FALSE(link->publish("t", "", Qos::AtLeastOnce, PublishToken{1}));
  link->connect(options);
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 2; }));
  CHECK(f.events.session_present);
  CHECK_FALSE(f.events.ended());
}

TEST_CASE("a link may be dropped, disconnected and connected inside its own events") {
  REQUIRE_BROKER();
  Fixture f;
  std::unique_ptr<MqttLink> link = f.open();
  SUBCASE("dropped when connected") {
    f.events.then = [&] { link.reset(); };
  }
  SUBCASE("disconnected when connected") {
    f.events.then = [&] { link->disconnect(); };
  }
  SUBCASE("connected anew when connected") {
    f.events.then = [&] {
      if (f.events.connected == 1) link->connect(to("hub.example", broker()->tls_port()));
      if (f.events.connected == 2) link.reset();
    };
  }
  SUBCASE("dropped at a PUBACK") {
    f.events.then = [&] { CHECK(link->publish("a", "b", Qos::AtLeastOnce, PublishToken{1})); };
    f.events.on_puback = [&] { link.reset(); };
  }
  SUBCASE("disconnected at a message") {
    f.events.then = [&] {
      link->subscribe({{"self", Qos::AtLeastOnce}});
      CHECK(link->publish("self", "b", Qos::AtLeastOnce, PublishToken{1}));
      CHECK(link->publish("self", "c", Qos::AtLeastOnce, PublishToken{2}));
    };
    f.events.on_any_message = [&] { link->disconnect(); };
  }
  SUBCASE("dropped when it fails") {
    f.events.then = [&] { link.reset(); };
    link->connect(to("other.example", broker()->tls_port()));
    REQUIRE(run_until(f.loop, [&] { return !link; }));
    CHECK(f.events.error->code == ErrorCode::TlsUntrusted);
    return;
  }
  link->connect(to("hub.example", broker()->tls_port()));
  REQUIRE(run_until(f.loop, [&] {
    return !link || (f.events.connected == 1 && !link->publish("x", "", Qos::AtMostOnce, {}));
  }));
  int turns = 0;
  CHECK(run_until(f.loop, [&] { return ++turns == 20; }));
  CHECK_FALSE(f.events.ended());
  CHECK(f.events.messages.size() <= 1);
}

TEST_CASE("what cannot be sent is refused, not buffered without end") {
  REQUIRE_BROKER();
  Fixture f;
  const auto link = f.open();
  link->connect(to("hub.example", broker()->tls_port()));
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  const std::string large(100 * 1024, 'x');
  int taken = 0;
  broker()->freeze();
  while (taken < 5000 && link->publish("big", large, Qos::AtMostOnce, {})) ++taken;
  broker()->thaw();
  CHECK(taken < 5000);
  CHECK_FALSE(link->publish("", "no topic", Qos::AtLeastOnce, PublishToken{1}));
  // Afterwards there is room again.
  REQUIRE(run_until(
      f.loop, [&] { return link->publish("small", "x", Qos::AtLeastOnce, PublishToken{7}); }));
  REQUIRE(run_until(f.loop, [&] { return f.events.published.size() == 1; }));
  CHECK(f.events.published.front() == 7);
}

// As if the way to the broker were narrow: what is sent stays on this side for long.
void shrink_send_buffers(std::uint16_t port) {
  for (int descriptor = 3; descriptor < 256; ++descriptor) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    const int bytes = 4096;
    if (peer.sin_family == AF_INET && peer.sin_port == htons(port)) {
      setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
  }
}

TEST_CASE("a link that is always busy takes as much as is acknowledged") {
  REQUIRE_BROKER();
  Fixture f;
  const auto link = f.open();
  link->connect(to("hub.example", broker()->tls_port()));
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  shrink_send_buffers(broker()->tls_port());
  const std::string large(100 * 1024, 'x');
  constexpr std::uint64_t kMessages = 40;  // four times what may wait
  constexpr std::uint64_t kWindow = 5;
  std::uint64_t asked = 0;
  std::uint64_t refused = 0;
  const auto publish_next = [&] {
    if (asked == kMessages) return;
    ++asked;
    if (!link->publish("big", large, Qos::AtLeastOnce, PublishToken{asked})) ++refused;
  };
  f.events.on_puback = publish_next;
  for (std::uint64_t i = 0; i < kWindow; ++i) publish_next();
  CHECK(run_until(f.loop, [&] { return f.events.published.size() == kMessages || refused > 0; }));
  CHECK(refused == 0);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

TEST_CASE("a link takes one descriptor, and gives it back however it ends") {
  REQUIRE_BROKER();
  Fixture f;
  const std::size_t before = open_descriptors();
  constexpr int kLinks = 20;
  std::vector<std::unique_ptr<MqttLink>> links;
  for (int i = 0; i < kLinks; ++i) {
    MqttConnect options = to("hub.example", broker()->tls_port());
    options.client_id = "many-" + std::to_string(i);
    links.push_back(f.open());
    links.back()->connect(options);
  }
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == kLinks; }));
  CHECK(open_descriptors() == before + kLinks);
  for (int i = 0; i < kLinks / 2; ++i) links[static_cast<std::size_t>(i)]->disconnect();
  links.erase(links.begin() + kLinks / 2, links.end());
  CHECK(run_until(f.loop, [&] { return open_descriptors() == before; }));
}

TEST_CASE("trusted roots that cannot be read are an error of the configuration") {
  SystemClock clock;
  AsioLoop loop{clock};
  Resolver resolver;
  const auto opener = MosquittoLinkOpener::create("/does/not/exist.pem", resolver, loop);
  REQUIRE_FALSE(opener);
  CHECK(opener.error().code == ErrorCode::ConfigInvalid);
  CHECK(opener.error().context.find("/does/not/exist.pem") != std::string::npos);
}

}  // namespace
}  // namespace hubward::platform
