#include "gateway/observe/condition.h"

#include <doctest/doctest.h>

#include <functional>

#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

namespace {

Condition condition(BoardFixture& site) {
  return condition_of(*site.board.device_view(DeviceIndex{0}), site.clock.wall());
}

std::string states(BoardFixture& site) {
  std::string words;
  for (const Stage& stage : stages_of(*site.board.device_view(DeviceIndex{0}), site.clock.wall())) {
    if (!words.empty()) words += ' ';
    words += stage_word(stage.state);
  }
  return words;
}

}  // namespace

TEST_CASE("a device's state is said in words, with severity and the place where it stops") {
  struct Row {
    const char* why;
    std::function<void(BoardFixture&)> happens;
    Severity severity;
    bool delivering;
    const char* state;
    const char* stages;  // equipment, reading, stored, sent, acknowledged
  };
  const Row rows[] = {
      {"not heard of yet", [](BoardFixture&) {}, Severity::Busy, false, "Starting",
       "unknown unknown unknown waiting unknown"},
      {"all well", [](BoardFixture& s) { s.deliver(0); }, Severity::Normal, true,
       "Delivering to hub-a", "ok ok ok ok ok"},
      {"online, nothing read yet",
       [](BoardFixture& s) {
         s.statuses[0].cloud = CloudState::Online;
         s.publish(0);
       },
       Severity::Busy, false, "Connected, no reading yet", "unknown unknown unknown ok unknown"},
      {"first connection",
       [](BoardFixture& s) {
         s.statuses[0].cloud = CloudState::Connecting;
         s.statuses[0].assigned_hub = "hub-b.azure-devices.net:8883";
         s.publish(0);
       },
       Severity::Busy, false, "Connecting to hub-b", "unknown unknown unknown waiting unknown"},
      {"waits for its turn",
       [](BoardFixture& s) {
         s.statuses[0].cloud = CloudState::WaitingForTurn;
         s.publish(0);
       },
       Severity::Busy, false, "Waiting for its turn to connect",
       "unknown unknown unknown waiting unknown"},
      {"connects again after a failure",
       [](BoardFixture& s) {
         s.deliver(0);
         s.fail(0, CloudState::Connecting, ErrorCode::LinkLost);
       },
       Severity::Warning, false, "Connecting to hub-a", "ok ok ok stopped waiting"},
      {"refused, asks DPS",
       [](BoardFixture& s) {
         s.deliver(0);
         s.fail(0, CloudState::Provisioning, ErrorCode::HubRefused);
       },
       Severity::Warning, false, "Asking the cloud for its hub", "ok ok ok stopped waiting"},
      {"blocked by an operator",
       [](BoardFixture& s) {
         s.deliver(0);
         s.fail(0, CloudState::WaitingForOperator, ErrorCode::DpsBlocked);
       },
       Severity::Alarm, false, "Device blocked or not approved", "ok ok ok stopped waiting"},
      {"backs off without a named failure",
       [](BoardFixture& s) {
         s.statuses[0].cloud = CloudState::BackingOff;
         s.publish(0);
       },
       Severity::Warning, false, "Waiting to try again", "unknown unknown unknown waiting unknown"},
      {"equipment silent, the cloud is fine",
       [](BoardFixture& s) {
         s.deliver(0);
         s.silence(0);
       },
       Severity::Alarm, false, "Device does not answer", "stopped waiting ok ok ok"},
      {"one value bad",
       [](BoardFixture& s) {
         auto& status = s.deliver(0);
         status.tags[1].last->quality = Quality::Bad;
         status.tags[1].last->code = ErrorCode::ModbusException;
         s.publish(0);
       },
       Severity::Warning, true, "Delivering, 1 of 2 values not usable", "ok partly ok ok ok"},
      {"all values bad",
       [](BoardFixture& s) {
         auto& status = s.deliver(0);
         for (auto& tag : status.tags) tag.last->quality = Quality::Bad;
         s.publish(0);
       },
       Severity::Warning, true, "Delivering, but no value is usable", "ok stopped ok ok ok"},
      {"the store dropped messages",
       [](BoardFixture& s) {
         s.deliver(0).outbox.dropped = 4;
         s.publish(0);
       },
       Severity::Normal, true, "Delivering to hub-a", "ok ok partly ok ok"},
      {"the hub acknowledges nothing",
       [](BoardFixture& s) {
         auto& status = s.deliver(0);
         status.outbox.waiting = 8;
         status.outbox.oldest_waiting = s.clock.wall();
         s.clock.step_wall(61s);
         s.read(0, 2.0);
         s.publish(0);
       },
       Severity::Warning, false, "Hub does not acknowledge messages", "ok ok ok ok stopped"},
      {"stopped",
       [](BoardFixture& s) {
         s.deliver(0);
         s.fail(0, CloudState::Stopped, ErrorCode::Stopped);
       },
       Severity::Busy, false, "Stopped", "ok ok ok stopped waiting"},
  };
  for (const auto& row : rows) {
    BoardFixture site(1);
    row.happens(site);
    const Condition found = condition(site);
    CAPTURE(row.why);
    CHECK(found.state == row.state);
    CHECK(severity_word(found.severity) == severity_word(row.severity));
    CHECK(found.delivering == row.delivering);
    CHECK(states(site) == row.stages);
  }
}

