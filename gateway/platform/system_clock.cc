#include "gateway/platform/system_clock.h"

#include <sys/stat.h>
#include <sys/timex.h>

#include <cstdlib>
#include <ctime>

namespace hubward::platform {
namespace {

using std::chrono::floor;
using std::chrono::milliseconds;

constexpr WallTime kBuildYear{std::chrono::duration_cast<milliseconds>(
    std::chrono::sys_days{std::chrono::year{HUBWARD_BUILD_YEAR} / 1 / 1}.time_since_epoch())};

// Less is a time service that steers, more is a clock that was set.
constexpr std::int64_t kSetMinMs = 1000;

// systemd-timesyncd.service(8): touched after each successful synchronisation, which is at least
// every PollIntervalMaxSec, by default 2048 s.
constexpr const char* kTimesyncMarker = "/run/systemd/timesync/synchronized";
constexpr std::chrono::hours kMarkerAgeMax{3};

std::chrono::nanoseconds read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

std::int64_t offset(WallTime wall, SteadyTime steady) {
  return (wall.time_since_epoch() - floor<milliseconds>(steady.time_since_epoch())).count();
}

bool marker_is_fresh(WallTime now) {
  struct stat about {};
  if (stat(kTimesyncMarker, &about) != 0) return false;
  const WallTime touched{std::chrono::seconds{about.st_mtim.tv_sec}};
  return std::chrono::abs(now - touched) <= kMarkerAgeMax;
}

}  // namespace

SteadyTime SystemClock::steady() const { return SteadyTime{read(CLOCK_BOOTTIME)}; }

WallTime SystemClock::wall() const { return WallTime{floor<milliseconds>(read(CLOCK_REALTIME))}; }

bool SystemClock::wall_is_trusted() const {
  const std::int64_t trusted = trusted_offset_;
  if (trusted == kNotJudged) return wall() >= kBuildYear;
  return trusted != kWrong && std::abs(offset(wall(), steady()) - trusted) < kSetMinMs;
}

bool SystemClock::is_synchronised() const {
  timex state{};  // modes 0: only asks
  if (adjtimex(&state) >= 0) return (state.status & STA_UNSYNC) == 0;
  return marker_is_fresh(wall());
}

void SystemClock::judge(bool trusted, WallTime wall, SteadyTime steady) {
  trusted_offset_ = trusted ? offset(wall, steady) : kWrong;
}

WallTime SystemClock::built() { return kBuildYear; }

}  // namespace hubward::platform
