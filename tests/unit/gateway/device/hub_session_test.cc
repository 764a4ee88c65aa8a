#include "gateway/device/hub_session.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

DeviceDescription press() {
  DeviceDescription device;
  device.id = "press-07";
  TagDescription target;
  target.name = "targetPressure";
  target.writable = true;
  TagDescription serial;
  serial.name = "serialNumber";
  serial.as = TagDescription::As::Property;
  device.tags = {target, serial};
  return device;
}

StoredMessage row(std::uint64_t sequence, std::size_t body_bytes = 2) {
  StoredMessage stored;
  stored.sequence = sequence;
  stored.epoch = "e1";
  stored.message.body = std::string(body_bytes, 'x');
  return stored;
}

struct Fixture {
  DeviceDescription device = press();
  SendWindow window;
  Properties properties{device};
  HubSession session{DeviceIndex{0}, "press-07", 120s, window, properties};
  SteadyTime now{1h};
  SessionActions actions;

  explicit Fixture(SendWindowSettings settings = {}) : window(settings) {
    (void)window.wants_rows(SteadyTime{});
    window.on_fetched(std::vector<StoredMessage>{}, SteadyTime{});
  }
  // All actions of one kind since the last call; the others of that call are dropped.
  template <class Kind>
  std::vector<Kind> take() {
    std::vector<Kind> taken;
    for (auto& action : actions) {
      if (auto* kind = std::get_if<Kind>(&action)) taken.push_back(std::move(*kind));
    }
    actions.clear();
    return taken;
  }
  void connect() {
    session.on_connected("press-07", nullptr, now, actions);
    session.on_subscribed(now, actions);
  }
  // Connects and answers the twin.
  void settle(std::string_view twin = R"({"desired":{"$version":1},"reported":{"$version":1}})") {
    connect();
    for (const auto& send : take<Send>()) {
      if (!send.topic.starts_with("$iothub/twin/GET/")) continue;
      const std::string rid = send.topic.substr(send.topic.find("$rid=") + 5);
      session.on_message("$iothub/twin/res/200/?$rid=" + rid, twin, now, actions);
    }
  }
};

}  // namespace

TEST_CASE("a session subscribes, then fetches the twin, and telemetry waits for neither") {
  Fixture f;
  f.window.on_stored(row(1));
  f.session.on_connected("press-07", nullptr, f.now, f.actions);
  CHECK(std::get<SubscribeTo>(f.actions.at(0)).subscriptions.size() == 4);
  const auto first = f.take<Send>();
  REQUIRE(first.size() == 1);
  CHECK(first[0].topic.starts_with("devices/press-07/messages/events/"));
  CHECK(first[0].topic.find("%24.mid=e1-press-07-1") != std::string::npos);
  CHECK(first[0].topic.find("%24.ctime=") != std::string::npos);
  CHECK(first[0].qos == Qos::AtLeastOnce);
  f.session.on_subscribed(f.now, f.actions);
  const auto get = f.take<Send>();
  REQUIRE(get.size() == 1);
  CHECK(get[0].topic.starts_with("$iothub/twin/GET/"));
}

TEST_CASE("an acknowledged message leaves the outbox") {
  Fixture f;
  f.connect();
  f.take<Send>();
  f.window.on_stored(row(1));
  f.session.on_work(f.now, f.actions);
  const auto sent = f.take<Send>();
  REQUIRE(sent.size() == 1);
  f.session.on_published(sent[0].token, f.now, f.actions);
  const auto released = f.take<ReleaseRow>();
  REQUIRE(released.size() == 1);
  CHECK(released[0].row.sequence == 1);
}

TEST_CASE("a message that can never be sent is set aside, the next one goes") {
  Fixture f;
  f.connect();
  f.take<Send>();
  f.window.on_stored(row(1, 300 * 1024));
  f.window.on_stored(row(2));
  f.session.on_work(f.now, f.actions);
  REQUIRE(f.actions.size() == 2);
  CHECK(std::get<QuarantineRow>(f.actions[0]).why == ErrorCode::MessageTooLarge);
  CHECK(std::get<Send>(f.actions[1]).topic.find("press-07-2") != std::string::npos);
}