TEST_CASE("a failure brings its reason, the next step and what a person can do") {
  BoardFixture site(1);
  site.deliver(0);
  site.statuses[0].cloud_detail = "DPS 400209\n\xff";
  site.fail(0, CloudState::WaitingForOperator, ErrorCode::DpsBlocked, 40s);
  const Condition found = condition(site);
  CHECK(found.failure == ErrorCode::DpsBlocked);
  CHECK(!found.reason.empty());
  CHECK(!found.gateway_does.empty());
  CHECK(!found.person_does.empty());
  CHECK(found.detail == "DPS 400209 \uFFFD");
  CHECK(found.next_attempt == site.clock.wall() + 40s);
}

TEST_CASE("silence is judged by a tag's own usual gap") {
  BoardFixture site(1);
  site.deliver(0);
  CHECK(condition(site).delivering);
  site.clock.step_wall(14min);
  CHECK_MESSAGE(condition(site).delivering, "read once: its rhythm is not known yet");
  site.clock.step_wall(2min);
  CHECK_FALSE(condition(site).delivering);

  // Read every five minutes: twenty minutes without are unusual, but not yet silence.
  site.deliver(0);
  for (int i = 0; i < 40; ++i) {
    site.clock.step_wall(5min);
    site.deliver(0);
  }
  site.clock.step_wall(20min);
  CHECK(condition(site).delivering);
  site.clock.step_wall(10min);
  const Condition silent = condition(site);
  CHECK_FALSE(silent.delivering);
  CHECK(silent.state == "No new readings");
  CHECK(silent.since == site.clock.wall() - 30min);
}

TEST_CASE("a fast tag is silent after a minute, not after five of its gaps") {
  BoardFixture site(1);
  for (int i = 0; i < 10; ++i) {
    site.deliver(0);
    site.clock.step_wall(100ms);
  }
  site.clock.step_wall(59s);
  CHECK(condition(site).delivering);
  site.clock.step_wall(1s);
  CHECK_FALSE(condition(site).delivering);
}

TEST_CASE("a hub's short name leaves out what is the same everywhere") {
  CHECK(short_hub("hub-a.azure-devices.net") == "hub-a");
  CHECK(short_hub("hub-a.azure-devices.net:8883") == "hub-a");
  CHECK(short_hub("127.0.0.2:18884") == "127.0.0.2");
  CHECK(short_hub("hub.example.org") == "hub.example.org");
  CHECK(short_hub("") == "");
}

