#include "adapters/serial/line_account.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;

namespace {

struct Bench {
  Bench() {
    for (std::uint32_t i = 0; i < 2; ++i) {
      account.add_device(DeviceIndex{7 + i}, {{1000ms, 100ms}, {500ms, 50ms}});
      schedule.add_device({1000ms, 500ms}, now);
    }
    look();
  }
  LineUse look() { return account.look("/dev/ttyS0", schedule, now); }

  SteadyTime now{1h};
  PollSchedule schedule;
  LineAccount account;
};

}  // namespace

TEST_CASE("what the intervals need is the least that they can, until it has been measured") {
  Bench f;
  CHECK(f.look().place == "/dev/ttyS0");
  REQUIRE(f.look().parts.size() == 2);
  CHECK(f.look().parts[0].device == DeviceIndex{7});
  CHECK(f.look().parts[0].needed == doctest::Approx(0.2));
  CHECK_FALSE(f.look().parts[0].turnaround);
  f.account.answered({0, 1}, 200ms, 20ms);
  CHECK(f.look().parts[0].needed == doctest::Approx(0.5));
  CHECK(f.look().parts[0].turnaround == 180ms);
  CHECK(f.look().parts[1].needed == doctest::Approx(0.2));
  for (int i = 0; i < 100; ++i) f.account.answered({0, 1}, 400ms, 20ms);
  CHECK(f.look().parts[0].needed == doctest::Approx(0.9));
}

TEST_CASE("the line is one device's at a time, and its share is of the last seconds") {
  Bench f;
  f.account.asked(0, f.now);
  f.now += 2s;
  f.account.asked(1, f.now);
  f.now += 1s;
  f.account.end(f.now);
  f.now += 6s;
  f.account.begin(1, f.now);  // a command
  f.now += 1s;                // and not over yet
  const LineUse use = f.look();
  CHECK(use.parts[0].used == doctest::Approx(0.2));
  CHECK(use.parts[1].used == doctest::Approx(0.2));
  CHECK(use.parts[0].requests == 1);
  CHECK(use.parts[1].requests == 1);
  f.account.unanswered(1);
  f.now += 10s;
  CHECK(f.look().parts[0].used == 0);
  CHECK(f.look().parts[1].used == doctest::Approx(1));
  CHECK(f.look().parts[1].unanswered == 1);
}

TEST_CASE("a line that is left alone because of a device is that device's, as long as it is") {
  Bench f;
  f.account.begin(0, f.now, f.now + 3s);
  f.now += 8s;
  f.account.asked(1, f.now);
  f.now += 2s;
  CHECK(f.look().parts[0].used == doctest::Approx(0.3));
  CHECK(f.look().parts[1].used == doctest::Approx(0.2));
}
