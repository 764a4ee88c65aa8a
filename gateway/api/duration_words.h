// Lengths of time in the form people read them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace hubward {

// The two largest units: "40 s", "12 min", "3 h 12 min", "6 d 4 h", "56 y 330 d" (years of 365
// days, from two years on). Below a second and for negative durations (a clock that stepped): "1
// s".
[[nodiscard]] inline std::string duration_words(std::chrono::milliseconds duration) {
  const std::int64_t seconds = std::max<std::int64_t>(1, duration.count() / 1000);
  const auto two = [](std::int64_t large, const char* large_unit, std::int64_t small,
                      const char* small_unit) {
    std::string words = std::to_string(large) + large_unit;
    if (small > 0) words += " " + std::to_string(small) + small_unit;
    return words;
  };
  constexpr std::int64_t kDay = 86400;
  constexpr std::int64_t kYear = 365 * kDay;
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < kDay) return two(seconds / 3600, " h", seconds % 3600 / 60, " min");
  if (seconds < 2 * kYear) return two(seconds / kDay, " d", seconds % kDay / 3600, " h");
  return two(seconds / kYear, " y", seconds % kYear / kDay, " d");
}

}  // namespace hubward
