#include "adapters/mqtt/mqtt_adapter.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/manual_clock.h"
#include "tests/support/manual_loop.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_broker.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::chrono_literals;

namespace {

std::vector<DeviceSettings> two_sensors() {
  return {{.device = {5},
           .device_name = "s1",
           .topic_template = "plant/{device}/t",
           .tags = {{TagIndex{0}, JsonMember{"/v"}}, {TagIndex{1}, JsonMember{"/seq"}}}},
          {.device = {6},
           .device_name = "s2",
           .topic_template = "plant/{device}/t",
           .tags = {{TagIndex{0}, JsonMember{"/v"}}}}};
}

struct Bench {
  Bench() { REQUIRE(adapter.start(sink)); }
  // The batch that came last; the test says what became of it.
  void store(Status status) { sink.deliveries.back().stored(std::move(status)); }
  Status not_stored(ErrorCode code) { return failure(code, ErrorKind::Transient); }

  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  MqttAdapter adapter{BrokerSettings{}, two_sensors(), broker, loop};
};

}  // namespace

TEST_CASE("the adapter subscribes to its devices' topics and starts the link") {
  Bench bench;
  CHECK(bench.broker.started);
  CHECK(bench.broker.settings.filters == std::vector<std::string>{"plant/+/t"});
}

TEST_CASE("a message becomes one batch, and is acknowledged only when it is in the outbox") {
  Bench bench;
  const auto fate = bench.broker.send("plant/s1/t", R"({"v":21.5,"seq":7})");
  REQUIRE(bench.sink.deliveries.size() == 1);
  const ReadingBatch& batch = bench.sink.deliveries[0].batch;
  CHECK(batch.device == DeviceIndex{5});
  CHECK(batch.at == bench.clock.wall());
  CHECK(batch.at_steady == bench.clock.steady());
  REQUIRE(batch.readings.size() == 2);
  CHECK(std::get<double>(batch.readings[0].value) == 21.5);
  CHECK(!fate->taken);
  bench.loop.run_for(60s);
  CHECK(!fate->taken);  // nothing but the store's answer decides
  bench.store({});
  CHECK(fate->taken == true);
  CHECK(fate->answers == 1);
}

