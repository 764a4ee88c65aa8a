#include "gateway/resilience/backoff.h"

#include <doctest/doctest.h>

#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

TEST_CASE("pauses double up to the maximum") {
  test::FixedRandom chance(0.5);
  Backoff backoff({.initial = 1s, .max = 10s, .multiplier = 2.0}, chance);
  CHECK(backoff.next() == 500ms);
  CHECK(backoff.next() == 1000ms);
  CHECK(backoff.next() == 2000ms);
  CHECK(backoff.next() == 4000ms);
  CHECK(backoff.next() == 5000ms);
  for (int i = 0; i < 5000; ++i) backoff.next();
  CHECK(backoff.next() == 5000ms);
}

TEST_CASE("jitter is full: from nothing to the whole pause, also at the maximum") {
  test::FixedRandom chance(0.0);
  Backoff backoff({.initial = 1s, .max = 4s, .multiplier = 2.0}, chance);
  CHECK(backoff.next() == 0ms);
  for (int i = 0; i < 10; ++i) backoff.next();
  CHECK(backoff.next() == 0ms);
  chance.set(0.999);
  CHECK(backoff.next() == 3996ms);
}

TEST_CASE("a pause the service asked for is kept, and a reset begins anew") {
  test::FixedRandom chance(0.5);
  Backoff backoff({.initial = 1s, .max = 60s, .multiplier = 2.0}, chance);
  CHECK(backoff.next(10s) == 10s);
  CHECK(backoff.steps() == 1);
  backoff.reset();
  CHECK(backoff.next() == 500ms);
}