TEST_CASE("a missing PUBACK ends the link after a minute") {
  Fixture f;
  f.settle();
  f.window.on_stored(row(1));
  f.session.on_work(f.now, f.actions);
  f.take<Send>();
  REQUIRE(f.session.deadline() == f.now + 60s);
  f.now += 59s;
  f.session.on_timer(f.now, f.actions);
  CHECK(f.take<EndLink>().empty());
  f.now += 1s;
  f.session.on_timer(f.now, f.actions);
  const auto end = f.take<EndLink>();
  REQUIRE(end.size() == 1);
  CHECK(end[0].why == ErrorCode::PubackMissing);

  // Said once: nothing is due and nothing is sent until the link's end is reported.
  CHECK_FALSE(f.session.deadline());
  f.window.on_stored(row(2));
  f.session.on_work(f.now, f.actions);
  f.session.on_timer(f.now + 60s, f.actions);
  CHECK(f.actions.empty());

  f.session.on_link_lost(true, f.now, f.actions);
  f.connect();
  CHECK(f.take<Send>().size() == 3);  // both messages, and the question for the twin
  CHECK(f.session.deadline() == f.now + 60s);
}

TEST_CASE("a desired property becomes a wish; old and repeated versions do not") {
  Fixture f;
  f.settle(R"({"desired":{"targetPressure":190,"$version":4},"reported":{"$version":1}})");
  const auto wishes = f.take<ApplyWish>();
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].wish.version == 4);
  const auto patch = [&](int version, int value) {
    f.session.on_message(
        "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(version),
        "{\"targetPressure\":" + std::to_string(value) +
            ",\"$version\":" + std::to_string(version) + "}",
        f.now, f.actions);
    return f.take<ApplyWish>().size();
  };
  CHECK(patch(4, 180) == 0);
  CHECK(patch(3, 180) == 0);
  CHECK(patch(5, 180) == 1);
  CHECK(patch(5, 180) == 0);
}

TEST_CASE("more patches than are kept before the twin's answer make it ask for a newer one") {
  Fixture f;
  f.connect();
  const auto first = f.take<Send>();
  REQUIRE(first.size() == 1);
  for (int version = 2; version <= 18; ++version) {
    f.session.on_message(
        "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(version),
        R"({"targetPressure":true})", f.now, f.actions);
  }
  const auto again = f.take<Send>();
  REQUIRE(again.size() == 1);
  CHECK(again[0].topic.starts_with("$iothub/twin/GET/"));
  CHECK(again[0].topic != first[0].topic);
}

TEST_CASE("a patch that overtakes the twin's answer is not lost") {
  Fixture f;
  f.connect();
  const auto get = f.take<Send>();
  REQUIRE(get.size() == 1);
  f.session.on_message("$iothub/twin/PATCH/properties/desired/?$version=6",
                       R"({"targetPressure":50,"$version":6})", f.now, f.actions);
  CHECK(f.take<ApplyWish>().empty());
  const std::string rid = get[0].topic.substr(get[0].topic.find("$rid=") + 5);
  f.session.on_message(
      "$iothub/twin/res/200/?$rid=" + rid,
      R"({"desired":{"targetPressure":40,"$version":5},"reported":{"$version":1}})", f.now,
      f.actions);
  const auto wishes = f.take<ApplyWish>();
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].wish.version == 5);
  CHECK(wishes[1].wish.version == 6);
}

TEST_CASE("a throttled twin is asked again later, a missing one not") {
  Fixture f;
  f.connect();
  const auto rid_of = [](const Send& send) {
    return send.topic.substr(send.topic.find("$rid=") + 5);
  };
  auto get = f.take<Send>();
  f.session.on_message("$iothub/twin/res/429/?$rid=" + rid_of(get.at(0)), "{}", f.now, f.actions);
  CHECK(f.take<Send>().empty());
  REQUIRE(f.session.deadline() == f.now + 15s);
  f.now += 15s;
  f.session.on_timer(f.now, f.actions);
  get = f.take<Send>();
  REQUIRE(get.size() == 1);
  f.session.on_message("$iothub/twin/res/404/?$rid=" + rid_of(get.at(0)), "{}", f.now, f.actions);
  CHECK_FALSE(f.session.deadline());
}