TEST_CASE("what the store could not take now is left with the broker, anything else is not") {
  struct Row {
    const char* why;
    ErrorCode code;
    bool taken;
  };
  const Row rows[] = {
      {"disk full", ErrorCode::StoreFailed, false},
      {"store full, newest refused", ErrorCode::StoreFull, false},
      {"stopping", ErrorCode::Stopped, false},
      {"would be refused each time", ErrorCode::MessageTooLarge, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench;
    const auto fate = bench.broker.send("plant/s1/t", R"({"v":1})");
    bench.store(bench.not_stored(row.code));
    CHECK(fate->taken == row.taken);
    CHECK(fate->answers == 1);
  }
}

TEST_CASE("messages are stored in any order and each gets its own acknowledgement") {
  Bench bench;
  const auto first = bench.broker.send("plant/s1/t", R"({"v":1})");
  const auto second = bench.broker.send("plant/s2/t", R"({"v":2})");
  bench.sink.deliveries[1].stored({});
  CHECK(!first->taken);
  CHECK(second->taken == true);
  bench.sink.deliveries[0].stored(bench.not_stored(ErrorCode::StoreFailed));
  CHECK(first->taken == false);
}

TEST_CASE("bad input is counted with a bounded sample, taken from the broker, and blocks nobody") {
  struct Row {
    const char* why;
    std::string topic, payload;
    ErrorCode code;
    std::optional<DeviceIndex> device;
  };
  const Row rows[] = {
      {"no JSON", "plant/s1/t", "temperature=21", ErrorCode::BadPayload, DeviceIndex{5}},
      {"empty", "plant/s1/t", "", ErrorCode::BadPayload, DeviceIndex{5}},
      {"too long", "plant/s2/t", std::string(300'000, 'x'), ErrorCode::InputTooLong,
       DeviceIndex{6}},
      {"nobody's topic", "plant/s9/t", R"({"v":1})", ErrorCode::BadPayload, std::nullopt},
      {"nobody's, and endless", std::string(60'000, 'x'), "{}", ErrorCode::BadPayload,
       std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench;
    const auto fate = bench.broker.send(row.topic, row.payload);
    CHECK(fate->taken == true);
    CHECK(fate->answers == 1);
    CHECK(bench.sink.deliveries.empty());
    REQUIRE(bench.sink.bad.size() == 1);
    const BadInput& bad = bench.sink.bad[0];
    CHECK(bad.code == row.code);
    CHECK(bad.device == row.device);
    CHECK(bad.source.starts_with("topic " + row.topic.substr(0, 10)));
    CHECK(bad.source.size() <= 300);
    CHECK(bad.sample.size() == std::min(row.payload.size(), BadInput::kSampleBytesMax));
    const auto next = bench.broker.send("plant/s1/t", R"({"v":1})");
    CHECK(bench.sink.deliveries.size() == 1);
  }
}

TEST_CASE("of a message that was dropped on its way it is told why") {
  Bench bench;
  bench.broker.events->on_message_dropped("plant/s2/t", ErrorCode::BadPayload,
                                          "MQTT properties: x");
  REQUIRE(bench.sink.bad.size() == 1);
  CHECK(bench.sink.bad[0].device == DeviceIndex{6});
  CHECK(bench.sink.bad[0].code == ErrorCode::BadPayload);
  CHECK(bench.sink.bad[0].source == "topic plant/s2/t, MQTT properties: x");
}

TEST_CASE("the state has the newest reason for which there is no broker") {
  Bench bench;
  bench.broker.fail(ErrorCode::BrokerUnavailable, "connection refused");
  bench.broker.fail(ErrorCode::BrokerUnavailable, "connection refused");
  bench.broker.fail(ErrorCode::BrokerUnavailable, "wrong password");
  REQUIRE(bench.sink.states.size() == 4);  // two devices: what is the same is told once
  CHECK(bench.sink.states[0].state.detail == "broker 127.0.0.1:1883: connection refused");
  CHECK(bench.sink.states[3].state.detail == "broker 127.0.0.1:1883: wrong password");
}

TEST_CASE("a device that is heard on many topics is told of once") {
  Bench bench;
  bench.broker.events->on_connected({});
  bench.sink.states.clear();
  bench.broker.send("plant/s1/t", R"({"v":1})");
  bench.broker.send("plant/s1/t", R"({"v":2})");
  CHECK(bench.sink.states.size() == 1);
}

TEST_CASE("a remark that comes later is told of devices that were not heard meanwhile") {
  Bench bench;
  bench.broker.events->on_connected({});
  bench.broker.send("plant/s1/t", R"({"v":1})");
  bench.sink.states.clear();
  bench.broker.events->on_connected("less is kept");
  REQUIRE(bench.sink.states.size() == 1);
  CHECK(bench.sink.states[0].device == DeviceIndex{6});
  CHECK(bench.sink.states[0].state.detail.ends_with("; less is kept"));
  bench.broker.fail();
  bench.broker.events->on_connected({});
  CHECK(bench.sink.states.size() == 5);  // a new connection: both, gone and there again
}

TEST_CASE("a retained message is taken once, and not again at every reconnect") {
  Bench bench;
  const auto first = bench.broker.send("plant/s1/t", R"({"v":1})", true);
  CHECK(bench.sink.deliveries.size() == 1);
  bench.store({});
  const auto again = bench.broker.send("plant/s1/t", R"({"v":1})", true);
  CHECK(again->taken == true);
  CHECK(bench.sink.deliveries.size() == 1);
  CHECK(bench.sink.bad.empty());
  bench.broker.send("plant/s1/t", R"({"v":2})");
  CHECK(bench.sink.deliveries.size() == 2);
}

TEST_CASE("a retained message is old only where one of its topic has been stored") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  MqttAdapter adapter{BrokerSettings{},
                      {{.device = {5},
                        .device_name = "s1",
                        .topic_template = "plant/{device}/+",
                        .tags = {{TagIndex{0}, JsonMember{"/v"}}}}},
                      broker,
                      loop};
  REQUIRE(adapter.start(sink));
  broker.send("plant/s1/a", R"({"v":1})", true);
  REQUIRE(sink.deliveries.size() == 1);
  sink.deliveries[0].stored(failure(ErrorCode::StoreFailed, ErrorKind::Transient));
  broker.send("plant/s1/a", R"({"v":1})", true);  // again, because it was not stored
  REQUIRE(sink.deliveries.size() == 2);
  sink.deliveries[1].stored({});
  broker.send("plant/s1/b", R"({"v":2})", true);  // another topic of the same device
  REQUIRE(sink.deliveries.size() == 3);
  sink.deliveries[2].stored({});
  broker.send("plant/s1/a", R"({"v":1})", true);
  broker.send("plant/s1/b", R"({"v":2})", true);
  CHECK(sink.deliveries.size() == 3);
}

TEST_CASE("the state of each device follows broker and messages, changes only") {
  Bench bench;
  using Link = FieldState::Link;
  bench.broker.events->on_connected("");
  REQUIRE(bench.sink.states.size() == 2);
  CHECK(bench.sink.states[0].state.link == Link::Unknown);
  bench.broker.send("plant/s1/t", R"({"v":1})");
  bench.broker.send("plant/s1/t", R"({"v":2})");
  REQUIRE(bench.sink.states.size() == 3);
  CHECK(bench.sink.states[2].device == DeviceIndex{5});
  CHECK(bench.sink.states[2].state.link == Link::Up);
  bench.broker.fail(ErrorCode::BrokerUnavailable, "connection refused");
  bench.broker.fail(ErrorCode::BrokerUnavailable, "connection refused");
  REQUIRE(bench.sink.states.size() == 5);
  CHECK(bench.sink.states[4].state.link == Link::Down);
  CHECK(bench.sink.states[4].state.code == ErrorCode::BrokerUnavailable);
  CHECK(bench.sink.states[4].state.detail == "broker 127.0.0.1:1883: connection refused");
}

TEST_CASE("after stop nothing reaches the sink, and what comes is left with the broker") {
  Bench bench;
  const auto pending = bench.broker.send("plant/s1/t", R"({"v":1})");
  bench.adapter.stop();
  CHECK(!bench.broker.started);
  const auto late = bench.broker.send("plant/s1/t", R"({"v":2})");
  CHECK(late->taken == false);
  CHECK(bench.sink.deliveries.size() == 1);
  bench.store({});  // the outbox was faster than the stop, or slower
  CHECK(pending->answers == 1);
}

TEST_CASE("the outbox may answer after the adapter is gone") {
  test::ManualClock clock;
  test::ManualLoop loop(clock);
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  std::shared_ptr<test::ScriptedBroker::Fate> fate;
  {
    MqttAdapter adapter({}, two_sensors(), broker, loop);
    REQUIRE(adapter.start(sink));
    fate = broker.send("plant/s1/t", R"({"v":1})");
  }
  sink.deliveries.at(0).stored({});
  CHECK(fate->answers == 1);
}

TEST_CASE("a write is refused with the reason") {
  Bench bench;
  std::optional<WriteResult> result;
  bench.adapter.write(
      {.device = {5}, .tag = {0}, .value = 1.0, .deadline = bench.clock.steady() + 5s},
      [&](WriteResult done) { result = std::move(done); });
  REQUIRE(result);
  CHECK(result->outcome == WriteResult::Outcome::Refused);
  CHECK(result->code == ErrorCode::NotWritable);
  CHECK(bench.broker.published.empty());
}

TEST_CASE("settings that cannot work are refused at the start") {
  auto bad_pointer = two_sensors();
  bad_pointer[1].tags[0].where = JsonMember{"v"};
  auto bad_topic = two_sensors();
  bad_topic[0].topic_template = "plant/{device";
  for (const auto& devices : {bad_pointer, bad_topic}) {
    test::ManualClock clock;
    test::ManualLoop loop(clock);
    test::ScriptedBroker broker;
    test::RecordingSink sink;
    MqttAdapter adapter({}, devices, broker, loop);
    const Status started = adapter.start(sink);
    REQUIRE(!started);
    CHECK(started.error().code == ErrorCode::ConfigInvalid);
    CHECK(!broker.started);
  }
}

namespace {

// One valve that says when it measured, whether it is there, and what became of a command.
struct ValveBench {
  ValveBench() {
    DeviceSettings valve{.device = {7},
                         .device_name = "v1",
                         .topic_template = "plant/{device}/t",
                         .tags = {{TagIndex{0}, JsonMember{"/valve"},
                                   WriteSettings{"plant/v1/set", "{value} {id}"}}}};
    valve.time = {JsonMember{"/t"}, TimeFormat::UnixSeconds};
    valve.each = "/samples";
    valve.availability = {"plant/{device}/status", "", "online", "offline"};
    valve.answer = {"plant/{device}/answer", "/id", "/error", {}, "plant/v1/answer"};
    adapter.emplace(BrokerSettings{}, std::vector<DeviceSettings>{valve}, broker, loop);
    REQUIRE(adapter->start(sink));
  }
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  std::optional<MqttAdapter> adapter;
};

}  // namespace

TEST_CASE("what the broker keeps less of than was asked for is said with the state") {
  ValveBench bench;
  bench.broker.events->on_connected("the broker keeps messages for 60 s only");
  REQUIRE(bench.sink.states.size() == 1);
  CHECK(bench.sink.states[0].state.detail.ends_with("; the broker keeps messages for 60 s only"));
}

TEST_CASE("all topics of a device are subscribed to") {
  const ValveBench bench;
  CHECK(bench.broker.settings.filters ==
        std::vector<std::string>{"plant/+/t", "plant/+/status", "plant/+/answer"});
}

TEST_CASE("samples of one message are acknowledged together, each with its own time") {
  ValveBench bench;
  const auto fate = bench.broker.send(
      "plant/v1/t", R"({"samples":[{"valve":1,"t":1767225600},{"valve":0,"t":1767225601}]})");
  REQUIRE(bench.sink.deliveries.size() == 2);
  CHECK(bench.sink.deliveries[0].batch.timed_by_device);
  CHECK(bench.sink.deliveries[0].batch.at == WallTime{1767225600s});
  CHECK(bench.sink.deliveries[1].batch.at == WallTime{1767225601s});
  bench.sink.deliveries[1].stored({});
  CHECK(!fate->taken);
  SUBCASE("all stored") {
    bench.sink.deliveries[0].stored({});
    CHECK(fate->taken == true);
  }
  SUBCASE("one is to come again: all come again") {
    bench.sink.deliveries[0].stored(failure(ErrorCode::StoreFailed, ErrorKind::Transient));
    CHECK(fate->taken == false);
  }
}

TEST_CASE("a device that announces that it is gone is down until it is heard again") {
  ValveBench bench;
  bench.broker.send("plant/v1/status", "offline", true);
  REQUIRE(!bench.sink.states.empty());
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Down);
  CHECK(bench.sink.states.back().state.code == ErrorCode::DeviceOffline);
  // Kept by the broker since before it went: no sign of life.
  bench.broker.send("plant/v1/t", R"({"samples":[{"valve":1}]})", true);
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Down);
  bench.broker.send("plant/v1/status", "online");
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Up);
  bench.broker.send("plant/v1/status", "offline");
  bench.broker.send("plant/v1/t", R"({"samples":[{"valve":1}]})");
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Up);
  const auto fate = bench.broker.send("plant/v1/status", "perhaps");
  CHECK(fate->taken == true);
  CHECK(bench.sink.bad.size() == 1);
}

