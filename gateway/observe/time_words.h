#pragma once

#include <string>

#include "proto/iso_time.h"

namespace hubward::observe {

// "2026-01-05"
[[nodiscard]] inline std::string date_words(WallTime time) {
  return to_iso8601(time).substr(0, 10);
}

// "2026-01-05 08:00:00 UTC"
[[nodiscard]] inline std::string utc_words(WallTime time) {
  return date_words(time) + " " + to_iso8601(time).substr(11, 8) + " UTC";
}

}  // namespace hubward::observe
