#include "gateway/device/report_filter.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

DeviceDescription one_tag(ReportRule rule) {
  DeviceDescription device;
  TagDescription tag;
  tag.name = "level";
  tag.report = rule;
  device.tags.push_back(tag);
  return device;
}

TagReading good(TagValue value) { return {TagIndex{0}, std::move(value), Quality::Good, {}}; }

}  // namespace

TEST_CASE("without a rule each reading is told") {
  const auto device = one_tag({});
  ReportFilter filter(device);
  CHECK(filter.passes(good(1.0), SteadyTime{1s}));
  CHECK(filter.passes(good(1.0), SteadyTime{2s}));
  CHECK_FALSE(filter.passes({TagIndex{7}, 1.0, Quality::Good, {}}, SteadyTime{2s}));
}

TEST_CASE("on change: what has not left the dead band around the last told value is not told") {
  struct Row {
    const char* why;
    ReportRule rule;
    TagValue before;
    TagValue now;
    bool told;
  };
  const Row rows[] = {
      {"the same", {.on_change = true}, 1.0, 1.0, false},
      {"any change", {.on_change = true}, 1.0, 1.0000001, true},
      {"integers beyond doubles",
       {.on_change = true},
       std::int64_t{9007199254740993},
       std::int64_t{9007199254740992},
       true},
      {"text", {.on_change = true}, std::string("off"), std::string("on"), true},
      {"truth, whatever the band", {.on_change = true, .dead_band = 5}, false, true, true},
      {"at the edge of the band", {.on_change = true, .dead_band = 0.5}, 1.0, 1.5, false},
      {"out of the band", {.on_change = true, .dead_band = 0.5}, 1.0, 1.51, true},
      {"downwards", {.on_change = true, .dead_band = 0.5}, 1.0, 0.4, true},
      {"within 2 percent", {.on_change = true, .dead_band_percent = 2}, -100.0, -102.0, false},
      {"over 2 percent", {.on_change = true, .dead_band_percent = 2}, -100.0, -102.1, true},
      {"percent of nothing", {.on_change = true, .dead_band_percent = 2}, 0.0, 0.001, true},
      {"out of one band only",
       {.on_change = true, .dead_band = 1, .dead_band_percent = 2},
       0.1,
       0.9,
       false},
      {"out of both", {.on_change = true, .dead_band = 1, .dead_band_percent = 2}, 0.1, 1.2, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto device = one_tag(row.rule);
    ReportFilter filter(device);
    CHECK(filter.passes(good(row.before), SteadyTime{1s}));
    CHECK(filter.passes(good(row.now), SteadyTime{2s}) == row.told);
  }
}

TEST_CASE("slow drift is told when it has left the band, not hidden by small steps") {
  const auto device = one_tag({.on_change = true, .dead_band = 10});
  ReportFilter filter(device);
  int told = 0;
  for (int i = 0; i <= 100; ++i) {
    if (filter.passes(good(std::int64_t{i}), SteadyTime{std::chrono::seconds{i}})) ++told;
  }
  CHECK(told == 10);
}

TEST_CASE("the longest silence ends with the next reading, and begins anew with each told one") {
  const auto device = one_tag({.on_change = true, .silence_max = 60s});
  ReportFilter filter(device);
  CHECK(filter.passes(good(1.0), SteadyTime{0s}));
  CHECK_FALSE(filter.passes(good(1.0), SteadyTime{59s}));
  CHECK(filter.passes(good(1.0), SteadyTime{60s}));
  CHECK(filter.passes(good(2.0), SteadyTime{90s}));
  CHECK_FALSE(filter.passes(good(2.0), SteadyTime{149s}));
  CHECK(filter.passes(good(2.0), SteadyTime{150s}));
}
