#include "gateway/platform/system_clock.h"

#include <doctest/doctest.h>

#include "gateway/platform/system_random.h"

namespace hubward::platform {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST_CASE("the wall clock is believed only when something vouches for it") {
  const WallTime now = SystemClock{}.wall();
  const WallTime epoch{};
  struct Row {
    const char* why;
    WallTime now;
    bool synchronised;
    WallTime remembered;
    bool credible;
  };
  const Row rows[] = {
      {"kept by a time service", now, true, epoch, true},
      {"kept by a time service that set it back", now, true, now + hours{1}, true},
      {"nothing remembered yet", now, false, epoch, true},
      {"later than anything remembered", now, false, now - seconds{1}, true},
      {"fell back to its value at power-off", now - hours{1}, false, now, false},
      {"1970, no battery", epoch + hours{1}, false, epoch, false},
      {"1970, and the kernel calls it kept", epoch + hours{1}, true, epoch, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(SystemClock::is_credible(row.now, row.synchronised, row.remembered) == row.credible);
  }
}

TEST_CASE("steady time never goes back") {
  const SystemClock clock;
  const SteadyTime first = clock.steady();
  CHECK(clock.steady() >= first);
}

TEST_CASE("two sources of chance differ, and so do two epochs") {
  SystemRandom one;
  SystemRandom other;
  CHECK(one.next() != other.next());
  CHECK(random_hex(8).size() == 16);
  CHECK(random_hex(8) != random_hex(8));
}

}  // namespace
}  // namespace hubward::platform
