#include "gateway/platform/file_assignment_store.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "gateway/platform/atomic_file.h"
#include "tests/support/event_log.h"
#include "tests/support/temporary_folder.h"

namespace hubward::platform {
namespace {

using hubward::test::EventLog;
using hubward::test::TemporaryFolder;

Assignment press() {
  return {"hub-a.azure-devices.net:8883", "press-07", "0ne00AB12CD", "press-07", "c0ffee"};
}

TEST_CASE("an assignment is found at once and after a restart, by its own identity only") {
  const TemporaryFolder folder;
  const std::string path = folder.file("assignments.json");
  EventLog log;
  {
    FileAssignmentStore store(path, log);
    CHECK_FALSE(store.load("0ne00AB12CD", "press-07", "c0ffee"));
    store.save(press());
    CHECK(store.load("0ne00AB12CD", "press-07", "c0ffee") == press());
  }
  struct stat about {};
  REQUIRE(stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600);

  const FileAssignmentStore store(path, log);
  CHECK(store.load("0ne00AB12CD", "press-07", "c0ffee") == press());
  CHECK_FALSE(store.load("0neOTHER", "press-07", "c0ffee"));
  CHECK_FALSE(store.load("0ne00AB12CD", "press-08", "c0ffee"));
  CHECK_FALSE(store.load("0ne00AB12CD", "press-07", "another key"));
  CHECK(log.events.empty());
}

TEST_CASE("a later assignment replaces the earlier one") {
  const TemporaryFolder folder;
  const std::string path = folder.file("assignments.json");
  EventLog log;
  Assignment moved = press();
  moved.assigned_hub = "hub-b.azure-devices.net";
  {
    FileAssignmentStore store(path, log);
    store.save(press());
    store.save(moved);
  }
  const FileAssignmentStore store(path, log);
  CHECK(store.load("0ne00AB12CD", "press-07", "c0ffee") == moved);
}

TEST_CASE("a file that is not ours is set aside, and the gateway starts without it") {
  const char* const texts[] = {
      "",
      "not json",
      "[]",
      R"({"version":2,"assignments":[]})",
      R"({"version":1,"assignments":{}})",
      R"({"version":1,"assignments":[{"registration_id":"press-07"}]})",
      R"({"version":1,"assignments":[{"registration_id":"a","id_scope":"s","credential":"c",)"
      R"("assigned_hub":"","device_id":"a"}]})",
      R"({"version":1,"assignments":[{"registration_id":7,"id_scope":"s","credential":"c",)"
      R"("assigned_hub":"h","device_id":"a"}]})",
  };
  for (const char* const text : texts) {
    CAPTURE(text);
    const TemporaryFolder folder;
    const std::string path = folder.file("assignments.json");
    std::ofstream(path) << text;
    EventLog log;
    {
      FileAssignmentStore store(path, log);
      CHECK_FALSE(store.load("0ne00AB12CD", "press-07", "c0ffee"));
      CHECK(log.events == std::vector<std::string>{"assignments_unreadable"});
      CHECK(read_file(path + ".unreadable", 1000)->text == text);
      store.save(press());
    }
    const FileAssignmentStore again(path, log);
    CHECK(again.load("0ne00AB12CD", "press-07", "c0ffee"));
  }
}

TEST_CASE("a disk that cannot be written is said once and costs nothing else") {
  const TemporaryFolder folder;
  EventLog log;
  {
    FileAssignmentStore store(folder.file("no/such/folder.json"), log);
    store.save(press());
    CHECK(store.load("0ne00AB12CD", "press-07", "c0ffee"));
  }
  CHECK(log.events == std::vector<std::string>{"assignments_not_written"});
}

}  // namespace
}  // namespace hubward::platform
