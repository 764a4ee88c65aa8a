#include "adapters/mqtt/broker_client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <optional>
#include <vector>

#include "gateway/platform/asio_streams.h"
#include "gateway/platform/mosquitto_link.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/broker_process.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_loop.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_stream.h"

namespace hubward::mqtt {
namespace {

using namespace std::chrono_literals;
using platform::AsioLoop;
using platform::AsioStreams;
using platform::MosquittoLinkOpener;
using platform::Resolver;
using platform::SystemClock;
using test::BrokerProcess;
using test::run_until;

struct Recorder final : BrokerEvents {
  void on_connected(std::string) override { ++connected; }
  void on_closed(Error why) override {
    closed.push_back(std::move(why));
    if (then) then();
  }
  void on_message(BrokerMessage message, BrokerAck ack) override {
    messages.push_back(message);
    if (decide) return decide(message, std::move(ack));
    ack(true);
  }
  void on_message_dropped(std::string_view topic, ErrorCode, std::string_view) override {
    dropped.emplace_back(topic);
  }
  [[nodiscard]] std::vector<std::string> payloads() const {
    std::vector<std::string> all;
    for (const auto& message : messages) all.push_back(message.payload);
    return all;
  }
  int connected = 0;
  std::vector<Error> closed;
  std::vector<BrokerMessage> messages;
  std::vector<std::string> dropped;
  std::function<void(const BrokerMessage&, BrokerAck)> decide;
  std::function<void()> then;
};

// A sensor that publishes, on another port than the link under test, which may break everything of
// this process on its own.
struct Sensor final : MqttLinkEvents {
  Sensor(BrokerProcess& broker, Resolver& resolver, AsioLoop& loop)
      : opener(MosquittoLinkOpener::create(broker.roots_file(), resolver, loop).value()),
        link(opener->open(*this, loop)) {
    MqttConnect options;
    options.host = "127.0.0.1";
    options.port = broker.tls_port();
    options.client_id = "sensor";
    options.clean_session = true;
    link->connect(options);
    REQUIRE(run_until(loop, [this] { return connected; }));
  }
  void publish(const std::string& topic, const std::string& payload) {
    REQUIRE(link->publish(topic, payload, Qos::AtLeastOnce, PublishToken{++sent}));
  }
  void on_connected(bool) override { connected = true; }
  void on_refused(int) override {}
  void on_subscribed() override {}
  void on_subscription_refused() override {}
  void on_published(PublishToken) override { ++taken; }
  void on_message(std::string_view, std::string_view) override {}
  void on_closed(LinkStage, Error) override {}
  std::unique_ptr<MosquittoLinkOpener> opener;
  std::unique_ptr<MqttLink> link;
  bool connected = false;
  std::uint64_t sent = 0;
  std::uint64_t taken = 0;
};

BrokerProcess* broker() {
  static const std::unique_ptr<BrokerProcess> one = BrokerProcess::start();
  return one.get();
}

#define REQUIRE_BROKER() \
  if (broker() == nullptr) return

// A test with it runs twice, once in each version, unless it names one. One with subcases of its
// own must: doctest enters one of each level in a run. Each version has a client id of its own: the
// broker keeps sessions, with what was not acknowledged in them and with their subscriptions.
struct Fixture {
  explicit Fixture(const std::string& name, std::optional<Version> version = std::nullopt) {
    if (version) {
      settings.version = *version;
    } else {
      SUBCASE("MQTT 3.1.1") { settings.version = Version::V311; }
      SUBCASE("MQTT 5") { settings.version = Version::V5; }
    }
    settings.port = broker()->plain_port();
    settings.client_id = name + (settings.version == Version::V5 ? "-5" : "-311");
    settings.filters = {name + "/#"};
  }
  std::unique_ptr<BrokerLink> connect() { return connector.connect(settings, events, loop); }

