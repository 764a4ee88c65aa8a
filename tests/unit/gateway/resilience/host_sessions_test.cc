#include "gateway/resilience/host_sessions.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

namespace {

struct Hub {
  HostSessions sessions;
  SteadyTime now{1h};

  // Devices log in one after the other, as admission lets them.
  void log_in(std::uint32_t devices, std::chrono::milliseconds apart = 50ms) {
    for (std::uint32_t i = 0; i < devices; ++i) {
      sessions.begun(DeviceIndex{i}, now);
      now += apart;
    }
  }
  void close(std::uint32_t devices) {
    for (std::uint32_t i = 0; i < devices; ++i) sessions.ended(DeviceIndex{i}, true, now);
  }
  [[nodiscard]] bool closes_everybody() const { return sessions.closes_everybody(now); }
};

}  // namespace

TEST_CASE("a hub that starts anew does not close everybody, however often in a few minutes") {
  for (const auto every : {20s, 30s, 45s, 60s, 90s}) {
    CAPTURE(every.count());
    Hub hub;
    for (int restart = 0; restart < 20; ++restart) {
      hub.log_in(10);
      hub.now += every;
      hub.close(10);
      CHECK_FALSE(hub.closes_everybody());
      hub.now += 3s;  // it is down
    }
  }
}

TEST_CASE("a restart in the middle of the logins after another one is none either") {
  Hub hub;
  hub.log_in(10);
  hub.now += 10min;
  for (int restart = 0; restart < 2; ++restart) {
    hub.close(10);
    hub.now += 3s;
    hub.log_in(10);
    hub.now += 2s;
  }
  hub.close(10);
  CHECK_FALSE(hub.closes_everybody());
}

TEST_CASE("a hub that accepts and closes while it goes down is not named for these seconds") {
  Hub hub;
  hub.log_in(10);
  hub.now += 10min;
  hub.close(10);
  for (int i = 0; i < 15; ++i) {
    hub.log_in(10, 10ms);
    hub.now += 200ms;
    hub.close(10);
    CHECK_FALSE(hub.closes_everybody());
  }
}

TEST_CASE("a quota that is used up is known after a few rounds of short sessions") {
  Hub hub;
  hub.log_in(20);
  hub.now += 10min;
  hub.close(20);
  const SteadyTime began = hub.now;
  while (!hub.closes_everybody()) {
    REQUIRE(hub.now - began < 15s);
    hub.log_in(20, 10ms);
    hub.now += 1s;
    hub.close(20);
  }
  CHECK(hub.now - began >= HostSessions::kLastsMin);
  CHECK(hub.sessions.logins_prove_nothing(hub.now));
  SUBCASE("and stays known while one looks now and then") {
    for (std::uint32_t look = 0; look < 20; ++look) {
      hub.now += 15s;
      hub.sessions.begun(DeviceIndex{look}, hub.now);
      hub.now += 400ms;
      CHECK(hub.closes_everybody());
      hub.sessions.ended(DeviceIndex{look}, true, hub.now);
      CHECK(hub.closes_everybody());
    }
  }
  SUBCASE("until a session stands") {
    hub.sessions.begun(DeviceIndex{0}, hub.now);
    hub.now += 14s;
    CHECK(hub.closes_everybody());
    hub.now += 1s;
    CHECK_FALSE(hub.closes_everybody());
  }
  SUBCASE("and logins count again as soon as one has stood for a moment") {
    hub.sessions.begun(DeviceIndex{0}, hub.now);
    hub.now += 4s;
    CHECK(hub.sessions.logins_prove_nothing(hub.now));
    hub.now += 1s;
    CHECK_FALSE(hub.sessions.logins_prove_nothing(hub.now));
  }
  SUBCASE("or for a while nobody was closed") {
    hub.now += 121s;
    CHECK_FALSE(hub.closes_everybody());
  }
}

