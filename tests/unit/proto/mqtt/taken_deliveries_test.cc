#include "proto/mqtt/taken_deliveries.h"

#include <doctest/doctest.h>

using namespace hubward::mqtt;

TEST_CASE("a delivery is known again by its id and content") {
  TakenDeliveries taken;
  taken.remember({7, 100}, 1);
  CHECK(taken.contains({7, 100}));
  CHECK_FALSE(taken.contains({7, 101}));
  CHECK_FALSE(taken.contains({8, 100}));
  taken.clear();
  CHECK_FALSE(taken.contains({7, 100}));
}

TEST_CASE("an id that is used again shows that all acknowledgements before it have arrived") {
  TakenDeliveries taken;
  taken.remember({1, 10}, 0);  // acknowledged nowhere: the broker will deliver it again
  taken.remember({2, 20}, 1);  // on an earlier connection, which may not have carried it
  taken.remember({3, 30}, 2);
  taken.remember({4, 40}, 2);
  taken.remember({5, 50}, 2);
  taken.forget_reused(9);
  CHECK(taken.contains({4, 40}));
  taken.forget_reused(4);
  CHECK(taken.contains({1, 10}));
  CHECK(taken.contains({2, 20}));
  CHECK_FALSE(taken.contains({3, 30}));
  CHECK_FALSE(taken.contains({4, 40}));
  CHECK(taken.contains({5, 50}));
}

TEST_CASE(
    "what the broker is known to have read is forgotten, and the oldest where there are many") {
  TakenDeliveries taken;
  CHECK(taken.newest() == 0);
  taken.remember({1, 1}, 1);
  const auto until = taken.newest();
  taken.remember({2, 2}, 1);
  taken.forget_until(until);
  CHECK_FALSE(taken.contains({1, 1}));
  CHECK(taken.contains({2, 2}));
  for (std::size_t i = 0; i < TakenDeliveries::kMax; ++i) taken.remember({3, i}, 1);
  CHECK_FALSE(taken.contains({2, 2}));
  CHECK(taken.contains({3, 0}));
}
