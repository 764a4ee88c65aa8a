#include "proto/iso_time.h"

#include <doctest/doctest.h>

using namespace hubward;

TEST_CASE("times are written in UTC with milliseconds") {
  struct Row {
    const char* why;
    std::int64_t milliseconds;
    const char* text;
  };
  const Row rows[] = {
      {"the epoch", 0, "1970-01-01T00:00:00.000Z"},
      {"the example of the protocol notes", 1767600000125, "2026-01-05T08:00:00.125Z"},
      {"leap day", 1709164800001, "2024-02-29T00:00:00.001Z"},
      {"last millisecond of a year", 1767225599999, "2025-12-31T23:59:59.999Z"},
      {"before the epoch, rounded down and not up", -1, "1969-12-31T23:59:59.999Z"},
      {"far future is clamped", INT64_MAX, "9999-12-31T23:59:59.999Z"},
      {"far past is clamped", INT64_MIN, "0000-01-01T00:00:00.000Z"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(to_iso8601(WallTime{std::chrono::milliseconds{row.milliseconds}}) == row.text);
  }
}
