#include "gateway/resilience/breaker.h"

#include <doctest/doctest.h>

#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;
using State = Breaker::State;

namespace {

DeviceIndex device(std::uint32_t value) { return DeviceIndex{value}; }

struct Fixture {
  test::FixedRandom chance{0.5};
  Breaker breaker{{}, chance};
  SteadyTime now{1h};

  void fail(std::uint32_t which, bool certain = false, std::chrono::milliseconds at_least = {}) {
    breaker.on_attempt(device(which), now);
    breaker.on_failure(device(which), now, certain, at_least);
  }
  void answer(std::uint32_t which) {
    breaker.on_attempt(device(which), now);
    breaker.on_answer(device(which), now);
  }
};

}  // namespace

TEST_CASE("three failures of two devices without an answer in between open it") {
  struct Row {
    const char* why;
    std::vector<int> events;  // a device that fails, or -1: somebody is answered
    State state;
  };
  const Row rows[] = {
      {"two are not enough", {1, 2}, State::Closed},
      {"three of two devices", {1, 1, 2}, State::Open},
      {"one device alone", {1, 1, 1, 1, 1, 1}, State::Closed},
      {"an answer in between", {1, 2, -1, 3, 4}, State::Closed},
      {"and three after it", {1, 2, -1, 3, 4, 5}, State::Open},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Fixture f;
    for (const int event : row.events) {
      event < 0 ? f.answer(99) : f.fail(static_cast<std::uint32_t>(event));
    }
    CHECK(f.breaker.state() == row.state);
  }
}

TEST_CASE("pauses between looks double up to a minute, and only closing ends them") {
  Fixture f;
  f.fail(1, true);
  const std::chrono::milliseconds pauses[] = {1s, 2s, 4s, 8s, 16s, 30s, 30s};  // half, by chance
  for (const auto pause : pauses) {
    CHECK(f.breaker.next_look() == f.now + pause);
    CHECK_FALSE(f.breaker.admits(f.now + pause - 1ms));
    f.now += pause;
    CHECK(f.breaker.admits(f.now));
    f.breaker.on_attempt(device(1), f.now);
    CHECK_FALSE(f.breaker.admits(f.now));
    f.breaker.on_failure(device(1), f.now);
  }
  f.now += 30s;
  f.answer(1);
  CHECK(f.breaker.state() == State::Closing);
  f.fail(1, true);
  CHECK(f.breaker.next_look() == f.now + 30s);
}

TEST_CASE(
    "a time that the endpoint names stands, also when it is named to an attempt begun before") {
  Fixture f;
  f.breaker.on_attempt(device(1), f.now);
  f.breaker.on_attempt(device(2), f.now);
  f.breaker.on_failure(device(1), f.now, true, 10s);
  f.now += 3s;
  f.breaker.on_failure(device(2), f.now, true, 30s);
  f.now += 29s;
  CHECK_FALSE(f.breaker.admits(f.now));
  f.now += 1s;
  CHECK(f.breaker.admits(f.now));
}

TEST_CASE("it closes gradually: twice as many attempts at once after each answer") {
  Fixture f;
  f.fail(1, true);
  f.now += 1s;
  f.answer(1);
  for (std::uint32_t at_once : {2U, 4U, 8U, 16U, 32U}) {
    CAPTURE(at_once);
    std::uint32_t begun = 0;
    while (f.breaker.admits(f.now)) f.breaker.on_attempt(device(100 + begun++), f.now);
    CHECK(begun == at_once);
    f.breaker.on_answer(device(100), f.now);
    for (std::uint32_t i = 1; i < begun; ++i) f.breaker.forget(device(100 + i), f.now);
  }
  CHECK(f.breaker.state() == State::Closed);
}

TEST_CASE("where few devices are, it closes after a while without a failure") {
  Fixture f;
  f.fail(1, true);
  f.now += 1s;
  f.answer(1);
  f.now += 31s;
  f.breaker.on_attempt(device(2), f.now);
  CHECK(f.breaker.state() == State::Closed);
  CHECK(f.breaker.steps() == 0);
}

TEST_CASE("a look that never reports does not keep it shut for ever") {
  Fixture f;
  f.fail(1, true);
  f.now += 1s;
  f.breaker.on_attempt(device(1), f.now);
  CHECK_FALSE(f.breaker.admits(f.now + 4min));
  CHECK(f.breaker.admits(f.now + 5min));
}
