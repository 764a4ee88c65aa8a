#pragma once

#include "proto/time.h"

namespace hubward {

// Both clocks of this machine. Implementations are safe from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SteadyTime steady()
      const = 0;                                    // intervals, deadlines, back-off; never steps
  [[nodiscard]] virtual WallTime wall() const = 0;  // token expiry, times people read; may step
  // False while the wall clock is not credible, e.g. before the first NTP answer after a boot
  // without a battery clock. Readings taken meanwhile are marked.
  [[nodiscard]] virtual bool wall_is_trusted() const = 0;
};

}  // namespace hubward
