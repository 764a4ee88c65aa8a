#include "adapters/modbus/answer_times.h"

#include <doctest/doctest.h>

#include "adapters/modbus/probe_budget.h"

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;

TEST_CASE("steady answers leave little doubt, and one that is late soon is forgotten") {
  AnswerTimes times;
  CHECK_FALSE(times.usual());
  CHECK_FALSE(times.longest());
  for (int i = 0; i < 50; ++i) times.note(20ms);
  CHECK(*times.usual() == 20ms);
  CHECK(*times.longest() < 21ms);
  times.note(500ms);
  CHECK(*times.longest() > 500ms);
  for (int i = 0; i < 50; ++i) times.note(20ms);
  CHECK(*times.longest() < 25ms);
}

TEST_CASE("a clock that seems to run backwards counts as no time at all") {
  AnswerTimes times;
  times.note(-5ms);
  CHECK(*times.longest() == 0ms);
}

TEST_CASE("what silent units may cost is saved up to a limit and spent on credit only once") {
  const SteadyTime start{1000s};
  ProbeBudget budget(start);
  CHECK(budget.in_credit_at(start) == start);
  CHECK_FALSE(budget.affords(50ms, start));
  budget.spend(45ms, start);
  CHECK(budget.in_credit_at(start) == start + 1s);
  CHECK(budget.in_credit_at(start + 1s) == start + 1s);
  CHECK(budget.affords(1s, start + 1h));
  CHECK(budget.affords(60s, start + 1h));  // or it would never be affordable
  budget.spend(2400ms, start + 1h);
  CHECK(budget.in_credit_at(start + 1h) > start + 1h + 26s);
}

}  // namespace
}  // namespace hubward::modbus
