#pragma once

#include <cstdint>

namespace hubward {

// Chance, passed in so that a simulation can replay it. Not for keys.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual std::uint64_t next() = 0;  // uniform over all 64-bit values
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

}  // namespace hubward