TEST_CASE("a request of MQTT 5 is answered by its correlation data, whatever the answer holds") {
  ValveBench bench;
  std::vector<WriteResult> results;
  bench.adapter->write({DeviceIndex{7}, TagIndex{0}, true, bench.clock.steady() + 3s},
                       [&](WriteResult result) { results.push_back(std::move(result)); });
  REQUIRE(bench.broker.published.size() == 1);
  const BrokerPublish& request = bench.broker.published[0];
  CHECK(request.response_topic == "plant/v1/answer");
  CHECK(request.expires_after == 2900ms);  // the command's time, which ends before the answer's
  REQUIRE_FALSE(request.correlation.empty());
  const auto other = bench.broker.send("plant/v1/answer", "", false, "1-1");
  CHECK(other->taken == true);  // somebody else's
  CHECK(results.empty());
  CHECK(bench.broker.send("plant/v1/answer", "", false, request.correlation)->taken == true);
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == WriteResult::Outcome::Written);
}

TEST_CASE("a write is published, and answered by what the device says") {
  ValveBench bench;
  std::vector<WriteResult> results;
  const auto write = [&] {
    bench.adapter->write({DeviceIndex{7}, TagIndex{0}, true, bench.clock.steady() + 10s},
                         [&](WriteResult result) { results.push_back(std::move(result)); });
  };
  write();
  REQUIRE(bench.broker.published.size() == 1);
  const std::string topic = bench.broker.published[0].topic;
  const std::string payload = bench.broker.published[0].payload;
  CHECK(topic == "plant/v1/set");
  REQUIRE(payload.starts_with("true "));
  const auto fate = bench.broker.send("plant/v1/answer",
                                      R"({"id":")" + payload.substr(5) + R"(","error":"locked"})");
  CHECK(fate->taken == true);
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == WriteResult::Outcome::Refused);
  write();
  bench.loop.run_for(6s);
  REQUIRE(results.size() == 2);
  CHECK(results[1].outcome == WriteResult::Outcome::Unknown);
  write();
  bench.adapter->stop();
  REQUIRE(results.size() == 3);
}

