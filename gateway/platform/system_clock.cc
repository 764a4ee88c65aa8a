#include "gateway/platform/system_clock.h"

#include <sys/timex.h>

#include <ctime>

namespace hubward::platform {
namespace {

constexpr WallTime kBuildYear{std::chrono::duration_cast<std::chrono::milliseconds>(
    std::chrono::sys_days{std::chrono::year{HUBWARD_BUILD_YEAR} / 1 / 1}.time_since_epoch())};

std::chrono::nanoseconds read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

bool kernel_says_synchronised() {
  timex state{};  // modes 0: only asks
  return adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0;
}

}  // namespace

SteadyTime SystemClock::steady() const { return SteadyTime{read(CLOCK_BOOTTIME)}; }

WallTime SystemClock::wall() const {
  return WallTime{std::chrono::floor<std::chrono::milliseconds>(read(CLOCK_REALTIME))};
}

bool SystemClock::wall_is_trusted() const {
  const WallTime now = wall();
  const WallTime remembered = remembered_;
  // The kernel is asked only where its word decides: every reading wants to know.
  return is_credible(now, false, remembered) ||
         is_credible(now, kernel_says_synchronised(), remembered);
}

bool SystemClock::is_credible(WallTime now, bool synchronised, WallTime remembered) {
  return now >= kBuildYear && (synchronised || now >= remembered);
}

}  // namespace hubward::platform