TEST_CASE("reports go one at a time, at most one a second, and again after a refusal that passes") {
  Fixture f;
  f.settle();
  f.take<Send>();
  const auto read = [&](const char* serial) {
    f.properties.on_reading({TagIndex{1}, TagValue(std::string(serial)), Quality::Good, {}});
    f.session.on_work(f.now, f.actions);
    return f.take<Send>();
  };
  const auto first = read("A1");
  REQUIRE(first.size() == 1);
  CHECK(first[0].payload == R"({"serialNumber":"A1"})");
  CHECK(read("A2").empty());
  const auto rid = first[0].topic.substr(first[0].topic.find("$rid=") + 5);
  f.session.on_message("$iothub/twin/res/204/?$rid=" + rid + "&$version=2", "", f.now, f.actions);
  CHECK(f.take<Send>().empty());
  REQUIRE(f.session.deadline() == f.now + 1s);
  f.now += 1s;
  f.session.on_timer(f.now, f.actions);
  const auto second = f.take<Send>();
  REQUIRE(second.size() == 1);
  CHECK(second[0].payload == R"({"serialNumber":"A2"})");
  f.session.on_link_lost(true, f.now, f.actions);
  f.now += 1s;
  f.settle();
  f.session.on_work(f.now, f.actions);
  CHECK(f.properties.has_report() == false);  // under way again
}

TEST_CASE("commands come out with their request id, and are answered on it") {
  Fixture f;
  f.settle();
  f.take<Send>();
  f.session.on_message("$iothub/methods/POST/hydraulics*lamp/?$rid=7a", "true", f.now, f.actions);
  const auto commands = f.take<RunCommand>();
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].rid == "7a");
  CHECK(commands[0].component == "hydraulics");
  CHECK(commands[0].command == "lamp");
  f.session.answer("7a", hub::MethodStatus::Done, "{}", f.actions);
  const auto answer = f.take<Send>();
  REQUIRE(answer.size() == 1);
  CHECK(answer[0].topic == "$iothub/methods/res/200/?$rid=7a");
  f.session.on_message("devices/press-07/messages/devicebound/method-name=lamp", "false", f.now,
                       f.actions);
  const auto queued = f.take<RunCommand>();
  REQUIRE(queued.size() == 1);
  CHECK(queued[0].rid.empty());
  f.session.answer("", hub::MethodStatus::Done, "{}", f.actions);
  CHECK(f.take<Send>().empty());
}

TEST_CASE("a queued command that the hub repeats on the next link runs once") {
  Fixture f;
  f.settle();
  const auto says = [&](const char* id) {
    f.session.on_message(
        "devices/press-07/messages/devicebound/%24.mid=" + std::string(id) + "&method-name=lamp",
        "true", f.now, f.actions);
    return f.take<RunCommand>().size();
  };
  CHECK(says("c1") == 1);
  CHECK(says("c2") == 1);
  f.session.on_link_lost(true, f.now, f.actions);
  f.settle();
  CHECK(says("c1") == 0);
  CHECK(says("c2") == 0);
  CHECK(says("c3") == 1);
}

TEST_CASE("a paused session sends no telemetry and is drained when the last PUBACK came") {
  Fixture f;
  f.settle();
  f.window.on_stored(row(1));
  f.session.on_work(f.now, f.actions);
  const auto sent = f.take<Send>();
  f.session.pause();
  f.window.on_stored(row(2));
  f.session.on_work(f.now, f.actions);
  CHECK(f.take<Send>().empty());
  CHECK_FALSE(f.session.is_drained());
  f.session.on_published(sent.at(0).token, f.now, f.actions);
  CHECK(f.session.is_drained());
}

TEST_CASE("foreign topics and broken bodies are named and change nothing") {
  Fixture f;
  f.settle();
  f.take<Send>();
  for (const auto& message :
       {std::pair{"some/other/topic", "x"},
        std::pair{"$iothub/twin/PATCH/properties/desired/?$version=9", "not json"},
        std::pair{"$iothub/twin/PATCH/properties/desired/?$version=x", "{}"}}) {
    CAPTURE(message.first);
    f.session.on_message(message.first, message.second, f.now, f.actions);
    CHECK(f.take<NotUnderstood>().size() == 1);
    CHECK(f.actions.empty());
  }
}

