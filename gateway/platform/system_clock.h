#pragma once

#include <atomic>

#include "gateway/api/clock.h"

namespace hubward::platform {

// This machine's clocks. Safe from any thread.
//
// steady() is CLOCK_BOOTTIME: it also counts while the machine sleeps.
//
// The wall clock is trusted when it is not before the year this program was built in, and either
// the kernel says that a time service keeps it, or it is not before the newest time this gateway
// remembers (a clock that fell back to its last value at power-off, or to 1970, is then noticed).
class SystemClock final : public Clock {
 public:
  // `remembered`: the newest wall time that a former run put on disk; none: the epoch.
  explicit SystemClock(WallTime remembered = WallTime{}) : remembered_(remembered) {}

  [[nodiscard]] SteadyTime steady() const override;
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] bool wall_is_trusted() const override;

  void remember(WallTime newest) { remembered_ = newest; }

  // The rule above by itself.
  [[nodiscard]] static bool is_credible(WallTime now, bool synchronised, WallTime remembered);

 private:
  std::atomic<WallTime> remembered_;
};

}  // namespace hubward::platform
