#include "gateway/control/maintenance.h"

#include <filesystem>

#include "tests/support/temporary_folder.h"
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
  hubward::test::TemporaryFolder folder;
  std::string marker = folder.file("maintenance");
};

}  // namespace

TEST_CASE("writes that are paused stay so over a restart, until somebody lets them through") {
  Fixture f;
  {
    Maintenance maintenance(f.board, f.writes, f.queues, f.loop, f.log, f.marker);
    CHECK(maintenance.set(std::nullopt) == R"({"paused":false})");
    CHECK(maintenance.set(true) == R"({"paused":true})");
    CHECK(maintenance.set(true) == R"({"paused":true})");  // no news
  }
  CHECK(std::count(f.log.events.begin(), f.log.events.end(), "maintenance_on") == 1);
  device::WriteGate after_restart;
  Maintenance maintenance(f.board, after_restart, f.queues, f.loop, f.log, f.marker);
  CHECK(after_restart.paused);
  CHECK(f.board.writes_paused());
  CHECK(maintenance.set(false) == R"({"paused":false})");
  CHECK_FALSE(after_restart.paused);
  CHECK_FALSE(std::filesystem::exists(f.marker));
}

TEST_CASE("a pause that cannot be remembered takes effect; one that cannot be forgotten stays") {
  Fixture f;
  std::filesystem::create_directory(f.marker);
  std::filesystem::create_directory(f.marker + "/kept");  // so that it cannot be removed
  Maintenance maintenance(f.board, f.writes, f.queues, f.loop, f.log, f.marker);
  CHECK(f.writes.paused);
  CHECK(maintenance.set(false).find("cannot remove") != std::string::npos);
  CHECK(f.writes.paused);
  device::WriteGate gate;
  Maintenance nowhere(f.board, gate, f.queues, f.loop, f.log, f.folder.file("none/maintenance"));
  CHECK_FALSE(gate.paused);
  CHECK(nowhere.set(true) == R"({"paused":true})");
  CHECK(gate.paused);
}

TEST_CASE("what waits to be written is withdrawn when a pause begins, and only then") {
  Fixture f;
  Maintenance maintenance(f.board, f.writes, f.queues, f.loop, f.log, f.marker);
  (void)maintenance.set(std::nullopt);
  CHECK(f.queue.withdrawn == 0);
  (void)maintenance.set(true);
  (void)maintenance.set(true);
  CHECK(f.queue.withdrawn == 1);
  (void)maintenance.set(false);
  CHECK(f.queue.withdrawn == 1);
}
