// How long things took, in a fixed amount of memory, so that measuring does not disturb what is
// measured.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hubward::bench {

// Buckets of 50 us up to 2 s; what took longer counts as the longest. One thread.
class Latencies {
 public:
  void add(std::chrono::nanoseconds took) {
    const auto place = std::max<std::int64_t>(took / kBucket, 0);
    ++buckets_[std::min(static_cast<std::size_t>(place), kBuckets - 1)];
    longest_ = std::max(longest_, took);
    ++count_;
  }
  void clear() { *this = {}; }

  // The time within which `part` (0 to 1) of all were done, in milliseconds; 0 if there were none.
  [[nodiscard]] double quantile_ms(double part) const {
    const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(count_));
    std::uint64_t passed = 0;
    for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
      passed += buckets_[i];
      if (passed > wanted) return std::min(in_ms(kBucket * (i + 1)), longest_ms());
    }
    return longest_ms();
  }
  [[nodiscard]] double longest_ms() const { return in_ms(longest_); }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static constexpr std::chrono::microseconds kBucket{50};
  static constexpr std::size_t kBuckets = 40'000;
  static double in_ms(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
  }
  std::array<std::uint32_t, kBuckets> buckets_{};
  std::chrono::nanoseconds longest_{0};
  std::uint64_t count_ = 0;
};

}  // namespace hubward::bench
