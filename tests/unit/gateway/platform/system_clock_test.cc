#include "gateway/platform/system_clock.h"

#include <doctest/doctest.h>

#include "gateway/platform/system_random.h"

namespace hubward::platform {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST_CASE("the wall clock is believed once it was judged so, until it is set") {
  SystemClock clock;
  CHECK(clock.wall_is_trusted());  // this machine's shows a time after the build
  clock.judge(true, clock.wall(), clock.steady());
  CHECK(clock.wall_is_trusted());
  clock.judge(true, clock.wall() - hours{1}, clock.steady());  // it has been set since
  CHECK_FALSE(clock.wall_is_trusted());
  clock.judge(true, clock.wall() + seconds{2}, clock.steady());
  CHECK_FALSE(clock.wall_is_trusted());
  clock.judge(false, clock.wall(), clock.steady());
  CHECK_FALSE(clock.wall_is_trusted());
}

TEST_CASE("this program was built before now, and whether the clock is kept can be asked") {
  const SystemClock clock;
  CHECK(SystemClock::built() <= clock.wall());
  CHECK(SystemClock::built() > WallTime{hours{24 * 365 * 50}});
  (void)clock.is_synchronised();
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