TEST_CASE("a message to the device that names no command is a command without a name") {
  Fixture f;
  f.settle();
  f.take<Send>();
  f.session.on_message("devices/press-07/messages/devicebound/a=b", "x", f.now, f.actions);
  const auto commands = f.take<RunCommand>();
  REQUIRE(commands.size() == 1);
  CHECK(commands[0].command.empty());
  CHECK(commands[0].rid.empty());
}

TEST_CASE("a twin that cannot be read is said, and telemetry goes on") {
  Fixture f;
  f.settle("[");
  CHECK(f.take<NotUnderstood>().size() == 1);
  CHECK(f.session.trouble() == ErrorCode::TwinFault);
}

TEST_CASE(
    "a message made by a clock that was not believed is sent with its true time, and says so") {
  Fixture f;
  f.connect();
  f.take<Send>();
  const auto topic_of = [&f](bool trusted, std::uint64_t sequence) {
    StoredMessage stored = row(sequence);
    stored.message.created = WallTime{20min};  // 1970
    stored.message.since_boot = 40min;
    stored.message.boot_id = 7;
    stored.message.clock_trusted = trusted;
    stored.message.properties = {{"line", "2"}};
    f.window.on_stored(stored);
    f.session.on_work(f.now, f.actions);
    const auto sent = f.take<Send>();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].payload == stored.message.body);
    CHECK(sent[0].topic.find("%24.mid=e1-press-07-" + std::to_string(sequence)) !=
          std::string::npos);
    CHECK(sent[0].topic.find("line=2") != std::string::npos);
    return sent[0].topic;
  };
  const auto has = [](const std::string& topic, const char* text) {
    return topic.find(text) != std::string::npos;
  };
  std::string topic = topic_of(false, 1);
  CHECK(has(topic, "%24.ctime=1970-01-01T00%3A20%3A00.000Z"));
  CHECK(has(topic, "clock=untrusted"));

  // An hour after the machine's start it is 8 o'clock: the message was made 20 minutes ago.
  f.session.on_clock(sight_of(7, true, WallTime{1767600000000ms}, f.now));
  topic = topic_of(false, 2);
  CHECK(has(topic, "%24.ctime=2026-01-05T07%3A40%3A00.000Z"));
  CHECK(has(topic, "clock=restamped"));

  topic = topic_of(true, 3);
  CHECK(has(topic, "%24.ctime=1970-01-01T00%3A20%3A00.000Z"));
  CHECK_FALSE(has(topic, "clock="));
}

TEST_CASE("telemetry keeps to the hub's rate, and goes on when its turn comes") {
  Fixture f;
  resilience::Allowance allowance({.sends_per_second = 20});
  f.session.on_connected("press-07", &allowance, f.now, f.actions);
  f.actions.clear();
  for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) f.window.on_stored(row(sequence));
  std::size_t sent = 0;
  const auto work = [&] {
    f.session.on_work(f.now, f.actions);
    const bool waits = std::any_of(f.actions.begin(), f.actions.end(), [](const auto& action) {
      return std::holds_alternative<AwaitAllowance>(action);
    });
    for (const auto& send : f.take<Send>()) {
      f.session.on_published(send.token, f.now, f.actions);
      ++sent;
    }
    f.actions.clear();
    return waits;
  };
  CHECK(work());
  CHECK(sent == 1);
  const SteadyTime began = f.now;
  while (sent < 10) {
    const auto at = allowance.next_at(f.now);
    REQUIRE(at);
    f.now = *at;
    while (allowance.next_served(f.now)) work();
  }
  CHECK(f.now - began >= 440ms);
  CHECK(f.now - began <= 460ms);
}

