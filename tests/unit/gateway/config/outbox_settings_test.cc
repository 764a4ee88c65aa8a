// How readings are kept and sent: the store's own settings, and those of a device.
#include <doctest/doctest.h>

#include <algorithm>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;
using namespace std::chrono_literals;

namespace {

LoadedSite load(const std::string& outbox, const std::string& device_outbox) {
  MemoryFiles files;
  files.files["site/gateway.json"] =
      R"({"version": 1, "dps": {"id_scope": "0ne1"},
          "enrollments": {"plant": {"type": "group", "key": {"file": "k"}}},
          "broker": {}, "outbox": )" +
      outbox + "}";
  const auto device = [&](const std::string& id, const std::string& extra) {
    files.files["site/devices.d/" + id + ".json"] =
        R"({"version": 1, "id": ")" + id +
        R"(", "enrollment": "plant", "attach": {"mqtt": {"topic": "p/)" + id + R"("}}, )" + extra +
        R"("tags": [{"name": "t", "pointer": "/t"}]})";
  };
  device("a", "");
  device("b", R"("outbox": )" + device_outbox + ", ");
  return load_site("site", files, MemorySecrets());
}

}  // namespace

TEST_CASE("left out, nothing expires, the oldest go, order is strict and memory helps out") {
  const auto site = load("{}", "{}");
  REQUIRE(site.settings);
  const OutboxSettings& outbox = site.settings->outbox;
  CHECK(outbox.bytes_max == 1024ULL * 1024 * 1024);
  CHECK_FALSE(outbox.age_max);
  CHECK_FALSE(outbox.refuse_when_full);
  CHECK(outbox.memory_bytes_max == 16ULL * 1024 * 1024);
  REQUIRE(outbox.devices.size() == 2);
  CHECK_FALSE(outbox.devices[1].bytes_max);
  CHECK(site.settings->devices[1].order == SendOrder::Strict);
}

TEST_CASE("the store's settings hold for a device that has none of its own") {
  const auto site = load(
      R"({"bytes_max": 2000000, "age_max_h": 72, "when_full": "refuse_new",
          "order": "fresh_first", "fresh_share_percent": 60, "when_disk_fails": "refuse"})",
      R"({"bytes_max": 100000, "age_max_h": 8, "order": "strict", "fresh_share_percent": 5})");
  REQUIRE(site.settings);
  const OutboxSettings& outbox = site.settings->outbox;
  CHECK(outbox.bytes_max == 2000000);
  CHECK(outbox.age_max == 72h);
  CHECK(outbox.refuse_when_full);
  CHECK(outbox.memory_bytes_max == 0);
  CHECK_FALSE(outbox.devices[0].age_max);
  CHECK(outbox.devices[1].bytes_max == 100000U);
  CHECK(outbox.devices[1].age_max == 8h);
  const auto& devices = site.settings->devices;
  CHECK(devices[0].order == SendOrder::FreshFirst);
  CHECK(devices[0].fresh_share_percent == 60);
  CHECK(devices[1].order == SendOrder::Strict);
  CHECK(devices[1].fresh_share_percent == 5);
}

TEST_CASE("what cannot be is refused with its place and what would be right") {
  const std::string wrong[] = {
      R"({"age_max_h": 0})",        R"({"fresh_share_percent": 100})",
      R"({"when_full": "drop"})",   R"({"order": "newest"})",
      R"({"memory_bytes_max": 1})", R"({"when_disk_fails": "panic"})",
  };
  for (const std::string& outbox : wrong) {
    CAPTURE(outbox);
    const auto site = load(outbox, "{}");
    CHECK_FALSE(site.settings);
    CHECK(std::any_of(site.problems.begin(), site.problems.end(), [](const Problem& problem) {
      return problem.severity == Problem::Severity::Error &&
             problem.pointer.starts_with("/outbox/");
    }));
  }
}
