// This machine's own clocks, for tests that need real threads and sockets.
#pragma once

#include "gateway/api/clock.h"

namespace hubward::test {

class MachineClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] bool wall_is_trusted() const override { return true; }
};

}  // namespace hubward::test