TEST_CASE("twin reads and reports keep to the hub's rates, and telemetry does not wait for them") {
  Fixture f;
  resilience::Allowance allowance({.twin_reads_per_second = 1, .twin_updates_per_second = 1});
  while (allowance.take(resilience::Use::TwinRead, DeviceIndex{9}, f.now)) {
  }
  allowance.leave(DeviceIndex{9});
  f.window.on_stored(row(1));
  f.session.on_connected("press-07", &allowance, f.now, f.actions);
  f.session.on_subscribed(f.now, f.actions);
  auto sent = f.take<Send>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].topic.starts_with("devices/"));
  f.now = *allowance.next_at(f.now);
  CHECK(allowance.next_served(f.now) == DeviceIndex{0});
  f.session.on_work(f.now, f.actions);
  sent = f.take<Send>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].topic.starts_with("$iothub/twin/GET/"));
}

TEST_CASE(
    "a report that waits for the hub's rate sets no alarm of its own, and is sent in its turn") {
  Fixture f;
  resilience::Allowance allowance({.twin_updates_per_second = 0.1});
  while (allowance.take(resilience::Use::TwinUpdate, DeviceIndex{9}, f.now)) {
  }
  allowance.leave(DeviceIndex{9});
  f.session.on_connected("press-07", &allowance, f.now, f.actions);
  f.session.on_subscribed(f.now, f.actions);
  for (const auto& send : f.take<Send>()) {
    const std::string rid = send.topic.substr(send.topic.find("$rid=") + 5);
    f.session.on_message("$iothub/twin/res/200/?$rid=" + rid,
                         R"({"desired":{"$version":1},"reported":{"$version":1}})", f.now,
                         f.actions);
  }
  f.actions.clear();
  f.properties.on_reading({TagIndex{1}, TagValue(std::string("A17")), Quality::Good, {}});
  f.session.on_work(f.now, f.actions);
  CHECK(f.take<Send>().empty());
  // Else its timer would be due at once, again and again.
  CHECK_FALSE(f.session.deadline());
  f.now = *allowance.next_at(f.now);
  REQUIRE(allowance.next_served(f.now));
  f.session.on_work(f.now, f.actions);
  const auto sent = f.take<Send>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].topic.starts_with("$iothub/twin/PATCH/properties/reported/"));
}

TEST_CASE("while the rate for a backlog is used up, fresh messages go out if the order allows it") {
  for (const SendOrder order : {SendOrder::Strict, SendOrder::FreshFirst}) {
    Fixture f({.order = order, .fresh_share_percent = 50});
    resilience::Allowance allowance({.backlog_sends_per_second = 1});
    // Kept over an outage; more than there is allowance for at once.
    for (std::uint64_t i = 1; i <= 20; ++i) f.window.on_stored(row(i));
    f.session.on_connected("press-07", &allowance, f.now, f.actions);
    f.take<Send>();
    f.window.on_stored(row(21));
    f.session.on_work(f.now, f.actions);
    const auto sent = f.take<Send>();
    CHECK(sent.size() == (order == SendOrder::FreshFirst ? 1 : 0));
  }
}

TEST_CASE(
    "a hub that acknowledges nothing sets nothing aside, however often the link is given up") {
  Fixture f;
  for (std::uint64_t i = 1; i <= 3; ++i) f.window.on_stored(row(i));
  for (int link = 0; link < 20; ++link) {
    f.connect();
    f.take<Send>();
    f.now += 61s;
    f.session.on_timer(f.now, f.actions);
    CHECK(f.take<EndLink>().size() == 1);
    f.session.on_link_lost(true, f.now, f.actions);
    CHECK(f.take<QuarantineRow>().empty());
  }
}

TEST_CASE(
    "how old a wish is counts from when the link surely stood, not from when it was given up") {
  struct Row {
    const char* why;
    SteadyTime::duration silent;  // before the end
    bool planned;
    bool written;
  };
  const Row rows[] = {
      {"a link that said something just now", 10s, false, true},
      {"one that may have been dead for a while", 100s, false, false},
      {"one whose keep-alive vouches for all but four minutes", 1h, false, false},
      {"one that we ended ourselves", 1h, true, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Fixture f;
    for (auto& tag : f.device.tags) tag.wish_age_max = 60s;
    f.settle();
    f.now += row.silent;
    f.session.on_link_lost(!row.planned, f.now, f.actions);
    f.now += 30s;
    f.settle(R"({"desired":{"targetPressure":150,"$version":2},"reported":{"$version":1}})");
    CHECK(f.take<ApplyWish>().size() == (row.written ? 1 : 0));
  }
}