  SystemClock clock;
  AsioLoop loop{clock};
  Resolver resolver;
  AsioStreams streams{resolver};
  BrokerClients connector{streams};
  BrokerSettings settings;
  Recorder events;
};

TEST_CASE("messages come in order, and a publish is answered by the broker") {
  REQUIRE_BROKER();
  Fixture f("order");
  const auto link = f.connect();
  std::optional<Result<BrokerTook>> early;
  link->publish({"order/x", "too early"}, [&](const auto& status) { early = status; });
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1 && early; }));
  CHECK(early->error().code == ErrorCode::BrokerUnavailable);

  Sensor sensor(*broker(), f.resolver, f.loop);
  for (int i = 0; i < 20; ++i) sensor.publish("order/a", std::to_string(i));
  REQUIRE(run_until(f.loop, [&] { return f.events.messages.size() == 20; }));
  for (int i = 0; i < 20; ++i) {
    CHECK(f.events.messages[static_cast<std::size_t>(i)].payload == std::to_string(i));
  }
  std::optional<Result<BrokerTook>> done;
  link->publish({"order/back", std::string("\0b", 2)}, [&](const auto& status) { done = status; });
  // What we publish ourselves comes back only where no subscription can say that it shall not.
  const std::size_t expected = f.settings.version == Version::V5 ? 20 : 21;
  REQUIRE(run_until(f.loop, [&] { return done && f.events.messages.size() == expected; }));
  CHECK(done->has_value());
  if (expected == 21) CHECK(f.events.messages.back().payload == std::string("\0b", 2));
  CHECK(f.events.closed.empty());
}

TEST_CASE("a broker of MQTT 5 says that nobody has subscribed to a topic") {
  REQUIRE_BROKER();
  Fixture f("nobody");
  const auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  std::optional<Result<BrokerTook>> done;
  link->publish({"elsewhere/x", "1"}, [&](const auto& status) { done = status; });
  REQUIRE(run_until(f.loop, [&] { return done.has_value(); }));
  REQUIRE(done->has_value());
  CHECK((*done)->nobody_listens == (f.settings.version == Version::V5));
}

TEST_CASE("more publishes than the broker takes at a time all arrive, in their order") {
  REQUIRE_BROKER();
  Fixture f("many");
  const auto link = f.connect();
  link->start();
  BrokerSettings other = f.settings;
  other.client_id += "-listener";
  Recorder heard;
  const auto listener = f.connector.connect(other, heard, f.loop);
  listener->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1 && heard.connected == 1; }));
  int taken = 0;
  for (int i = 0; i < 100; ++i) {  // Mosquitto takes 20
    link->publish({"many/a", std::to_string(i)}, [&](const auto& done) { taken += done ? 1 : 0; });
  }
  REQUIRE(run_until(f.loop, [&] { return taken == 100 && heard.messages.size() == 100; }));
  for (int i = 0; i < 100; ++i) {
    CHECK(heard.messages[static_cast<std::size_t>(i)].payload == std::to_string(i));
  }
}

TEST_CASE("a publish that was refused has no answer any more after stop") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedStreams streams;
  Recorder events;
  BrokerClients connector{streams};
  auto link = connector.connect({}, events, loop);
  int answers = 0;
  const auto publish = [&] { link->publish({"a", "1"}, [&](const auto&) { ++answers; }); };
  link->start();
  publish();
  loop.run_posted();
  CHECK(answers == 1);
  publish();
  SUBCASE("stopped") { link->stop(); }
  SUBCASE("gone") { link.reset(); }
  loop.run_posted();
  CHECK(answers == 1);
}

TEST_CASE("why there is no broker is said without its place, and whom it does not let in") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedStreams streams;
  Recorder events;
  BrokerClients connector{streams};
  BrokerSettings settings;
  settings.user_name = "hubward";
  const auto link = connector.connect(settings, events, loop);
  link->start();
  streams[0].fail(ErrorCode::DeviceNotListening, "Connection refused");
  REQUIRE(events.closed.size() == 1);
  CHECK(events.closed[0].code == ErrorCode::BrokerUnavailable);
  CHECK(events.closed[0].context == "Connection refused");
  loop.run_for(BrokerClients::kReconnectAfter);
  streams[0].accept();
  streams[0].send(std::string_view("\x20\x02\x00\x05", 4));  // CONNACK: not authorized
  REQUIRE(events.closed.size() == 2);
  CHECK(events.closed[1].code == ErrorCode::BrokerDenied);
  CHECK(events.closed[1].context == "the broker does not allow this client (user hubward)");
}

