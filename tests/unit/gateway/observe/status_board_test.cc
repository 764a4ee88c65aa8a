#include "gateway/observe/status_board.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

TEST_CASE("readers keep the view they took while newer statuses come in") {
  BoardFixture site(1);
  site.deliver(0);
  const auto before = site.board.device_view(DeviceIndex{0});
  const auto revision = site.board.revision();
  site.silence(0);
  CHECK(before->status.field.link == FieldState::Link::Up);
  CHECK(site.board.device_view(DeviceIndex{0})->status.field.link == FieldState::Link::Down);
  CHECK(site.board.revision() > revision);
}

TEST_CASE("devices are found by id; unknown ones and indices are refused") {
  BoardFixture site(2);
  CHECK(site.board.find("press-2") == DeviceIndex{1});
  CHECK_FALSE(site.board.find("press-9").has_value());
  CHECK(site.board.device_view(DeviceIndex{9}) == nullptr);
  CHECK(site.board.trend(DeviceIndex{9}, TagIndex{0}).empty());
  CHECK(site.board.trend(DeviceIndex{0}, TagIndex{9}).empty());
  CHECK(site.board.device_events(DeviceIndex{9}).empty());
  DeviceStatus stranger;
  stranger.device = DeviceIndex{9};
  site.board.device(stranger);  // ignored
}

TEST_CASE("a status with too few or too many tags is fitted to the configuration") {
  BoardFixture site(1);
  site.statuses[0].tags.resize(40);
  site.publish(0);
  CHECK(site.board.device_view(DeviceIndex{0})->status.tags.size() == 2);
  site.statuses[0].tags.clear();
  site.publish(0);
  CHECK(site.board.device_view(DeviceIndex{0})->status.tags.size() == 2);
}

TEST_CASE("a trend keeps the last 120 points, one a second") {
  BoardFixture site(1);
  for (int i = 0; i < 1000; ++i) {
    site.read(0, static_cast<double>(i));
    site.publish(0);
    site.clock.step_wall(250ms);
  }
  const auto points = site.board.trend(DeviceIndex{0}, TagIndex{0});
  REQUIRE(points.size() == StatusBoard::kTrendPointsPerTag);
  CHECK(points.back().value == 999);
  CHECK(points.front().value == 523);  // the last of its second, 119 seconds before
  for (std::size_t i = 1; i < points.size(); ++i) CHECK(points[i].at > points[i - 1].at);
}

TEST_CASE("what cannot be drawn leaves no point") {
  BoardFixture site(1);
  const auto add = [&](TagValue value, Quality quality = Quality::Good) {
    site.clock.step_wall(2s);
    site.read(0, std::move(value));
    site.statuses[0].tags[0].last->quality = quality;
    site.publish(0);
  };
  add(std::string("text"));
  add(std::numeric_limits<double>::quiet_NaN());
  add(std::numeric_limits<double>::infinity());
  add(5.0, Quality::Bad);
  CHECK(site.board.trend(DeviceIndex{0}, TagIndex{0}).empty());
  add(true);
  add(std::int64_t{-3});
  add(std::uint64_t{3});
  site.publish(0);  // the same reading again adds nothing
  CHECK(site.board.trend(DeviceIndex{0}, TagIndex{0}).size() == 3);
}

TEST_CASE("a clock set back bends a trend and breaks nothing") {
  BoardFixture site(1);
  for (int i = 0; i < 10; ++i) {
    site.read(0, 1.0 * i);
    site.publish(0);
    site.clock.step_wall(i == 5 ? -3600s : 2s);
  }
  CHECK(site.board.trend(DeviceIndex{0}, TagIndex{0}).size() <= 10);
  CHECK(site.board.trend(DeviceIndex{0}, TagIndex{0}).back().value == 9);
}

TEST_CASE("all trends together are bounded, however many tags there are") {
  ::hubward::test::ManualClock clock;
  SiteDescription site{"Plant", "1", {}};
  for (int i = 0; i < 1000; ++i) {
    site.devices.push_back(observe::test::described("d" + std::to_string(i), "", 100));
  }
  StatusBoard board(std::move(site), clock);
  DeviceStatus status;
  status.tags.resize(100);
  for (int i = 0; i < 50; ++i) {
    clock.step_wall(2s);
    status.tags[0] = {TagReading{TagIndex{0}, 1.0 * i, Quality::Good, {}}, clock.wall()};
    board.device(status);
  }
  CHECK(board.trend(DeviceIndex{0}, TagIndex{0}).size() == 3);  // 300,000 over 100,000 tags
}

