#include "gateway/resilience/allowance.h"

#include <doctest/doctest.h>

#include <map>

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

namespace {
DeviceIndex device(std::uint32_t value) { return DeviceIndex{value}; }
}  // namespace

TEST_CASE("without a limit everything is allowed and nobody waits") {
  Allowance allowance({});
  for (int i = 0; i < 100'000; ++i) REQUIRE(allowance.take(Use::Send, device(1), SteadyTime{1h}));
  CHECK_FALSE(allowance.next_at(SteadyTime{1h}));
}

TEST_CASE("no second sees more than the rate, and devices that always want get equal parts") {
  Allowance allowance({.sends_per_second = 100});
  const SteadyTime start{1h};
  std::map<std::uint32_t, int> sent;
  const auto send_all = [&](std::uint32_t which, SteadyTime now) {
    while (allowance.take(Use::Send, device(which), now)) ++sent[which];
  };
  SteadyTime now = start;
  for (std::uint32_t i = 0; i < 10; ++i) send_all(i, now);
  while (now < start + 20s) {
    const auto at = allowance.next_at(now);
    REQUIRE(at);
    now = std::max(now, *at);
    while (const auto served = allowance.next_served(now)) send_all(served->value, now);
  }
  int total = 0;
  for (const auto& [device, count] : sent) {
    const auto which = device;  // Clang does not let a binding be captured
    CAPTURE(which);
    CHECK(count >= 195);
    CHECK(count <= 215);
    total += count;
  }
  CHECK(total >= 1990);
  CHECK(total <= 2010);
}

TEST_CASE("what a served device does not use is there for the next one") {
  Allowance allowance({.twin_reads_per_second = 20});
  SteadyTime now{1h};
  CHECK(allowance.take(Use::TwinRead, device(1), now));
  CHECK_FALSE(allowance.take(Use::TwinRead, device(2), now));
  CHECK_FALSE(allowance.take(Use::TwinRead, device(3), now));
  now += 50ms;
  CHECK(allowance.next_served(now) == device(2));  // and it does nothing
  CHECK(allowance.next_served(now) == device(3));
  CHECK(allowance.take(Use::TwinRead, device(3), now));
  CHECK_FALSE(allowance.next_served(now));
}

TEST_CASE("stored messages have a part of the sends, fresh ones the rest") {
  Allowance allowance({.sends_per_second = 100, .backlog_sends_per_second = 50});
  SteadyTime now{1h};
  int stored = 0;
  int fresh = 0;
  const auto drain = [&] {
    while (allowance.take(Use::BacklogSend, device(1), now)) ++stored;
  };
  drain();
  for (int tick = 0; tick < 1000; ++tick) {
    now += 10ms;
    while (const auto served = allowance.next_served(now)) {
      if (served == device(1)) drain();
      if (served == device(2) && allowance.take(Use::Send, device(2), now)) ++fresh;
    }
    if (tick % 3 == 0 && allowance.take(Use::Send, device(2), now)) ++fresh;
  }
  CHECK(stored >= 480);
  CHECK(stored <= 510);
  CHECK(fresh >= 320);  // a third of a thousand, none of them held back for good
}

TEST_CASE("a device that leaves is not called, and its reservation goes back") {
  Allowance allowance({.twin_updates_per_second = 1});
  SteadyTime now{1h};
  CHECK(allowance.take(Use::TwinUpdate, device(1), now));
  CHECK_FALSE(allowance.take(Use::TwinUpdate, device(2), now));
  CHECK_FALSE(allowance.take(Use::TwinUpdate, device(3), now));
  allowance.leave(device(2));
  CHECK(allowance.waiting() == 1);
  now += 1s;
  CHECK(allowance.next_served(now) == device(3));
  allowance.leave(device(3));
  CHECK(allowance.take(Use::TwinUpdate, device(4), now));
}
