// The local broker, and what is asked of devices there.
#include <doctest/doctest.h>

#include <algorithm>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;

namespace {

LoadedSite load(const std::string& broker, const std::string& answer_topic) {
  MemoryFiles files;
  files.files["site/gateway.json"] =
      R"({"version": 1, "dps": {"id_scope": "0ne1"},
          "enrollments": {"plant": {"type": "group", "key": {"file": "k"}}},
          "broker": )" +
      broker + "}";
  files.files["site/devices.d/v-1.json"] =
      R"({"version": 1, "id": "v-1", "enrollment": "plant", "attach": {"mqtt": {
          "topic": "p/{device}/t", "device": "valve",
          "answer": {"topic": ")" +
      answer_topic + R"(", "done": ["OK"]}}}, "tags": [{"name": "t", "pointer": "/t"}]})";
  return load_site("site", files, MemorySecrets());
}

}  // namespace

TEST_CASE("the broker is spoken to in MQTT 3.1.1 unless 5 is asked for") {
  const auto plain = load("{}", "p/{device}/answer");
  REQUIRE(plain.settings);
  CHECK(plain.settings->broker->version == mqtt::Version::V311);
  const auto five = load(R"({"version": "5"})", "p/{device}/answer");
  REQUIRE(five.settings);
  CHECK(five.settings->broker->version == mqtt::Version::V5);
  CHECK_FALSE(load(R"({"version": "4"})", "p/{device}/answer").settings);
  CHECK_FALSE(load(R"({"version": 5})", "p/{device}/answer").settings);
}

TEST_CASE("words for done that can never be compared are warned of") {
  struct Row {
    const char* broker;
    const char* topic;
    std::size_t warnings;
  };
  const Row rows[] = {
      {R"({"version": "5"})", "p/{device}/answer", 0},
      {R"({"version": "5"})", "p/{device}/answer/#", 1},
      {"{}", "p/{device}/answer", 1},
      {"{}", "p/{device}/answer/#", 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.broker);
    CAPTURE(row.topic);
    const auto site = load(row.broker, row.topic);
    REQUIRE(site.settings);
    const auto count = std::count_if(site.problems.begin(), site.problems.end(),
                                     [](const Problem& one) { return one.rule == "answer-done"; });
    CHECK(static_cast<std::size_t>(count) == row.warnings);
  }
}

TEST_CASE("a request can name its answer's topic where that is one topic") {
  struct Row {
    const char* topic;
    const char* asked_for;
  };
  const Row rows[] = {
      {"p/{device}/answer", "p/valve/answer"},
      {"answers", "answers"},
      {"p/{device}/answer/#", ""},
      {"+/{device}/answer", ""},
      {"p/{device}/{tag}/answer", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.topic);
    const auto site = load("{}", row.topic);
    REQUIRE(site.settings);
    REQUIRE(site.settings->mqtt_devices.size() == 1);
    const auto& answer = site.settings->mqtt_devices[0].answer;
    REQUIRE(answer);
    CHECK(answer->response_topic == row.asked_for);
    CHECK(answer->done == std::vector<std::string>{"OK"});
  }
}