TEST_CASE("the journal is bounded, for the site and for each device") {
  BoardFixture site(2);
  for (int i = 0; i < 2000; ++i) {
    site.board.event({site.clock.wall(), DeviceIndex{static_cast<std::uint32_t>(i % 2)}, "e",
                      std::to_string(i)});
  }
  CHECK(site.board.newest_event() == 2000);
  const auto all = site.board.events_after(0, 10'000);
  REQUIRE(all.size() == StatusBoard::kSiteEventsMax);
  CHECK(all.front().number == 1501);
  CHECK(all.back().event.text == "1999");
  CHECK(site.board.events_after(1990, 4).size() == 4);
  CHECK(site.board.events_after(2000, 4).empty());
  const auto own = site.board.device_events(DeviceIndex{0});
  REQUIRE(own.size() == StatusBoard::kDeviceEventsMax);
  CHECK(own.back().text == "1998");
}

TEST_CASE("a journal entry of any length is cut") {
  BoardFixture site(1);
  site.board.event({site.clock.wall(), DeviceIndex{7}, "e", std::string(1'000'000, 'x')});
  CHECK(site.board.events_after(0, 1).at(0).event.text.size() == StatusBoard::kTextBytesMax);
}

TEST_CASE("bad input is counted by source and code, with one bounded sample of each") {
  BoardFixture site(1);
  BadInput input{DeviceIndex{0}, "tcp:10.0.0.5", ErrorCode::BadFrame, {}};
  input.sample.assign(5000, std::byte{1});
  site.board.bad_input(input);
  input.sample.assign(2, std::byte{2});
  site.board.bad_input(input);
  input.code = ErrorCode::InputTooLong;
  site.board.bad_input(input);
  const auto rows = site.board.bad_inputs();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].count == 2);
  CHECK(rows[0].sample == std::vector<std::byte>(2, std::byte{2}));
  CHECK(rows[1].count == 1);
  CHECK(site.board.bad_inputs_total() == 3);
  input.sample.assign(5000, std::byte{1});
  site.board.bad_input(input);
  CHECK(site.board.bad_inputs()[1].sample.size() == BadInput::kSampleBytesMax);
}

TEST_CASE("ten thousand hostile sources cost a bounded number of rows and lose no count") {
  BoardFixture site(1);
  for (int i = 0; i < 10'000; ++i) {
    site.board.bad_input({std::nullopt, "topic/" + std::to_string(i), ErrorCode::BadPayload, {}});
  }
  const auto rows = site.board.bad_inputs();
  CHECK(rows.size() == StatusBoard::kBadInputRowsMax + 1);
  std::uint64_t sum = 0;
  for (const auto& row : rows) sum += row.count;
  CHECK(sum == 10'000);
}

TEST_CASE("when the clock is set, what is past lies as long ago as before") {
  BoardFixture site(1);
  site.deliver(0);
  site.clock.advance(5min);
  const WallTime started = site.board.started();
  for (const std::chrono::milliseconds by : {std::chrono::milliseconds{3h}, -500'000h + 7ms}) {
    const auto before = site.board.device_view(DeviceIndex{0});
    const auto points = site.board.trend(DeviceIndex{0}, TagIndex{0});
    site.clock.step_wall(by);
    site.board.clock_set_by(by);
    const auto after = site.board.device_view(DeviceIndex{0});
    CHECK(after->status.cloud_since == before->status.cloud_since + by);
    CHECK(after->status.field_since == before->status.field_since + by);
    CHECK(after->status.last_delivered == *before->status.last_delivered + by);
    CHECK(after->status.tags[0].at == before->status.tags[0].at + by);
    CHECK_FALSE(after->offline_since);
    CHECK(site.board.trend(DeviceIndex{0}, TagIndex{0}).at(0).at == points.at(0).at + by);
    // A curve goes on after it.
    site.clock.advance(5s);
    site.read(0, 2.5);
    site.publish(0);
    CHECK(site.board.trend(DeviceIndex{0}, TagIndex{0}).size() == points.size() + 1);
  }
  CHECK(site.board.started() == started + 3h - 500'000h + 7ms);
}

TEST_CASE("the usual pause between readings is measured by the steady clock") {
  BoardFixture site(1);
  const auto read = [&] {
    for (TagStatus& tag : site.statuses[0].tags) {
      tag = {TagReading{TagIndex{0}, 1.0, Quality::Good, {}}, site.clock.wall(),
             site.clock.steady()};
    }
    site.publish(0);
  };
  for (int i = 0; i < 20; ++i) {
    site.clock.advance(10s);
    if (i % 5 == 4) site.clock.step_wall(i % 2 == 0 ? 87600h : -87600h);
    read();
  }
  CHECK(site.board.device_view(DeviceIndex{0})->usual_gap[0] == 10s);
}
