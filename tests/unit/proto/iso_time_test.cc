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

TEST_CASE("a time is read back as it was written, and as Azure writes it") {
  struct Row {
    const char* why;
    const char* text;
    std::int64_t milliseconds;
  };
  const Row rows[] = {
      {"as we write it", "2026-01-05T08:00:00.125Z", 1767600000125},
      {"two digits, as in DPS's registration state", "2026-01-05T08:00:01.12Z", 1767600001120},
      {"seven digits, as .NET writes it", "2020-09-03T05:16:31.8562416Z", 1599110191856},
      {"without a fraction", "2026-01-05T08:00:00Z", 1767600000000},
      {"with an offset of zero", "2026-01-05T08:00:00+00:00", 1767600000000},
      {"without a zone: these members are UTC by name", "2026-01-05T08:00:00.5", 1767600000500},
      {"leap day", "2024-02-29T00:00:00.001Z", 1709164800001},
      {"leap second", "2016-12-31T23:59:60Z", 1483228800000},
      {"the epoch", "1970-01-01T00:00:00Z", 0},
      {"the last there is", "9999-12-31T23:59:59.999Z", 253402300799999},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto time = parse_iso8601(row.text);
    REQUIRE(time);
    CHECK(time->time_since_epoch().count() == row.milliseconds);
  }
}

TEST_CASE("what is no time in UTC is not read") {
  for (const char* text : {"",
                           "x",
                           "2026",
                           "2026-01-05",
                           "2026-01-05 08:00:00Z",
                           "2026-1-5T08:00:00Z",
                           "2026-13-05T08:00:00Z",
                           "2026-02-30T08:00:00Z",
                           "2026-00-05T08:00:00Z",
                           "2026-01-05T24:00:00Z",
                           "2026-01-05T08:60:00Z",
                           "2026-01-05T08:00:61Z",
                           "2026-01-05T08:00:00.Z",
                           "2026-01-05T08:00:00+02:00",
                           "2026-01-05T08:00:00ZZ",
                           "2026-01-05T08:00",
                           "-026-01-05T08:00:00Z",
                           "1969-12-31T23:59:59Z",
                           "0001-01-01T00:00:00Z",
                           "2026-01-05T08:00:00.123456789012345678901234567890 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_iso8601(text));
  }
}