TEST_CASE("what waits for the broker is withdrawn by maintenance, and for good by a stop") {
  ValveBench bench;
  bench.broker.holds = true;
  std::vector<WriteResult> results;
  const auto write = [&] {
    bench.adapter->write({DeviceIndex{7}, TagIndex{0}, true, bench.clock.steady() + 10s},
                         [&](WriteResult result) { results.push_back(std::move(result)); });
  };
  write();
  bench.adapter->withdraw_writes();
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == WriteResult::Outcome::Refused);
  CHECK(results[0].code == ErrorCode::WritesPaused);
  write();
  bool done = false;
  bench.adapter->wind_down([&] { done = true; });
  REQUIRE(results.size() == 2);
  CHECK(results[1].outcome == WriteResult::Outcome::Refused);
  CHECK(results[1].code == ErrorCode::Stopped);
  CHECK(results[1].detail == "hubward is stopping; not written");
  CHECK_FALSE(done);
  bench.loop.run_posted();
  CHECK(done);
  write();  // no command is begun any more
  REQUIRE(results.size() == 3);
  CHECK(results[2].code == ErrorCode::Stopped);
  CHECK(bench.broker.published.empty());
}

TEST_CASE("a device's word on what it was told before a stop began still counts") {
  ValveBench bench;
  std::optional<WriteResult> result;
  bench.adapter->write({DeviceIndex{7}, TagIndex{0}, true, bench.clock.steady() + 10s},
                       [&](WriteResult one) { result = std::move(one); });
  REQUIRE(bench.broker.published.size() == 1);
  bench.adapter->wind_down([] {});
  CHECK_FALSE(result);
  const std::string id = bench.broker.published[0].payload.substr(5);
  bench.broker.send("plant/v1/answer", R"({"id":")" + id + R"("})");
  REQUIRE(result);
  CHECK(result->outcome == WriteResult::Outcome::Written);
}

