#include "gateway/observe/metrics_text.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

namespace {

std::map<std::string, std::string> samples(const std::string& text) {
  std::map<std::string, std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    CHECK_MESSAGE(found.emplace(line.substr(0, space), line.substr(space + 1)).second, line);
  }
  return found;
}

}  // namespace

TEST_CASE("metrics say what each device does, with the labels of the failure table") {
  BoardFixture site(2);
  site.deliver(0).hub_connects = 3;
  site.publish(0);
  site.statuses[1].outbox.waiting = 12;
  site.statuses[1].outbox.waiting_bytes = 3000;
  site.statuses[1].outbox.oldest_waiting = site.clock.wall();
  site.fail(1, CloudState::WaitingForOperator, ErrorCode::DpsBlocked);
  site.board.bad_input({std::nullopt, "a", ErrorCode::BadPayload, {}});
  site.board.bad_input({std::nullopt, "b", ErrorCode::BadPayload, {}});
  auto found = samples(metrics_text(site.board));
  CHECK(found["hubward_build_info{version=\"1.2.3\"}"] == "1");
  CHECK(found["hubward_devices"] == "2");
  CHECK(found["hubward_clock_synchronized"] == "1");
  CHECK(found["hubward_clock_set_total"] == "0");
  CHECK_FALSE(found.contains("hubward_clock_cloud_ahead_seconds"));
  CHECK(found["hubward_device_up{device=\"press-1\"}"] == "1");
  CHECK(found.count("hubward_device_up{device=\"press-2\"}") == 0);  // nothing known of it
  CHECK(found["hubward_device_last_sample_timestamp_seconds{device=\"press-1\"}"] == "1767600000");
  CHECK(found["hubward_uplink_connects_total{device=\"press-1\"}"] == "3");
  CHECK(found["hubward_messages_waiting{device=\"press-2\"}"] == "12");
  CHECK(found["hubward_store_waiting_bytes"] == "3000");
  CHECK(found["hubward_store_oldest_timestamp_seconds"] == "1767600000");
  CHECK(found["hubward_uplink_state{device=\"press-1\",state=\"online\"}"] == "1");
  CHECK(found["hubward_uplink_state{device=\"press-2\",state=\"waiting_for_operator\"}"] == "1");
  CHECK(found["hubward_uplink_failure{device=\"press-2\",reason=\"dps_blocked\"}"] == "1");
  CHECK(found["hubward_bad_inputs_total{reason=\"bad_payload\"}"] == "2");
}

TEST_CASE("every sample stands under a HELP and a TYPE line of its own name") {
  BoardFixture site(1);
  site.deliver(0);
  std::istringstream lines(metrics_text(site.board));
  std::set<std::string> helped;
  std::string current;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first >> second >> name;
    if (first == "#" && second == "HELP") {
      current = name;
      CHECK_MESSAGE(helped.insert(name).second, name);
    } else if (first == "#") {
      CHECK(second == "TYPE");
      CHECK(name == current);
    } else {
      CHECK(first.substr(0, first.find('{')) == current);
    }
  }
  CHECK(helped.size() > 15);
}

TEST_CASE("a device id or version with quotes cannot break the format") {
  ::hubward::test::ManualClock clock;
  StatusBoard board({"Plant", "1\"\n\\", {observe::test::described("a\"b\\c\nd", "")}}, clock);
  const std::string text = metrics_text(board);
  CHECK(text.find("{version=\"1\\\"\\n\\\\\"}") != std::string::npos);
  CHECK(text.find("{device=\"a\\\"b\\\\c\\nd\"}") != std::string::npos);
}
