#include "gateway/observe/line_json.h"

#include <doctest/doctest.h>

#include "gateway/observe/live_feed.h"
#include "gateway/observe/status_json.h"
#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using namespace hubward::observe::test;

namespace {

std::string lines_of(const StatusBoard& board, const LineLimits& limits) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  write_lines(out, board, limits);
  return {buffer.GetString(), buffer.GetSize()};
}

std::vector<LineUse> two_lines() {
  return {
      {"10.0.0.5:502", {{DeviceIndex{2}, 0.01, 0.02, {}, 3, 0, 0}}},
      {"/dev/ttyUSB0",
       {{DeviceIndex{0}, 0.25, 0.3, 4ms, 100, 1, 2}, {DeviceIndex{1}, 0.5, 0.88, {}, 7, 7, 5}}}};
}

}  // namespace

TEST_CASE("lines are told with who needs and uses how much of them, the busiest first") {
  BoardFixture f;
  f.board.set_lines(two_lines());
  const auto text = lines_of(f.board, {});
  CHECK(text.starts_with(
      R"([{"place":"/dev/ttyUSB0","used_percent":75.0,"needed_percent":118.0,"fits":false,"late_polls":7,"more_devices":0,"devices":[{"id":)"));
  CHECK(
      text.find(
          R"("used_percent":25.0,"needed_percent":30.0,"turnaround_us":4000,"requests":100,"unanswered":1,"late_polls":2})") !=
      std::string::npos);
  CHECK(text.find("10.0.0.5") != std::string::npos);
  CHECK(status_json(f.board).find("\"lines\":" + text) != std::string::npos);

  const auto busiest = lines_of(f.board, {1, 1, false});
  CHECK(busiest.find("10.0.0.5") == std::string::npos);
  CHECK(busiest.find("\"more_devices\":1") != std::string::npos);
  CHECK(busiest.find("requests") == std::string::npos);
  CHECK(busiest.find("\"used_percent\":50.0") != std::string::npos);
}

TEST_CASE("a page is told of the lines when their shares change, not with every request") {
  BoardFixture f;
  LiveFeed feed(f.board);
  LiveCursor cursor;
  (void)feed.refresh();
  (void)feed.next(cursor);
  f.board.set_lines(two_lines());
  CHECK(feed.refresh());
  CHECK(feed.has_news(cursor));
  CHECK(feed.next(cursor).find("\"lines\":[{\"place\":\"/dev/ttyUSB0\"") != std::string::npos);
  auto lines = two_lines();
  ++lines[0].parts[0].requests;
  f.board.set_lines(lines);
  (void)feed.refresh();
  CHECK_FALSE(feed.has_news(cursor));
}