TEST_CASE("a write is not confirmed by what the broker has kept or what was measured before") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  DeviceSettings valve{
      .device = {7},
      .device_name = "v1",
      .topic_template = "plant/{device}/t",
      .tags = {{TagIndex{0}, JsonMember{"/valve"}, WriteSettings{"plant/v1/set"}}}};
  valve.time = {JsonMember{"/t"}, TimeFormat::UnixSeconds};
  MqttAdapter adapter{BrokerSettings{}, {valve}, broker, loop};
  REQUIRE(adapter.start(sink));
  std::vector<WriteResult> results;
  adapter.write({DeviceIndex{7}, TagIndex{0}, true, clock.steady() + 10s},
                [&](WriteResult result) { results.push_back(std::move(result)); });
  broker.send("plant/v1/t", R"({"valve":true})", true);
  broker.send("plant/v1/t", R"({"valve":true,"t":1767599990})");  // ten seconds ago
  CHECK(results.empty());
  CHECK(sink.deliveries.size() == 2);
  broker.send("plant/v1/t", R"({"valve":true,"t":1767600001})");
  REQUIRE(results.size() == 1);
  CHECK(results[0].outcome == WriteResult::Outcome::Written);
}

TEST_CASE("a topic for each tag brings that tag, and what else is said there is no bad input") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  TagSettings level{.tag = TagIndex{0}, .where = WholeText{}, .named = "level"};
  level.write = WriteSettings{"plant/t1/set"};
  DeviceSettings tank{.device = {3},
                      .device_name = "t1",
                      .topic_template = "plant/{device}/{tag}",
                      .payload = PayloadForm::Text,
                      .availability = AvailabilitySettings{"plant/{device}/status", ""},
                      .tags = {level, {.tag = TagIndex{1}, .where = WholeText{}, .named = "temp"}}};
  MqttAdapter adapter{BrokerSettings{}, {tank}, broker, loop};
  REQUIRE(adapter.start(sink));
  broker.send("plant/t1/temp", "21.5");
  REQUIRE(sink.deliveries.size() == 1);
  REQUIRE(sink.deliveries[0].batch.readings.size() == 1);
  CHECK(sink.deliveries[0].batch.readings[0].tag == TagIndex{1});
  broker.send("plant/t1/status", "online");
  broker.send("plant/t1/set", "17");  // our own write, come back
  CHECK(sink.bad.empty());
  broker.send("plant/t1/debug", "17");
  CHECK(sink.bad.size() == 1);
  CHECK(sink.deliveries.size() == 1);
}

