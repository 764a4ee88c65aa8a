#include "gateway/platform/file_answer_store.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

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

TwinAnswers press_answers() {
  TwinAnswers answers{"hub-a.example/press-07", {}};
  answers.by_property[{"hydraulics", "targetPressure"}] = {
      9, "190", {hub::AckCode::Failed, 7, "No answer: \"unit 7\", \xc3\xa4"}, false};
  answers.by_property[{"", "name"}] = {
      9, "\"press\"", {hub::AckCode::InProgress, 9, "sent to all"}, false};
  answers.by_property[{"", "lamp"}] = {9, "true", {hub::AckCode::InProgress, 9, {}}, true};
  // Put back when hubward stopped.
  answers.by_property[{"", "speed"}] = {9, "", {hub::AckCode::InProgress, 9, "Stopping"}, false};
  return answers;
}

std::vector<DeviceDescription> devices(std::initializer_list<const char*> ids) {
  std::vector<DeviceDescription> all;
  for (const char* id : ids) all.emplace_back().id = id;
  return all;
}

struct Fixture {
  TemporaryFolder folder;
  const std::string path = folder.file("answers.json");
  ManualClock clock;
  EventLog log;

  void write(const std::string& device) {
    FileAnswerStore store(path, clock, log);
    store.save(device, press_answers());
  }
  // A start with these devices: whether the press's answers are still there.
  bool knows_the_press(std::initializer_list<const char*> ids) {
    FileAnswerStore store(path, clock, log);
    store.expect(devices(ids));
    return store.load("press-07").has_value();
  }
};

TEST_CASE("answers are found at once and after a restart, as they were") {
  Fixture f;
  {
    FileAnswerStore store(f.path, f.clock, f.log);
    CHECK_FALSE(store.load("press-07"));
    store.save("press-07", press_answers());
    CHECK(store.load("press-07") == press_answers());
  }
  struct stat about {};
  REQUIRE(stat(f.path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600);
  const FileAnswerStore store(f.path, f.clock, f.log);
  CHECK(store.load("press-07") == press_answers());
  CHECK_FALSE(store.load("press-08"));
  CHECK(f.log.events.empty());
}

TEST_CASE("a device without wishes leaves nothing behind") {
  Fixture f;
  f.write("press-07");
  {
    FileAnswerStore store(f.path, f.clock, f.log);
    store.save("press-07", TwinAnswers{"hub-a.example/press-07", {}});
    CHECK_FALSE(store.load("press-07"));
  }
  CHECK(read_file(f.path, 1000)->text == R"({"version":1,"devices":[]})");
}

TEST_CASE("a power cut before the new file has its name leaves the old one") {
  Fixture f;
  f.write("press-07");
  // What a write that did not end leaves: a part of the new text beside the whole old one.
  std::ofstream(f.path + ".new") << R"({"version":1,"devices":[{"device":"press-07","tw)";
  {
    FileAnswerStore store(f.path, f.clock, f.log);
    CHECK(store.load("press-07") == press_answers());
    store.save("press-08", press_answers());
  }
  const FileAnswerStore store(f.path, f.clock, f.log);
  CHECK(store.load("press-07") == press_answers());
  CHECK(store.load("press-08") == press_answers());
  CHECK_FALSE(std::filesystem::exists(f.path + ".new"));
  CHECK(f.log.events.empty());
}

TEST_CASE("answers that are not ours are set aside whole, and the gateway starts without them") {
  const std::string good = R"(["","lamp",9,"true",200,9,"written"])";
  const auto file = [](const std::string& rows) {
    return R"({"version":1,"devices":[{"device":"press-07","twin":"t","answers":[)" + rows + "]}]}";
  };
  const std::string texts[] = {
      "",
      "[]",
      R"({"version":2,"devices":[]})",
      R"({"version":1,"devices":{}})",
      R"({"version":1,"devices":[{"device":"press-07","answers":[]}]})",
      R"({"version":1,"devices":[{"device":"press-07","twin":"t"}]})",
      file(good + R"(,{"lamp":9})"),
      file(good + R"(,["","lamp",9,"true",200,9])"),
      file(good + R"(,["","lamp","9","true",200,9,""])"),
      file(good + R"(,["","lamp",9,true,200,9,""])"),
      file(good + R"(,["","lamp",9,"true",201,9,""])"),
      file(good).substr(0, 60),  // as a file system may leave it
  };
  for (const std::string& text : texts) {
    CAPTURE(text);
    Fixture f;
    std::ofstream(f.path) << text;
    {
      FileAnswerStore store(f.path, f.clock, f.log);
      CHECK_FALSE(store.load("press-07"));
      CHECK(f.log.events == std::vector<std::string>{"answers_unreadable"});
      CHECK(read_file(f.path + ".unreadable", 1000)->text == text);
      store.save("press-07", press_answers());
    }
    const FileAnswerStore again(f.path, f.clock, f.log);
    CHECK(again.load("press-07") == press_answers());
  }
}

TEST_CASE("a device that is not configured any more is forgotten after a month, not at once") {
  Fixture f;
  f.write("press-07");
  CHECK(f.knows_the_press({"press-08"}));
  f.clock.advance(29 * 24h);
  CHECK(f.knows_the_press({}));
  SUBCASE("it comes back, and the month begins anew") {
    CHECK(f.knows_the_press({"press-07"}));
    f.clock.advance(29 * 24h);
    CHECK(f.knows_the_press({}));
    f.clock.advance(29 * 24h);
    CHECK(f.knows_the_press({}));
  }
  SUBCASE("a clock that is not trusted knows of no month") {
    f.clock.set_trusted(false);
    f.clock.advance(999 * 24h);
    CHECK(f.knows_the_press({}));
  }
  SUBCASE("it stays away") {
    f.clock.advance(2 * 24h);
    CHECK_FALSE(f.knows_the_press({}));
    CHECK_FALSE(f.knows_the_press({"press-07"}));
  }
}

TEST_CASE("a file never grows past what is read; devices that are gone are left out first") {
  Fixture f;
  TwinAnswers many = press_answers();
  // The longest that there are: half of the bound for one device.
  for (int i = 0; i < 20000; ++i) {
    many.by_property[{"", "tag" + std::to_string(i)}] = {
        9, std::string(64, 'w'), {hub::AckCode::Failed, 9, std::string(256, 'd')}, false};
  }
  {
    FileAnswerStore store(f.path, f.clock, f.log);
    store.save("a-gone", many);
  }
  {
    FileAnswerStore store(f.path, f.clock, f.log);
    store.expect(devices({"b", "c"}));
    store.save("b", many);
    store.save("c", many);
  }
  CHECK(f.log.events == std::vector<std::string>{"answers_too_many"});
  const FileAnswerStore store(f.path, f.clock, f.log);
  CHECK_FALSE(store.load("a-gone"));
  CHECK(store.load("b") == many);
  CHECK(store.load("c") == many);
}

TEST_CASE("a disk that takes no answers is said once and costs nothing else") {
  Fixture f;
  {
    FileAnswerStore store(f.folder.file("no/such/folder.json"), f.clock, f.log);
    store.save("press-07", press_answers());
    CHECK(store.load("press-07") == press_answers());
  }
  CHECK(f.log.events == std::vector<std::string>{"answers_not_written"});
}

}  // namespace
}  // namespace hubward::platform