TEST_CASE("what was not taken is not acknowledged: the broker delivers it again") {
  REQUIRE_BROKER();
  Fixture f("again");
  int refusals = 2;
  f.events.decide = [&](const BrokerMessage& message, BrokerAck ack) {
    if (message.payload == "second" && refusals > 0) {
      --refusals;
      return ack(false);
    }
    ack(true);
  };
  auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  Sensor sensor(*broker(), f.resolver, f.loop);
  for (const char* text : {"first", "second", "third"}) sensor.publish("again/a", text);
  REQUIRE(run_until(f.loop, [&] {
    return !f.events.messages.empty() && f.events.messages.back().payload == "third";
  }));
  // Nothing after the refused one overtakes it.
  CHECK(f.events.payloads() ==
        std::vector<std::string>{"first", "second", "second", "second", "third"});
  CHECK(f.events.connected == 3);
  CHECK(f.events.closed.size() == 2);

  // And what was taken does not come back, once the broker has heard that it was: what it answers
  // now it was told after that.
  std::optional<Result<BrokerTook>> told;
  link->publish({"elsewhere/x", "1"}, [&](const auto& status) { told = status; });
  REQUIRE(run_until(f.loop, [&] { return told.has_value(); }));
  link = f.connect();
  f.events.messages.clear();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 4; }));
  sensor.publish("again/a", "last");
  REQUIRE(run_until(f.loop, [&] { return !f.events.messages.empty(); }));
  CHECK(f.events.messages.front().payload == "last");
}

TEST_CASE("a link that stops with a message in hand does not acknowledge it, and stops at once") {
  REQUIRE_BROKER();
  Fixture f("stop");
  std::vector<BrokerAck> held;
  f.events.decide = [&](const BrokerMessage&, BrokerAck ack) { held.push_back(std::move(ack)); };
  auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  Sensor sensor(*broker(), f.resolver, f.loop);
  sensor.publish("stop/a", "kept");
  REQUIRE(run_until(f.loop, [&] { return held.size() == 1; }));
  const auto before = std::chrono::steady_clock::now();
  link.reset();
  CHECK(std::chrono::steady_clock::now() - before < 3s);
  held.front()(true);  // too late
  CHECK(f.events.closed.empty());

  f.events.messages.clear();
  f.events.decide = nullptr;
  link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return !f.events.messages.empty(); }));
  CHECK(f.events.messages.front().payload == "kept");
}

TEST_CASE("what was published while the link was away is delivered when it is back") {
  REQUIRE_BROKER();
  Fixture f("away");
  auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  link->stop();
  Sensor sensor(*broker(), f.resolver, f.loop);
  for (int i = 0; i < 5; ++i) sensor.publish("away/a", std::to_string(i));
  REQUIRE(run_until(f.loop, [&] { return sensor.taken == 5; }));
  CHECK(f.events.messages.empty());
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.messages.size() == 5; }));
  CHECK(f.events.payloads() == std::vector<std::string>{"0", "1", "2", "3", "4"});
}

TEST_CASE("a broker that goes away is said, publishes fail, and it is found again") {
  REQUIRE_BROKER();
  const auto own = BrokerProcess::start();
  REQUIRE(own);
  Fixture f("restart");
  f.settings.port = own->plain_port();
  const auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  own->shut_down();
  REQUIRE(run_until(f.loop, [&] { return !f.events.closed.empty(); }));
  CHECK(f.events.closed.front().code == ErrorCode::BrokerUnavailable);
  std::optional<Result<BrokerTook>> done;
  link->publish({"restart/x", "lost"}, [&](const auto& status) { done = status; });
  REQUIRE(run_until(f.loop, [&] { return done.has_value(); }));
  CHECK_FALSE(done->has_value());
  own->restart();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 2; }));
}

