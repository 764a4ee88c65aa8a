// Moves the wall clock of one process, for scenarios: preloaded (LD_PRELOAD), it adds to every wall
// time the 64-bit number of milliseconds at the beginning of the file that HUBWARD_TEST_WALL_CLOCK
// names. Whoever writes that file sets the clock, in steps as a time service or a person does. The
// steady clocks, waiting, the times of files and the kernel's word on synchronisation stay as they
// are.
//
// Not libfaketime: that also rewrites waits on condition variables, and those that wait by the
// steady clock (pthread_cond_clockwait) then hang in a process that is told to live in the past.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kNanoPerSecond = 1'000'000'000;
constexpr std::int64_t kNanoPerMilli = 1'000'000;
constexpr std::int64_t kNanoPerMicro = 1'000;

using ClockGettime = int (*)(clockid_t, timespec*);

ClockGettime real_clock() {
  static const auto found = reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime"));
  return found;
}

const std::atomic<std::int64_t>* map_offset() {
  const char* const path = std::getenv("HUBWARD_TEST_WALL_CLOCK");
  const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* const memory = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return nullptr;
  return static_cast<const std::atomic<std::int64_t>*>(memory);
}

std::int64_t wall_nanoseconds() {
  static const auto* const offset = map_offset();
  timespec now{};
  real_clock()(CLOCK_REALTIME, &now);
  const std::int64_t real = now.tv_sec * kNanoPerSecond + now.tv_nsec;
  return offset == nullptr ? real : real + offset->load() * kNanoPerMilli;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return real_clock()(clock, now);
  const std::int64_t wall = wall_nanoseconds();
  now->tv_sec = wall / kNanoPerSecond;
  now->tv_nsec = wall % kNanoPerSecond;
  return 0;
}

int gettimeofday(timeval* now, void*) noexcept {
  const std::int64_t wall = wall_nanoseconds();
  now->tv_sec = wall / kNanoPerSecond;
  now->tv_usec = wall % kNanoPerSecond / kNanoPerMicro;
  return 0;
}

time_t time(time_t* now) noexcept {
  const auto seconds = static_cast<time_t>(wall_nanoseconds() / kNanoPerSecond);
  if (now != nullptr) *now = seconds;
  return seconds;
}

}  // extern "C"
