#include "gateway/control/maintenance.h"

#include "tests/support/memory_marker.h"
#include "tests/unit/gateway/control/control_fixture.h"

using namespace hubward;
using namespace hubward::control;
using namespace hubward::control::test;

namespace {

struct OneQueue final : QueuesWrites {
  void withdraw_writes() override { ++withdrawn; }
  void wind_down(std::function<void()> done) override { done(); }
  int withdrawn = 0;
};

struct Fixture : ControlFixture {
  OneQueue queue;
  std::vector<QueuesWrites*> queues{&queue};
  MemoryMarker marker;
};

struct Desk {
  explicit Desk(Fixture& f) : maintenance(f.board, f.writes, f.queues, f.loop, f.log, f.marker) {}
  std::string set(std::optional<bool> paused) {
    said.clear();
    maintenance.set(paused, [this](std::string line) { said = std::move(line); });
    return said;
  }
  std::string said;  // the last answer, also one that comes later
  Maintenance maintenance;
};

}  // namespace

TEST_CASE("writes that are paused stay so over a restart, until somebody lets them through") {
  Fixture f;
  {
    Desk desk(f);
    CHECK(desk.set(std::nullopt) == R"({"paused":false})");
    CHECK(desk.set(true) == R"({"paused":true})");
    CHECK(desk.set(true) == R"({"paused":true})");  // no news
  }
  CHECK(std::count(f.log.events.begin(), f.log.events.end(), "maintenance_on") == 1);
  f.writes.paused = false;  // as a new process begins
  Desk desk(f);
  CHECK(f.writes.paused);
  CHECK(f.board.writes_paused());
  CHECK(desk.set(false) == R"({"paused":false})");
  CHECK_FALSE(f.writes.paused);
  CHECK_FALSE(f.marker.stands);
}

TEST_CASE("a pause that cannot be remembered takes effect, and whoever asked for it is told") {
  Fixture f;
  f.marker.takes_nothing = true;
  Desk desk(f);
  const std::string forgotten = R"({"paused":true,"not_remembered":"the disk is full"})";
  CHECK(desk.set(true) == forgotten);
  CHECK(f.writes.paused);
  CHECK(desk.set(std::nullopt) == forgotten);
  CHECK(desk.set(true) == forgotten);
  f.marker.takes_nothing = false;
  CHECK(desk.set(true) == R"({"paused":true})");
  CHECK(f.marker.stands);
  CHECK(std::count(f.log.events.begin(), f.log.events.end(), "maintenance_on") == 1);
}

TEST_CASE("a pause that cannot be forgotten stays") {
  Fixture f;
  f.marker.stands = true;
  Desk desk(f);
  f.marker.slow = f.marker.takes_nothing = true;
  f.marker.stands_after_failure = false;
  CHECK(desk.set(false).empty());
  f.marker.work();
  CHECK(desk.said.find("stays on: the disk is full") != std::string::npos);
  CHECK(f.writes.paused);
  f.marker.takes_nothing = false;
  f.marker.work();
  CHECK(f.marker.stands);  // put again: half of the clearing may have been done
  f.marker.slow = false;
  CHECK(desk.set(false) == R"({"paused":false})");
}

TEST_CASE("a pause begins at once, and ends when the disk knows it") {
  Fixture f;
  Desk desk(f);
  f.marker.slow = true;
  CHECK(desk.set(true).empty());
  CHECK(f.writes.paused);
  f.marker.work();
  CHECK(desk.set(false).empty());
  CHECK(f.writes.paused);
  SUBCASE("and nobody says otherwise") {
    f.marker.work();
    CHECK_FALSE(f.writes.paused);
  }
  SUBCASE("unless somebody pauses again meanwhile") {
    CHECK(desk.set(true).empty());
    f.marker.work();
    CHECK(f.writes.paused);
    CHECK(f.marker.stands);
  }
}

TEST_CASE("an answer of the disk that comes after the end reaches nobody") {
  Fixture f;
  f.marker.slow = true;
  {
    Desk desk(f);
    desk.maintenance.set(true, [](const std::string&) { FAIL("nobody is there"); });
  }
  f.marker.work();
}

TEST_CASE("what waits to be written is withdrawn when a pause begins, and only then") {
  Fixture f;
  Desk desk(f);
  (void)desk.set(std::nullopt);
  CHECK(f.queue.withdrawn == 0);
  (void)desk.set(true);
  (void)desk.set(true);
  CHECK(f.queue.withdrawn == 1);
  (void)desk.set(false);
  CHECK(f.queue.withdrawn == 1);
}
