// Times as Azure and people write them: ISO 8601 in UTC, `2026-01-05T08:00:00.125Z`.
#pragma once

#include <string>

#include "proto/time.h"

namespace hubward {

// Always milliseconds and `Z`; years 0000 to 9999 (times outside are clamped to these).
[[nodiscard]] std::string to_iso8601(WallTime time);

}  // namespace hubward