TEST_CASE("equipment of which nothing is understood is no equipment that has not spoken yet") {
  BoardFixture site(1);
  auto& status = site.statuses[0];
  status.cloud = CloudState::Online;
  status.useless = {1, ErrorCode::BadPayload, "US,GS,+  010.774kg\x02", site.clock.wall()};
  site.publish(0);
  CHECK(condition(site).state == "Connected, no reading yet");  // half a line, perhaps
  SUBCASE("several messages") { status.useless.count = 60; }
  SUBCASE("one, and nothing better since") { site.clock.step_wall(61s); }
  site.publish(0);
  const Condition found = condition(site);
  CHECK(severity_word(found.severity) == "warning");
  CHECK(found.state == "Nothing that it sends is understood");
  CHECK(found.failure == ErrorCode::BadPayload);
  CHECK(found.reason.starts_with(std::to_string(status.useless.count)));
  CHECK(found.detail.starts_with("last: US,GS,+  010.774kg"));
  CHECK(found.detail.find('\x02') == std::string::npos);
  CHECK(found.person_does.find("pattern") != std::string::npos);
  CHECK(states(site) == "ok stopped unknown ok unknown");
}

TEST_CASE("equipment that is not understood any more is not called silent") {
  BoardFixture site(1);
  auto& status = site.deliver(0);
  site.clock.step_wall(1h);
  CHECK(condition(site).state == "No new readings");
  status.useless = {9, ErrorCode::BadPayload, "?", site.clock.wall()};
  site.publish(0);
  CHECK(condition(site).state == "Nothing that it sends is understood");
}

TEST_CASE("a bad value is named, with its own reason") {
  BoardFixture site(1);
  auto& status = site.deliver(0);
  status.tags[1].last->quality = Quality::Bad;
  status.tags[1].last->code = ErrorCode::IllegalDataAddress;
  SUBCASE("as its adapter says it") {
    status.tags[1].last->detail = "holding:100: exception 2";
    site.publish(0);
    CHECK(condition(site).detail == "tag1: holding:100: exception 2");
  }
  SUBCASE("or by the table") {
    site.publish(0);
    CHECK(condition(site).detail == "tag1: device has no such register");
  }
}

TEST_CASE(
    "a value that never comes is said, as soon as others have come twice, and is no warning") {
  BoardFixture site(1);
  auto& status = site.deliver(0);
  status.tags[1] = {};
  site.publish(0);
  CHECK(condition(site).state == "Delivering to hub-a");
  site.clock.step_wall(1s);
  status.tags[0].at = site.clock.wall();
  site.publish(0);
  CHECK(condition(site).state == "Delivering to hub-a; 1 of 2 values never came");
  CHECK(condition(site).reason.starts_with("tag1 has not been in anything"));
  CHECK(severity_word(condition(site).severity) == "normal");
}

TEST_CASE("a command is no value that is missing, and not counted as one") {
  DeviceDescription scale = hubward::observe::test::described("a", "Scale", 3);
  scale.tags[2].only_written = true;
  hubward::test::ManualClock clock;
  StatusBoard board(SiteDescription{"Plant", "1.2.3", {scale}}, clock);
  DeviceStatus status;
  status.cloud = CloudState::Online;
  status.assigned_hub = "hub-a";
  status.tags.resize(3);
  for (int round = 0; round < 2; ++round) {
    clock.step_wall(1s);
    for (std::uint16_t i = 0; i < 2; ++i) {
      status.tags[i] = {TagReading{TagIndex{i}, 1.5, Quality::Good, {}}, clock.wall()};
    }
    board.device(status);
  }
  const auto found = [&] { return condition_of(*board.device_view(DeviceIndex{0}), clock.wall()); };
  CHECK(found().state == "Delivering to hub-a");
  status.tags[0].last->quality = Quality::Bad;
  board.device(status);
  CHECK(found().state == "Delivering, 1 of 2 values not usable");
}
