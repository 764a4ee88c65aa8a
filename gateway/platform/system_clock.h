#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "gateway/api/clock.h"

namespace hubward::platform {

// This machine's clocks. Safe from any thread.
//
// steady() is CLOCK_BOOTTIME: it counts from the machine's start, is the same for all processes and
// also counts while the machine sleeps.
//
// Whether the wall clock is to be believed is judged elsewhere (resilience::ClockWatch), once a
// second; what is remembered here is the judgement on the clock as it stood then. A clock that has
// been set since is not believed before it has been judged anew; one that was never judged is
// believed unless it shows a time before built().
class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady() const override;
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] bool wall_is_trusted() const override;

  // Whether a time service keeps the wall clock. Asked of the kernel: ntpd, chrony (rtcsync) and
  // systemd-timesyncd tell it, and setting the clock by hand, or 16 s of possible error since the
  // last correction, end it. Where the kernel may not be asked: whether systemd-timesyncd has
  // touched its marker in the last three hours.
  [[nodiscard]] bool is_synchronised() const;

  // The clock as it showed `wall` at `steady`.
  void judge(bool trusted, WallTime wall, SteadyTime steady);

  // The wall clock cannot be before the year in which this program was built.
  [[nodiscard]] static WallTime built();

 private:
  static constexpr std::int64_t kNotJudged = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kWrong = kNotJudged + 1;

  // Wall minus steady in milliseconds, of the clock that was judged trustworthy.
  std::atomic<std::int64_t> trusted_offset_{kNotJudged};
};

}  // namespace hubward::platform
