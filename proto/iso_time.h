// Times as Azure and people write them: ISO 8601 in UTC, `2026-01-05T08:00:00.125Z`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/time.h"

namespace hubward {

// Always milliseconds and `Z`; years 0000 to 9999 (times outside are clamped to these).
[[nodiscard]] std::string to_iso8601(WallTime time);

// A time in UTC as Azure writes it: `2026-01-05T08:00:01Z` with any number of digits of a second
// (more than milliseconds are cut off), ending in `Z`, `+00:00` or nothing. Nothing for any other
// text, for dates and times that do not exist and for years before 1970.
[[nodiscard]] std::optional<WallTime> parse_iso8601(std::string_view text);

}  // namespace hubward
