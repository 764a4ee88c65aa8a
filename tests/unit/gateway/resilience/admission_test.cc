#include "gateway/resilience/admission.h"

#include <doctest/doctest.h>

#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

namespace {
DeviceIndex device(std::uint32_t value) { return DeviceIndex{value}; }
}  // namespace

TEST_CASE("a thousand devices are admitted in order and never faster than the rate") {
  test::FixedRandom chance(0.5);
  Admission admission({.connections_per_second = 20, .registrations_per_second = 2}, chance);
  for (std::uint32_t i = 0; i < 1000; ++i) admission.request(device(i), Gate::Hub);
  SteadyTime now{1h};
  std::uint32_t expected = 0;
  std::vector<SteadyTime> granted_at;
  while (const auto at = admission.next_at(now)) {
    now = std::max(now, *at);
    for (const auto& grant : admission.take_granted(now)) {
      CHECK(grant.device == device(expected++));
      CHECK(grant.gate == Gate::Hub);
      granted_at.push_back(now);
    }
  }
  REQUIRE(granted_at.size() == 1000);
  for (std::size_t i = 21; i < granted_at.size(); ++i) {
    CHECK(granted_at[i] - granted_at[i - 21] >= 1s - 1us);
  }
  CHECK(now - SteadyTime{1h} <= 50s);
}

TEST_CASE("a device waits at one gate, keeps its place, and may leave") {
  test::FixedRandom chance(0.5);
  Admission admission({}, chance);
  const SteadyTime now{1h};
  admission.request(device(1), Gate::Hub);
  admission.request(device(2), Gate::Hub);
  admission.request(device(1), Gate::Hub);
  admission.request(device(2), Gate::Dps);
  const auto grants = admission.take_granted(now);
  REQUIRE(grants.size() == 2);
  CHECK(grants[0].device == device(1));
  CHECK(grants[1].device == device(2));
  CHECK(grants[1].gate == Gate::Dps);
  admission.request(device(3), Gate::Hub);
  admission.withdraw(device(3));
  CHECK_FALSE(admission.next_at(now));
}

TEST_CASE("while DPS cannot be reached one device at a time probes it") {
  test::FixedRandom chance(0.5);
  Admission admission({.connections_per_second = 20, .registrations_per_second = 100}, chance);
  SteadyTime now{1h};
  for (std::uint32_t i = 0; i < 10; ++i) admission.request(device(i), Gate::Dps);
  const auto before_outage = admission.take_granted(now);
  CHECK(before_outage.size() == 5);
  for (std::size_t i = 0; i < before_outage.size(); ++i) admission.dps_unreachable(now);
  CHECK_FALSE(admission.dps_is_reachable());

  CHECK_FALSE(admission.dps_may_be_asked(now));
  CHECK(admission.take_granted(now).empty());
  REQUIRE(admission.next_at(now));
  CHECK(*admission.next_at(now) == now + 1s);  // half of 2 s, once, not five times
  now += 1s;
  CHECK(admission.dps_may_be_asked(now));
  CHECK(admission.take_granted(now).size() == 1);
  CHECK_FALSE(admission.dps_may_be_asked(now));
  now += 30s;
  CHECK(admission.take_granted(now).empty());  // the probe's outcome is not known yet
  admission.dps_unreachable(now);
  now += 2s;
  CHECK(admission.take_granted(now).size() == 1);
  admission.dps_reached();
  CHECK(admission.dps_is_reachable());
  CHECK(admission.take_granted(now).size() == 3);
}
