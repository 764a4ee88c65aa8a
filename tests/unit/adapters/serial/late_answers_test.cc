#include "adapters/serial/late_answers.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;

TEST_CASE("a late answer is expected for five seconds, or until it came") {
  LateAnswers late;
  const SteadyTime now{1h};
  CHECK_FALSE(late.any(now));
  late.came();  // harmless
  late.expect(3, true, now);
  late.expect(4, false, now + 1s);
  CHECK(late.latest(now + 1s) == std::size_t{4});
  CHECK(late.any_of_living(now + 1s));
  SUBCASE("time passes") {
    CHECK(late.all_over(now + 1s) == now + 6s);
    CHECK(late.any(now + 5999ms));
    CHECK_FALSE(late.any_of_living(now + 5s));
    CHECK(late.latest(now + 5s) == std::size_t{4});
    CHECK_FALSE(late.any(now + 6s));
    CHECK_FALSE(late.latest(now + 6s));
    CHECK_FALSE(late.all_over(now + 6s));
  }
  SUBCASE("what others owe does not count what the device itself does") {
    CHECK(late.by_others(9, now + 1s).answers == 2);
    CHECK(late.by_others(9, now + 1s).by_living);
    CHECK(late.by_others(3, now + 1s).answers == 1);
    CHECK_FALSE(late.by_others(3, now + 1s).by_living);
    CHECK(late.by_others(9, now + 6s).answers == 0);
  }
  SUBCASE("they come: the first that was asked for first") {
    late.came();
    CHECK_FALSE(late.any_of_living(now + 1s));
    late.came();
    CHECK_FALSE(late.any(now + 1s));
  }
  SUBCASE("the port is opened anew") {
    late.forget();
    CHECK_FALSE(late.any(now + 1s));
  }
}
