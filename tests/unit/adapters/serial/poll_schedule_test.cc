#include "adapters/serial/poll_schedule.h"

#include <doctest/doctest.h>

#include <map>

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;

namespace {

using Place = PollSchedule::Place;

// Runs the schedule on a line where an answer takes `turn` and a dead device a whole second, and
// counts what was asked.
std::map<std::size_t, int> run(PollSchedule& schedule, SteadyTime& now, SteadyTime until,
                               std::chrono::milliseconds turn, const std::vector<bool>& dead) {
  std::map<std::size_t, int> asked;
  while (now < until) {
    const auto place = schedule.due(now);
    if (!place) {
      now = schedule.next_due().value();
      continue;
    }
    ++asked[place->device];
    now += dead[place->device] ? 1000ms : turn;
    dead[place->device] ? schedule.missed(*place, now) : schedule.answered(*place, now);
  }
  return asked;
}

}  // namespace

TEST_CASE("each request is due at its interval, and the longest due comes first") {
  PollSchedule schedule;
  SteadyTime now{};
  schedule.add_device({1000ms, 5000ms}, now);
  schedule.add_device({2000ms}, now);
  CHECK(schedule.due(now) == Place{0, 0});
  schedule.answered({0, 0}, now);
  CHECK(schedule.due(now) == Place{0, 1});
  schedule.answered({0, 1}, now);
  CHECK(schedule.due(now) == Place{1, 0});
  schedule.answered({1, 0}, now);
  CHECK(!schedule.due(now));
  CHECK(schedule.next_due() == now + 1s);
  now += 2s;
  CHECK(schedule.due(now) == Place{0, 0});
}

TEST_CASE("a line that is asked for too much slows all down alike") {
  PollSchedule schedule;
  SteadyTime now{};
  for (int i = 0; i < 4; ++i) schedule.add_device({100ms}, now);
  const auto asked = run(schedule, now, now + 10s, 100ms, {false, false, false, false});
  for (std::size_t i = 0; i < 4; ++i) CHECK(asked.at(i) == 25);
}

TEST_CASE("a dead device costs the others one time-out for each step, and is back within 10 s") {
  PollSchedule schedule;
  SteadyTime now{};
  for (int i = 0; i < 4; ++i) schedule.add_device({500ms}, now);
  std::vector<bool> dead = {false, true, false, false};
  run(schedule, now, now + 20s, 20ms, dead);  // into the longest pause
  const auto asked = run(schedule, now, now + 90s, 20ms, dead);
  CHECK(asked.at(1) <= 11);  // one second of nine
  for (const std::size_t alive : {0U, 2U, 3U}) CHECK(asked.at(alive) >= 155);
  CHECK(schedule.misses(1) > 10);
  dead[1] = false;
  const auto again = run(schedule, now, now + 10s, 20ms, dead);
  CHECK(again.at(1) >= 1);
  CHECK(schedule.misses(1) == 0);
}

TEST_CASE("a request that is never answered does not keep the device's others from their turn") {
  PollSchedule schedule;
  SteadyTime now{};
  schedule.add_device({1s, 1s}, now);
  schedule.missed({0, 0}, now);
  now += PollSchedule::kFirstPause;
  CHECK(schedule.due(now) == Place{0, 1});
  schedule.missed({0, 1}, now, 5s);
  CHECK(!schedule.due(now + 4999ms));
  CHECK(schedule.due(now + 5s) == Place{0, 0});
}

TEST_CASE(
    "polls that a busy line leaves no time for are counted, those of a silent device are not") {
  PollSchedule schedule;
  SteadyTime now{1h};
  schedule.add_device({100ms}, now);
  now += 1h;  // nobody could be asked: the port was not there
  schedule.begin(now);
  for (int i = 0; i < 10; ++i) schedule.answered({0, 0}, now += 150ms);
  CHECK(schedule.left_out(0) == 5);
  schedule.missed({0, 0}, now);
  schedule.answered({0, 0}, now += 8s);
  CHECK(schedule.left_out(0) == 5);
}

TEST_CASE("nobody to ask is never due") {
  PollSchedule schedule;
  schedule.add_device({}, {});
  CHECK(!schedule.due(SteadyTime{} + 1h));
  CHECK(!schedule.next_due());
}
