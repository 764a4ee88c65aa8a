// Large and hostile sites: bounded work, bounded lists.
#include <doctest/doctest.h>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;

namespace {

MemoryFiles empty_site() {
  MemoryFiles files;
  files.files["site/gateway.json"] =
      R"({"version": 1, "dps": {"id_scope": "0ne1"},
          "enrollments": {"plant": {"type": "group", "key": {"file": "k"}}},
          "broker": {}})";
  return files;
}

void add_sensor(MemoryFiles& files, std::size_t number) {
  const std::string id = "s-" + std::to_string(number);
  files.files["site/devices.d/" + id + ".json"] =
      R"({"version": 1, "id": ")" + id +
      R"(", "enrollment": "plant", "attach": {"mqtt": {"topic": "p/{device}/t"}},
          "tags": [{"name": "t", "pointer": "/t"}]})";
}

std::string device_with_tags(std::size_t count) {
  std::string text =
      R"({"version": 1, "id": "s", "enrollment": "plant", "attach": {"mqtt": {"topic": "t"}},
          "tags": [)";
  for (std::size_t i = 0; i < count; ++i) {
    text += R"({"name": "t)" + std::to_string(i) + R"(", "pointer": "/t"},)";
  }
  return text + "]}";
}

}  // namespace

TEST_CASE("ten thousand devices load, and one more is refused in one sentence") {
  auto files = empty_site();
  for (std::size_t i = 0; i < 10'000; ++i) add_sensor(files, i);
  const auto site = load_site("site", files, MemorySecrets());
  REQUIRE(site.settings);
  CHECK(site.settings->devices.size() == 10'000);
  CHECK(site.settings->mqtt_devices[123].device == DeviceIndex{123});
  add_sensor(files, 10'000);
  const auto refused = load_site("site", files, MemorySecrets());
  CHECK_FALSE(refused.settings);
  REQUIRE(refused.problems.size() == 2);  // beside the warning about the group's key
  CHECK(refused.problems[1].rule == "too-many-devices");
}

TEST_CASE("a thousand tags are fine, and one more is not") {
  auto files = empty_site();
  files.files["site/devices.d/s.json"] = device_with_tags(1000);
  CHECK(load_site("site", files, MemorySecrets()).settings.has_value());
  files.files["site/devices.d/s.json"] = device_with_tags(1001);
  const auto site = load_site("site", files, MemorySecrets());
  CHECK_FALSE(site.settings);
  CHECK(site.problems.back().text.find("at most 1000") != std::string::npos);
}

TEST_CASE("a file with endless mistakes ends its list after a hundred, and counts the rest") {
  auto files = empty_site();
  std::string text = "{";
  for (int i = 0; i < 20'000; ++i) text += "\"key" + std::to_string(i) + "\": 1,\n";
  files.files["site/devices.d/s.json"] = text + "}";
  const auto site = load_site("site", files, MemorySecrets());
  CHECK(site.problems.size() == 102);  // the warning, a hundred, and the count
  CHECK(site.problems.back().text.find("more problems in this file") != std::string::npos);
}

TEST_CASE("a file that is too large is one sentence") {
  auto files = empty_site();
  files.files["site/devices.d/s.json"] = std::string(1024 * 1024 + 1, ' ');
  const auto site = load_site("site", files, MemorySecrets());
  CHECK(site.problems.back().rule == "too-large");
}

TEST_CASE("a text of a megabyte is refused by its length, before any pattern looks at it") {
  auto files = empty_site();
  files.files["site/devices.d/s.json"] =
      "{\"version\": 1, \"id\": \"" + std::string(1'000'000, 'a') + "\"}";
  const auto site = load_site("site", files, MemorySecrets());
  bool found = false;
  for (const auto& problem : site.problems) {
    found = found || problem.text == "\"id\" has 1000000 characters; at most 64 are allowed";
    CHECK(problem.text.size() < 1000);
  }
  CHECK(found);
}

TEST_CASE("the adapters' own samples are good device files") {
  for (const std::string name : {"modbus", "mqtt", "serial"}) {
    CAPTURE(name);
    const std::string path = HUBWARD_SOURCE_DIR "/adapters/" + name + "/sample.json";
    const auto text = disk_files()->read(path, 1024 * 1024);
    if (!text) continue;  // the adapter's own test asks for it
    auto files = empty_site();
    files.files["site/devices.d/sample.json"] = *text;
    const auto site = load_site("site", files, MemorySecrets());
    for (const auto& problem : site.problems) {
      if (problem.rule != "group-key") MESSAGE(to_line(problem));
    }
    CHECK(site.settings.has_value());
  }
}
