// Chance that a test decides, or that a seed replays.
#pragma once

#include <cstdint>

#include "gateway/api/random_source.h"

namespace hubward::test {

// Always the same point of [0, 1).
class FixedRandom final : public RandomSource {
 public:
  explicit FixedRandom(double unit) { set(unit); }
  void set(double unit) { value_ = static_cast<std::uint64_t>(unit * 0x1.0p53) << 11; }
  std::uint64_t next() override { return value_; }

 private:
  std::uint64_t value_ = 0;
};

// SplitMix64: the same numbers for the same seed, on every machine.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace hubward::test