namespace {

// A site with one sensor and a rule for others of its kind.
struct Newcomers {
  explicit Newcomers(std::vector<DeviceSettings> devices = {two_sensors()[0]})
      : adapter(BrokerSettings{}, std::move(devices), broker, loop) {
    DeviceSettings kind = two_sensors()[0];
    kind.device_name = "new-device";
    kind.availability = AvailabilitySettings{"plant/{device}/status", ""};
    adapter.welcome({kind}, [this](std::size_t rule, std::string_view name, std::string_view topic,
                                   std::string_view payload) {
      heard.push_back(std::to_string(rule) + " " + std::string(name) + " " + std::string(topic));
      said = payload;
    });
    REQUIRE(adapter.start(sink));
  }
  static DeviceSettings newcomer(const std::string& name, std::uint32_t index) {
    DeviceSettings made = two_sensors()[0];
    made.device = DeviceIndex{index};
    made.device_name = name;
    made.availability = AvailabilitySettings{"plant/{device}/status", ""};
    return made;
  }

  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedBroker broker;
  test::RecordingSink sink;
  std::vector<std::string> heard;
  std::string said;
  MqttAdapter adapter;
};

}  // namespace

TEST_CASE("a device that no file knows is heard of, and nothing of it is stored or bad") {
  Newcomers bench;
  CHECK(bench.broker.settings.filters == std::vector<std::string>{"plant/+/t", "plant/+/status"});
  const auto fate = bench.broker.send("plant/s9/t", R"({"v":1})");
  CHECK(fate->taken == true);
  bench.broker.send("plant/s9/status", "online");
  bench.broker.send("plant/s8/t", R"({"v":1})", true);  // kept by the broker: may be long gone
  CHECK(bench.heard == std::vector<std::string>{"0 s9 plant/s9/t"});
  CHECK(bench.said == R"({"v":1})");
  CHECK(bench.sink.deliveries.empty());
  CHECK(bench.sink.bad.empty());
  bench.broker.send("elsewhere/s9", "1");
  CHECK(bench.sink.bad.size() == 1);
  bench.broker.send("plant/s1/t", R"({"v":1})");
  CHECK(bench.sink.deliveries.size() == 1);
  CHECK(bench.heard.size() == 1);
}

TEST_CASE("a device that is added while others run is one of them") {
  Newcomers bench;
  bench.broker.send("plant/s9/t", R"({"v":1})");
  REQUIRE(bench.adapter.add(Newcomers::newcomer("s9", 7)));
  bench.broker.send("plant/s9/t", R"({"v":2})");
  REQUIRE(bench.sink.deliveries.size() == 1);
  CHECK(bench.sink.deliveries[0].batch.device == DeviceIndex{7});
  CHECK(bench.heard.size() == 1);
  CHECK_FALSE(bench.adapter.add(Newcomers::newcomer("s9", 8)));  // its topic is taken
  DeviceSettings elsewhere = Newcomers::newcomer("s10", 8);
  elsewhere.topic_template = "hall/{device}/t";
  const Status refused = bench.adapter.add(elsewhere);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().context.find("was not subscribed") != std::string::npos);
  bench.broker.send("plant/s9/t", R"({"v":3})");
  CHECK(bench.sink.deliveries.size() == 2);
}

TEST_CASE("a device that is added learns how the broker is, as those before it did") {
  Newcomers bench;
  bench.broker.events->on_connected("");
  REQUIRE(bench.adapter.add(Newcomers::newcomer("s9", 7)));
  bench.adapter.report_broker(DeviceIndex{7});
  REQUIRE(bench.sink.states.size() == 2);
  CHECK(bench.sink.states[1].device == DeviceIndex{7});
  CHECK(bench.sink.states[1].state.detail == bench.sink.states[0].state.detail);
  bench.broker.events->on_closed({ErrorCode::BrokerUnavailable, ErrorKind::Transient, "gone"});
  REQUIRE(bench.adapter.add(Newcomers::newcomer("s10", 8)));
  bench.adapter.report_broker(DeviceIndex{8});
  REQUIRE(bench.sink.states.size() == 5);
  CHECK(bench.sink.states[4].state.link == FieldState::Link::Down);
}

TEST_CASE("a site may begin with newcomers only") {
  Newcomers bench(std::vector<DeviceSettings>{});
  bench.broker.send("plant/s9/t", R"({"v":1})");
  CHECK(bench.heard.size() == 1);
}
