#include "gateway/platform/file_backoff_store.h"

#include <doctest/doctest.h>

#include <fstream>

#include "gateway/platform/atomic_file.h"
#include "tests/support/event_log.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace hubward::platform {
namespace {

using hubward::test::EventLog;
using hubward::test::ManualClock;
using hubward::test::TemporaryFolder;
using namespace std::chrono_literals;

constexpr std::uint64_t kBoot = 17;

BackoffRecord failing(const ManualClock& clock) {
  return {.failures = 5,
          .steps = 4,
          .unreachable = 3,
          .refusals = 2,
          .soft = 1,
          .dps_asked_in_step = true,
          .not_before = clock.steady() + 100s,
          .dps_not_before = clock.steady() + 200s,
          .why = ErrorCode::HubRefused};
}

struct Fixture {
  TemporaryFolder folder;
  const std::string path = folder.file("backoffs.json");
  ManualClock clock;
  EventLog log;

  void write(const BackoffRecord& record) {
    FileBackoffStore store(path, kBoot, clock, log);
    store.save("press-07", record);
    store.save_gates(
        {{"", 3, clock.steady() + 50s, 4, clock.steady() + 90s, clock.steady() + 40s}});
    CHECK(store.load("press-07") == record);
  }
};

TEST_CASE("a device's recovery is found again after a restart, with its pauses as they were") {
  Fixture f;
  const BackoffRecord record = failing(f.clock);
  f.write(record);
  f.clock.set_steady(f.clock.steady() + 30s);
  const FileBackoffStore store(f.path, kBoot, f.clock, f.log);
  CHECK(store.load("press-07") == record);
  CHECK_FALSE(store.load("press-08"));
  REQUIRE(store.load_gates().size() == 1);
  CHECK(store.load_gates()[0].next_look == f.clock.steady() + 20s);
  CHECK(store.load_gates()[0].questions == 4);
  CHECK(store.load_gates()[0].next_question == f.clock.steady() + 60s);
  CHECK(store.load_gates()[0].named == f.clock.steady() + 10s);
  CHECK(f.log.events.empty());
}

TEST_CASE("after a start of the machine the time that passed counts if the clocks were trusted") {
  for (const bool trusted : {true, false}) {
    CAPTURE(trusted);
    Fixture f;
    f.write(failing(f.clock));
    // The steady clock begins anew.
    ManualClock later;
    later.set_steady(SteadyTime{10s});
    later.step_wall(f.clock.wall() + 40s - later.wall());
    later.set_trusted(trusted);
    const FileBackoffStore store(f.path, kBoot + 1, later, f.log);
    const auto record = store.load("press-07");
    REQUIRE(record);
    CHECK(record->failures == 5);
    CHECK(record->not_before == later.steady() + (trusted ? 60s : 100s));
    CHECK(record->dps_not_before == later.steady() + (trusted ? 160s : 200s));
  }
}

TEST_CASE("a device without failures leaves nothing behind") {
  Fixture f;
  {
    FileBackoffStore store(f.path, kBoot, f.clock, f.log);
    store.save("press-07", failing(f.clock));
    store.save("press-07", BackoffRecord{});
    CHECK_FALSE(store.load("press-07"));
  }
  const FileBackoffStore store(f.path, kBoot, f.clock, f.log);
  CHECK_FALSE(store.load("press-07"));
}

TEST_CASE("a file that is not ours is set aside whole, and no pause of it is believed") {
  const char* const texts[] = {
      "",
      "[]",
      R"({"version":2,"devices":[],"gates":[]})",
      R"({"version":1,"devices":[{"device":"a"}],"gates":[]})",
      R"({"version":1,"devices":[{"device":"press-07","failures":1,"steps":-1,"unreachable":0,)"
      R"("refusals":0,"soft":0,"dps_asked":false,"next_ns":0,"dps_next_ns":0}],"gates":[]})",
      R"({"version":1,"devices":[{"device":"press-07","failures":1,"steps":1,"unreachable":0,)"
      R"("refusals":0,"soft":0,"dps_asked":false,"next_ns":0,"dps_next_ns":0}],"gates":[{}]})",
  };
  for (const char* const text : texts) {
    CAPTURE(text);
    Fixture f;
    std::ofstream(f.path) << text;
    const FileBackoffStore store(f.path, kBoot, f.clock, f.log);
    CHECK_FALSE(store.load("press-07"));
    CHECK(store.load_gates().empty());
    CHECK(f.log.events == std::vector<std::string>{"backoffs_unreadable"});
  }
}

TEST_CASE("what an earlier version wrote of an endpoint is believed") {
  Fixture f;
  std::ofstream(f.path) << R"({"version":1,"boot":"17","written_since_boot_ns":0,"devices":[],)"
                        << R"("gates":[{"gate":"hub-a.example","steps":2,"next_ns":0}]})";
  const FileBackoffStore store(f.path, kBoot, f.clock, f.log);
  REQUIRE(store.load_gates().size() == 1);
  CHECK(store.load_gates()[0].steps == 2);
  CHECK(store.load_gates()[0].questions == 0);
}

TEST_CASE("a pause longer than an hour was not written by us") {
  Fixture f;
  std::ofstream(f.path)
      << R"({"version":1,"boot":"17","written_since_boot_ns":0,"devices":[{"device":"press-07",)"
      << R"("failures":1,"steps":1,"unreachable":0,"refusals":0,"soft":0,"dps_asked":false,)"
      << R"("next_ns":9000000000000000000,"dps_next_ns":-9000000000000000000}],"gates":[]})";
  const FileBackoffStore store(f.path, kBoot, f.clock, f.log);
  const auto record = store.load("press-07");
  REQUIRE(record);
  CHECK(record->not_before == f.clock.steady() + 1h);
  CHECK(record->dps_not_before == f.clock.steady());
}

}  // namespace
}  // namespace hubward::platform