TEST_CASE("a broker that takes the connection and says nothing is given up") {
  REQUIRE_BROKER();
  const auto own = BrokerProcess::start();
  REQUIRE(own);
  own->freeze();
  Fixture f("frozen");
  f.settings.port = own->plain_port();
  const auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return !f.events.closed.empty(); }));
  CHECK(f.events.closed.front().context.find("no answer in 8 s") != std::string::npos);
  own->thaw();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
}

TEST_CASE("TLS to the broker is verified, and refusals have words") {
  REQUIRE_BROKER();
  Fixture f("tls", Version::V311);
  f.settings.host = "127.0.0.1";
  f.settings.ca_file = broker()->roots_file();
  SUBCASE("trusted") {
    f.settings.port = broker()->tls_port();
    const auto link = f.connect();
    link->start();
    CHECK(run_until(f.loop, [&] { return f.events.connected == 1; }));
  }
  SUBCASE("another root") {
    f.settings.ca_file = broker()->other_roots_file();
    f.settings.port = broker()->tls_port();
    const auto link = f.connect();
    link->start();
    REQUIRE(run_until(f.loop, [&] { return !f.events.closed.empty(); }));
    CHECK(f.events.connected == 0);
  }
  SUBCASE("not allowed in") {
    f.settings.port = broker()->refusing_tls_port();
    const auto link = f.connect();
    link->start();
    REQUIRE(run_until(f.loop, [&] { return !f.events.closed.empty(); }));
    CHECK(f.events.closed.front().context.find("does not allow") != std::string::npos);
  }
  SUBCASE("unknown name") {
    f.settings.host = "no-such-broker.invalid";
    const auto link = f.connect();
    link->start();
    REQUIRE(run_until(f.loop, [&] { return !f.events.closed.empty(); }));
    CHECK(f.events.closed.front().context.find("name") != std::string::npos);  // place: the adapter
  }
}

void drop_inside(Version version, const std::string& name,
                 const std::function<void(Fixture&, std::unique_ptr<BrokerLink>&)>& prepare) {
  Fixture f(name, version);
  auto link = f.connect();
  prepare(f, link);
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  Sensor sensor(*broker(), f.resolver, f.loop);
  sensor.publish(name + "/a", "x");
  CHECK(run_until(f.loop, [&] { return !link; }));
}

TEST_CASE("a link may be dropped inside its own events") {
  REQUIRE_BROKER();
  std::optional<Version> version;
  SUBCASE("in 3.1.1") { version = Version::V311; }
  SUBCASE("in 5") { version = Version::V5; }
  drop_inside(*version, "drop-message", [](Fixture& f, std::unique_ptr<BrokerLink>& link) {
    f.events.decide = [&link](const BrokerMessage&, BrokerAck ack) {
      link.reset();
      ack(true);
    };
  });
  drop_inside(*version, "drop-closed", [](Fixture& f, std::unique_ptr<BrokerLink>& link) {
    f.events.decide = [](const BrokerMessage&, BrokerAck ack) { ack(false); };
    f.events.then = [&link] { link.reset(); };
  });
}

TEST_CASE("messages a second through one link, each acknowledged by the loop (a figure, no goal)") {
  REQUIRE_BROKER();
  Fixture f("rate");
  const auto link = f.connect();
  link->start();
  REQUIRE(run_until(f.loop, [&] { return f.events.connected == 1; }));
  Sensor sensor(*broker(), f.resolver, f.loop);
  constexpr int kMessages = 900;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kMessages; ++i) sensor.publish("rate/a", std::string(200, 'x'));
  REQUIRE(run_until(f.loop, [&] { return f.events.messages.size() >= kMessages; }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::cout << "broker_link_messages_per_second " << static_cast<int>(kMessages / took.count())
            << "\n";
}

}  // namespace
}  // namespace hubward::mqtt
