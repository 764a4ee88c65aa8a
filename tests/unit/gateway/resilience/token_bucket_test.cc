#include "gateway/resilience/token_bucket.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

TEST_CASE("no second sees more than rate plus burst, however often one asks") {
  TokenBucket bucket(20.0, 1.0);
  const SteadyTime start{1h};
  int taken = 0;
  for (auto now = start; now < start + 1s; now += 1ms) taken += bucket.try_take(now) ? 1 : 0;
  CHECK(taken == 20);
}

TEST_CASE("whoever waits until the stated instant gets a token") {
  TokenBucket bucket(3.0, 1.0);
  SteadyTime now{1h};
  for (int i = 0; i < 1000; ++i) {
    now = bucket.next_at(now);
    REQUIRE(bucket.try_take(now));
    REQUIRE_FALSE(bucket.try_take(now));
  }
  CHECK(now <= SteadyTime{1h} + 333s + 1ms);
  CHECK(now >= SteadyTime{1h} + 332s);
}

TEST_CASE("a long rest saves up no more than the burst") {
  TokenBucket bucket(10.0, 2.0);
  const SteadyTime now{1000h};
  CHECK(bucket.try_take(now));
  CHECK(bucket.try_take(now));
  CHECK_FALSE(bucket.try_take(now));
}

TEST_CASE("whoever comes late to what was awaited finds what has come in, up to the make-up") {
  const SteadyTime start{1h};
  for (const auto late : {0ms, 50ms, 150ms, 600000ms}) {
    CAPTURE(late.count());
    TokenBucket bucket(100.0, 5.0, 0.15);
    while (bucket.try_take(start)) continue;
    const SteadyTime now = bucket.next_at(start) + late;
    int taken = 0;
    while (bucket.try_take(now)) ++taken;
    CHECK(taken == std::min(1 + static_cast<int>(late / 10ms), 20));
  }
}

TEST_CASE("nothing is made up for when nobody has waited") {
  TokenBucket bucket(100.0, 5.0, 0.15);
  SteadyTime now{1h};
  while (bucket.try_take(now)) continue;
  now += 1min;
  int taken = 0;
  while (bucket.try_take(now)) ++taken;
  CHECK(taken == 5);
}
