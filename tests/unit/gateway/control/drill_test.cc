#include "tests/unit/gateway/control/control_fixture.h"

using namespace hubward;
using namespace hubward::control;
using namespace hubward::control::test;

TEST_CASE("a drill counts what arrived at the other hub, and stands in journal and log") {
  ControlFixture f;
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(2min);
  f.reads();  // on its way when the link drops
  Answered answer;
  f.drills.start("press-07", answer.taker());
  f.loop.run_for(200ms);
  f.reads();
  f.dps_assigns("hub-b.example");
  f.loop.run_for(300ms);
  f.accept("hub-b.example");
  CHECK(f.acknowledge("hub-b.example") == 2);
  CHECK_FALSE(answer.line);
  f.loop.run_for(Drills::kLookEvery);
  REQUIRE(answer.line);
  CHECK(answer.text("hub_before") == "hub-a.example");
  CHECK(answer.text("hub_after") == "hub-b.example");
  CHECK(answer.number("expected") == 2);
  CHECK(answer.number("acknowledged") == 2);
  CHECK(answer.number("repeated") == 1);
  CHECK(answer.number("lost") == 0);
  CHECK(answer.number("waiting") == 0);
  CHECK(answer.number("dps_conversations") == 1);
  CHECK(answer.number("first_acknowledged_after_ms") == 500);
  const auto events = f.board.device_events(DeviceIndex{0});
  REQUIRE(events.size() >= 2);
  CHECK(events.back().event == "drill_finished");
  CHECK(events.back().text ==
        "Rehearsed failover: at hub-b.example, 2 of 2 messages acknowledged, 0 lost.");
  CHECK(std::count(f.log.events.begin(), f.log.events.end(), "drill_started") == 1);
  CHECK(std::count(f.log.events.begin(), f.log.events.end(), "drill_finished") == 1);
}

TEST_CASE("a drill is refused for unknown devices, for those offline, and beside another") {
  ControlFixture f;
  f.start();
  Answered unknown;
  f.drills.start("nobody", unknown.taker());
  CHECK(unknown.text("error") == "there is no device \"nobody\"; there are press-07, scale-2");
  Answered offline;
  f.drills.start("press-07", offline.taker());
  CHECK(offline.text("error").starts_with("press-07 is not online"));
  f.accept("hub-a.example");
  Answered first;
  Answered second;
  f.drills.start("press-07", first.taker());
  f.drills.start("press-07", second.taker());
  CHECK(second.text("error").starts_with("a failover is being rehearsed"));
  CHECK_FALSE(first.line);
}

TEST_CASE("a device with nothing to say ends its drill some time after the login") {
  ControlFixture f;
  f.start();
  f.accept("hub-a.example");
  Answered answer;
  f.drills.start("press-07", answer.taker());
  f.loop.run_for(100ms);
  f.dps_assigns("hub-a.example");
  f.loop.run_for(100ms);
  f.accept("hub-a.example");
  f.loop.run_for(Drills::kQuietMax - 1s);
  CHECK_FALSE(answer.line);
  f.loop.run_for(2s);
  REQUIRE(answer.line);
  CHECK(answer.number("expected") == 0);
  CHECK(answer.number("accepted_after_ms") == 200);
  CHECK(answer.number("first_acknowledged_after_ms") == -1);
}

TEST_CASE("a drill that finds no hub ends by itself, and says what is kept") {
  ControlFixture f;
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(2min);
  f.reads();
  Answered answer;
  f.drills.start("press-07", answer.taker());
  f.loop.run_for(Drills::kDrillMax + 1s);
  REQUIRE(answer.line);
  CHECK(answer.text("hub_after").empty());
  CHECK(answer.number("waiting") == 1);
  CHECK(answer.number("lost") == 0);
  // The next one may begin.
  Answered next;
  f.drills.start("nobody", next.taker());
  CHECK(next.text("error").starts_with("there is no device"));
}