TEST_CASE("two devices are not everybody, nor is anybody while others' sessions stand") {
  Hub two;
  Hub some;
  some.sessions.begun(DeviceIndex{99}, some.now);
  some.now += 5min;
  for (int i = 0; i < 10; ++i) {
    two.log_in(2);
    some.log_in(5);
    two.now += 2s;
    some.now += 2s;
    two.close(2);
    some.close(5);
    CHECK_FALSE(two.closes_everybody());
    CHECK_FALSE(some.closes_everybody());
  }
}

TEST_CASE("a session that we end ourselves says nothing about the hub") {
  Hub hub;
  for (int i = 0; i < 20; ++i) {
    hub.log_in(5);
    hub.now += 1s;
    for (std::uint32_t device = 0; device < 5; ++device) {
      hub.sessions.ended(DeviceIndex{device}, false, hub.now);
    }
  }
  CHECK_FALSE(hub.closes_everybody());
  CHECK(hub.sessions.only_this_one(DeviceIndex{0}, hub.now));
}

TEST_CASE(
    "three short sessions one after the other make logins worth nothing, a restart does not") {
  Hub hub;
  for (std::uint32_t device = 0; device < 3; ++device) {
    CHECK_FALSE(hub.sessions.logins_prove_nothing(hub.now));
    hub.sessions.begun(DeviceIndex{device}, hub.now);
    hub.now += 20ms;
    hub.sessions.ended(DeviceIndex{device}, true, hub.now);
    hub.now += 20ms;
  }
  CHECK(hub.sessions.logins_prove_nothing(hub.now));
  CHECK_FALSE(hub.closes_everybody());
  Hub restarted;
  restarted.log_in(20);
  restarted.now += 5s;
  restarted.close(20);
  CHECK_FALSE(restarted.sessions.logins_prove_nothing(restarted.now));
}

TEST_CASE("a hub lets in a few when it keeps out several others at the same time") {
  Hub hub;
  hub.sessions.begun(DeviceIndex{0}, hub.now);
  hub.sessions.kept_out(DeviceIndex{1}, hub.now);
  hub.sessions.kept_out(DeviceIndex{2}, hub.now);
  // Two may have trouble of their own.
  CHECK_FALSE(hub.sessions.lets_in_a_few(hub.now));
  // Whose session is closed soon was not let in either.
  hub.sessions.begun(DeviceIndex{3}, hub.now);
  hub.now += 100ms;
  hub.sessions.ended(DeviceIndex{3}, true, hub.now);
  CHECK(hub.sessions.lets_in_a_few(hub.now));
  SUBCASE("until one of them has got in") {
    hub.sessions.begun(DeviceIndex{2}, hub.now);
    CHECK_FALSE(hub.sessions.lets_in_a_few(hub.now));
  }
  SUBCASE("until whoever got in is gone as well") {
    hub.sessions.ended(DeviceIndex{0}, false, hub.now);
    CHECK_FALSE(hub.sessions.lets_in_a_few(hub.now));
  }
  SUBCASE("until nobody has got in for two minutes, though sessions stand") {
    for (hub.now += 120s; hub.sessions.lets_in_a_few(hub.now); hub.now += 1s) {
      REQUIRE(hub.now < SteadyTime{2h});
    }
    for (std::uint32_t i = 1; i < 9; ++i) hub.sessions.kept_out(DeviceIndex{i}, hub.now);
    CHECK_FALSE(hub.sessions.lets_in_a_few(hub.now));
  }
}

TEST_CASE("a hub that closes everybody does not let in a few, though somebody is there just now") {
  Hub hub;
  for (int round = 0; round < 10; ++round) {
    hub.log_in(10, 10ms);
    hub.now += 1s;
    hub.close(9);
  }
  CHECK(hub.sessions.logins_prove_nothing(hub.now));
  CHECK_FALSE(hub.sessions.lets_in_a_few(hub.now));
}

TEST_CASE("devices that were kept out long ago are remembered no more") {
  Hub hub;
  hub.sessions.kept_out(DeviceIndex{0}, hub.now);
  CHECK_FALSE(hub.sessions.empty(hub.now));
  CHECK(hub.sessions.empty(hub.now + 121s));
}
