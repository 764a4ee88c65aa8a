#include "gateway/resilience/eviction_watch.h"

#include <doctest/doctest.h>

#include <vector>

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

TEST_CASE("three sessions in a row that worked and were ended alone are somebody else's doing") {
  struct End {
    bool worked;
    bool alone;
    std::chrono::minutes after;
  };
  struct Row {
    const char* why;
    std::vector<End> ends;
    bool second_holder;
  };
  const Row rows[] = {
      {"two are not enough", {{true, true, 1min}, {true, true, 1min}}, false},
      {"three are", {{true, true, 1min}, {true, true, 1min}, {true, true, 1min}}, true},
      {"also with our pauses between them",
       {{true, true, 1min}, {true, true, 10min}, {true, true, 15min}},
       true},
      {"a session in which nothing was acknowledged may have been ended by what we sent",
       {{true, true, 1min}, {true, true, 1min}, {false, true, 1min}},
       false},
      {"others were thrown out too: the hub's doing",
       {{true, false, 1min}, {true, false, 1min}, {true, false, 1min}, {true, false, 1min}},
       false},
      {"hours apart", {{true, true, 1min}, {true, true, 60min}, {true, true, 60min}}, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    EvictionWatch watch;
    SteadyTime now{1h};
    bool verdict = false;
    for (const auto& end : row.ends) {
      now += end.after;
      verdict = watch.on_thrown_out(end.worked, end.alone, now);
    }
    CHECK(verdict == row.second_holder);
  }
}

TEST_CASE("a session that lasted ends the suspicion") {
  EvictionWatch watch;
  const SteadyTime now{1h};
  CHECK_FALSE(watch.on_thrown_out(true, true, now));
  CHECK_FALSE(watch.on_thrown_out(true, true, now));
  watch.reset();
  CHECK_FALSE(watch.on_thrown_out(true, true, now));
}
