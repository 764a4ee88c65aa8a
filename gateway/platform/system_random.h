#pragma once

#include <cstddef>
#include <random>
#include <string>

#include "gateway/api/random_source.h"

namespace hubward::platform {

// For jitter: a generator seeded once by the kernel. One thread at a time; give each loop its own.
class SystemRandom final : public RandomSource {
 public:
  SystemRandom();
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// `count` bytes from the kernel, as lower-case hex: names that must never be used again (the
// epoch of a store). Any thread.
[[nodiscard]] std::string random_hex(std::size_t count);

}  // namespace hubward::platform
