#include "gateway/resilience/admission.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

namespace {

const GateName kHub = "hub-a.example";

DeviceIndex device(std::uint32_t value) { return DeviceIndex{value}; }

struct Fixture {
  explicit Fixture(Limits limits = {}) : admission(limits, chance) {}
  test::FixedRandom chance{0.5};
  Admission admission;
  SteadyTime now{1h};

  void request(std::uint32_t from, std::uint32_t to, const GateName& gate = kHub) {
    for (std::uint32_t i = from; i < to; ++i) {
      admission.request(device(i), gate, Turn::Returning);
    }
  }
  // Lets time pass until somebody is granted.
  std::vector<Admission::Grant> wait() {
    const auto at = admission.next_at(now);
    REQUIRE(at);
    now = std::max(now, *at);
    return admission.take_granted(now);
  }
  // Its breaker opens.
  void open_hub() {
    request(0, 3);
    while (!admission.is_open(kHub)) {
      for (const auto& grant : wait()) (void)admission.failed(grant.device, now, false);
    }
  }
  // Brings a device's session about.
  void log_in(std::uint32_t which) {
    request(which, which + 1);
    REQUIRE(wait().size() == 1);
    admission.logged_in(device(which), kHub, now);
  }
};

}  // namespace

TEST_CASE("a thousand devices are admitted in order and never faster than the rate") {
  Fixture f({.connections_per_second = 20, .registrations_per_second = 2});
  f.request(0, 1000);
  std::uint32_t expected = 0;
  std::vector<SteadyTime> granted_at;
  while (f.admission.next_at(f.now)) {
    for (const auto& grant : f.wait()) {
      CHECK(grant.device == device(expected++));
      CHECK(grant.gate == kHub);
      f.admission.answered(grant.device, f.now);
      granted_at.push_back(f.now);
    }
  }
  REQUIRE(granted_at.size() == 1000);
  for (std::size_t i = 21; i < granted_at.size(); ++i) {
    CHECK(granted_at[i] - granted_at[i - 21] >= 1s - 1us);
  }
  CHECK(f.now - SteadyTime{1h} <= 50s);
}

TEST_CASE("a loop that comes late reaches the rate, and no second sees more than is published") {
  // Four fifths of 100 a second.
  for (const auto turn : {20ms, 50ms, 100ms, 200ms}) {
    CAPTURE(turn.count());
    Fixture f({.connections_per_second = 80, .registrations_per_second = 2});
    f.request(0, 1000);
    std::vector<SteadyTime> granted_at;
    while (granted_at.size() < 1000) {
      for (const auto& grant : f.admission.take_granted(f.now)) {
        f.admission.answered(grant.device, f.now);
        granted_at.push_back(f.now);
      }
      (void)f.admission.next_at(f.now);
      f.now += turn;
    }
    CHECK(granted_at.back() - granted_at.front() <= 12600ms);
    for (std::size_t i = 100; i < granted_at.size(); ++i) {
      CHECK(granted_at[i] - granted_at[i - 100] >= 1s - 1us);
    }
  }
}

TEST_CASE("each hub has a rate of its own, and so has DPS") {
  Fixture f({.connections_per_second = 1, .registrations_per_second = 1});
  f.admission.request(device(1), "hub-a.example", Turn::Returning);
  f.admission.request(device(2), "hub-b.example", Turn::Returning);
  f.admission.request(device(3), kDpsGate, Turn::Returning);
  f.admission.request(device(4), "hub-b.example", Turn::Returning);
  CHECK(f.admission.take_granted(f.now).size() == 3);
  CHECK(f.admission.next_at(f.now) == f.now + 1s);
}

TEST_CASE("a device waits at one gate, keeps its place, and may leave") {
  Fixture f;
  f.request(1, 3);
  f.request(1, 2);
  f.admission.request(device(2), kDpsGate, Turn::Returning);
  const auto grants = f.admission.take_granted(f.now);
  REQUIRE(grants.size() == 2);
  CHECK(std::set<DeviceIndex>{grants[0].device, grants[1].device} ==
        std::set<DeviceIndex>{device(1), device(2)});
  for (const auto& grant : grants) CHECK((grant.gate == kDpsGate) == (grant.device == device(2)));
  f.request(3, 4);
  f.admission.withdraw(device(3), f.now);
  CHECK_FALSE(f.admission.next_at(f.now));
  CHECK(f.admission.waiting() == 0);
}

TEST_CASE("an endpoint that does not answer is looked for by one device, and the others share it") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  f.request(0, 10);
  const auto first = f.admission.take_granted(f.now);
  REQUIRE(first.size() == 5);
  CHECK(f.admission.failed(device(0), f.now, false).empty());
  CHECK(f.admission.failed(device(1), f.now, false).empty());
  // The third without an answer: those in line learn of it without trying.
  const auto sharing = f.admission.failed(device(2), f.now, false);
  CHECK(sharing.size() == 5);
  CHECK(f.admission.is_open(kHub));
  // What had begun before ends the same way and is no news.
  CHECK(f.admission.failed(device(3), f.now, false).empty());
  CHECK(f.admission.failed(device(4), f.now, false).empty());

  f.request(0, 10);
  const SteadyTime opened = f.now;
  const auto look = f.wait();
  CHECK(look.size() == 1);
  CHECK(f.now == opened + 1s);                             // half of 2 s
  CHECK_FALSE(f.admission.next_at(f.now) < f.now + 1min);  // it is only the look's end that counts
  CHECK(f.admission.failed(look[0].device, f.now, false).size() == 9);
  f.request(0, 10);
  const SteadyTime again = f.now;
  const auto second = f.wait();
  REQUIRE(second.size() == 1);
  CHECK(f.now == again + 2s);

  // It answers: two may try, then four, and so on.
  f.admission.answered(second[0].device, f.now);
  f.now += 1s;
  const auto two = f.admission.take_granted(f.now);
  REQUIRE(two.size() == 2);
  for (const auto& grant : two) f.admission.answered(grant.device, f.now);
  f.now += 1s;
  CHECK(f.admission.take_granted(f.now).size() == 5);
}

TEST_CASE("one device's trouble does not close the hub to the others") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  for (int i = 0; i < 10; ++i) {
    f.request(0, 1);
    REQUIRE(f.wait().size() == 1);
    CHECK(f.admission.failed(device(0), f.now, false).empty());
    f.now += 1s;
  }
  CHECK_FALSE(f.admission.is_open(kHub));
}

TEST_CASE("DPS out of reach is found out by one device, and asked again when it is due") {
  Fixture f({.connections_per_second = 20, .registrations_per_second = 100});
  f.request(0, 10, kDpsGate);
  const auto before_outage = f.admission.take_granted(f.now);
  CHECK(before_outage.size() == 5);
  std::size_t shared = 0;
  for (const auto& grant : before_outage) {
    shared += f.admission.failed(grant.device, f.now, true).size();
  }
  CHECK(shared == 5);
  CHECK_FALSE(f.admission.dps_may_be_asked(f.now));
  f.request(0, 10, kDpsGate);
  CHECK(f.admission.next_at(f.now) == f.now + 1s);
  f.now += 1s;
  CHECK(f.admission.dps_may_be_asked(f.now));
  CHECK(f.admission.take_granted(f.now).size() == 1);
  CHECK_FALSE(f.admission.dps_may_be_asked(f.now));
}

TEST_CASE("a DPS that asks for a pause is left alone by everybody for so long") {
  Fixture f;
  f.request(0, 3, kDpsGate);
  const auto first = f.wait();
  REQUIRE(first.size() == 1);
  (void)f.admission.failed(first[0].device, f.now, true, 90s);
  f.request(0, 3, kDpsGate);
  CHECK(f.admission.next_at(f.now) == f.now + 90s);
}

TEST_CASE("many sessions lost in the same second are one event: one looks, at once") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  for (std::uint32_t i = 0; i < 20; ++i) f.log_in(i);
  f.now += 5min;
  for (std::uint32_t i = 0; i < 20; ++i) {
    CHECK(f.admission.session_ended(device(i), kHub, true, f.now).empty());
    f.now += 10ms;
  }
  f.request(0, 20);
  CHECK(f.admission.next_at(f.now) == f.now);
  CHECK(f.admission.take_granted(f.now).size() == 1);
  f.now += 10s;
  CHECK(f.admission.take_granted(f.now).empty());
}

TEST_CASE("sessions that end on purpose, or one after the other, are no event") {
  for (const bool unasked : {false, true}) {
    Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
    for (std::uint32_t i = 0; i < 20; ++i) f.log_in(i);
    f.now += 5min;
    for (std::uint32_t i = 0; i < 20; ++i) {
      (void)f.admission.session_ended(device(i), kHub, unasked, f.now);
      f.now += unasked ? 600ms : 1ms;
    }
    CHECK_FALSE(f.admission.is_open(kHub));
  }
}

TEST_CASE("a hub that soon closes everybody's session is looked at by one until a session stands") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  while (!f.admission.closes_everybody(kHub, f.now)) {
    for (std::uint32_t i = 0; i < 6; ++i) f.log_in(i);
    f.now += 2s;
    for (std::uint32_t i = 0; i < 6; ++i) {
      (void)f.admission.session_ended(device(i), kHub, true, f.now);
    }
  }
  CHECK_FALSE(f.admission.only_this_one(kHub, device(0), f.now));
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    f.request(0, 6);
    const auto look = f.wait();
    REQUIRE(look.size() == 1);
    // The login alone proves nothing: the session ends at once, and all learn of it.
    f.admission.logged_in(look[0].device, kHub, f.now);
    f.now += 1s;
    CHECK(f.admission.take_granted(f.now).empty());
    CHECK(f.admission.session_ended(look[0].device, kHub, true, f.now).size() == 5);
  }
  f.request(0, 6);
  const auto look = f.wait();
  f.admission.logged_in(look[0].device, kHub, f.now);
  // This one stands.
  REQUIRE(f.admission.next_at(f.now));
  f.now = *f.admission.next_at(f.now);
  CHECK(f.admission.take_granted(f.now).size() == 2);
}

TEST_CASE("a device that leaves in the middle of its look makes room for the next one") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  f.request(0, 3, kDpsGate);
  const auto first = f.wait();
  (void)f.admission.failed(first[0].device, f.now, true);
  f.request(0, 3, kDpsGate);
  const auto look = f.wait();
  REQUIRE(look.size() == 1);
  f.admission.withdraw(look[0].device, f.now);
  CHECK(f.wait().size() == 1);
}

TEST_CASE("what an earlier process found out about an endpoint is not found out anew") {
  Fixture before;
  before.request(0, 2, kDpsGate);
  (void)before.wait();
  (void)before.admission.failed(device(0), before.now, true, 40s);
  const auto memory = before.admission.memory();
  REQUIRE(memory.size() == 1);

  Fixture after;
  after.now = before.now + 10s;
  after.admission.restore(memory, after.now);
  after.request(0, 2, kDpsGate);
  CHECK(after.admission.next_at(after.now) == after.now + 30s);
}

TEST_CASE(
    "while a hub is silent its looker asks DPS for all, with pauses that grow to half an hour") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  CHECK(f.admission.may_ask_about(kHub, device(1), false, f.now));
  f.open_hub();
  CHECK_FALSE(f.admission.may_ask_about(kHub, device(1), true, f.now));
  CHECK(f.admission.may_ask_about(kHub, device(1), false, f.now));
  // Half of the way from one to two of 5 s, 10 s, and so on.
  for (const auto pause : {7500ms, 15000ms, 30000ms, 60000ms, 120000ms}) {
    CAPTURE(pause.count());
    f.admission.asked_about(kHub, device(1), f.now);
    CHECK_FALSE(f.admission.may_ask_about(kHub, device(2), false, f.now + pause - 1ms));
    f.now += pause;
    CHECK(f.admission.may_ask_about(kHub, device(2), false, f.now));
    f.admission.confirmed(kHub, device(1), f.now);
  }
}

TEST_CASE("while a question about a silent hub waits for its turn at DPS nobody adds another one") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 1});
  f.open_hub();
  // Many have asked DPS before for reasons of their own.
  f.request(10, 40, kDpsGate);
  f.admission.asked_about(kHub, device(1), f.now);
  f.request(1, 2, kDpsGate);
  bool waits = true;
  while (waits) {
    f.now += 100ms;
    CHECK_FALSE(f.admission.may_ask_about(kHub, device(2), false, f.now + 1min));
    for (const auto& grant : f.admission.take_granted(f.now)) {
      if (grant.device == device(1)) {
        waits = false;
      } else {
        f.admission.answered(grant.device, f.now);
      }
    }
  }
  CHECK_FALSE(f.admission.may_ask_about(kHub, device(2), false, f.now + 1min));
  SUBCASE("until it is answered") { f.admission.answered(device(1), f.now); }
  SUBCASE("or is not") { (void)f.admission.failed(device(1), f.now, true); }
  SUBCASE("or is taken back") { f.admission.withdraw(device(1), f.now); }
  CHECK(f.admission.may_ask_about(kHub, device(2), false, f.now + 1min));
}

TEST_CASE("a DPS that does not answer lets the pauses between questions as they are") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  f.open_hub();
  for (int i = 0; i < 10; ++i) {
    f.admission.asked_about(kHub, device(1), f.now);
    f.now += 7500ms;
    CHECK(f.admission.may_ask_about(kHub, device(1), false, f.now));
  }
}

TEST_CASE("each asks about a silent hub itself once one was moved, or when it takes long") {
  for (const bool moved : {true, false}) {
    CAPTURE(moved);
    Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
    f.open_hub();
    f.admission.asked_about(kHub, device(1), f.now);
    f.request(0, 10);
    if (moved) {
      CHECK(f.admission.hub_moved(kHub).size() == 10);
    } else {
      f.now += 15min;
    }
    CHECK(f.admission.may_ask_about(kHub, device(1), true, f.now));
    // DPS says that it stays: for long, and others ask all the same.
    f.admission.confirmed(kHub, device(1), f.now);
    CHECK_FALSE(f.admission.may_ask_about(kHub, device(1), true, f.now + 29min));
    CHECK_FALSE(f.admission.may_ask_about(kHub, device(1), false, f.now + 29min));
    CHECK(f.admission.may_ask_about(kHub, device(1), true, f.now + 30min));
    CHECK(f.admission.may_ask_about(kHub, device(2), true, f.now));
    // An answer of the hub ends all that.
    f.request(0, 10);
    const auto look = f.wait();
    f.admission.answered(look.at(0).device, f.now);
    f.open_hub();
    CHECK(f.admission.may_ask_about(kHub, device(1), false, f.now));
    CHECK_FALSE(f.admission.may_ask_about(kHub, device(1), true, f.now));
  }
}

TEST_CASE("the pauses between questions about a hub outlive the process") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 2});
  f.open_hub();
  f.admission.confirmed(kHub, device(1), f.now);
  f.admission.asked_about(kHub, device(1), f.now);
  Fixture after;
  after.admission.restore(f.admission.memory(), f.now);
  CHECK_FALSE(after.admission.may_ask_about(kHub, device(1), false, f.now + 14s));
  CHECK(after.admission.may_ask_about(kHub, device(1), false, f.now + 15s));
  after.admission.asked_about(kHub, device(1), f.now);
  CHECK_FALSE(after.admission.may_ask_about(kHub, device(1), false, f.now + 14s));
}

TEST_CASE(
    "DPS out of reach is looked at with pauses up to minutes, and at once when a hub is back") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 100});
  f.request(0, 1, kDpsGate);
  SteadyTime::duration pause{};
  for (int i = 0; i < 10; ++i) {
    const SteadyTime failed = f.now;
    REQUIRE(f.wait().size() == 1);
    (void)f.admission.failed(device(0), f.now, true);
    pause = f.now - failed;
    f.request(0, 1, kDpsGate);
  }
  CHECK(pause == 1min);  // half of two, by chance
  // A hub that answers all the time says nothing about DPS.
  f.request(1, 2);
  CHECK(f.admission.take_granted(f.now).size() == 1);
  f.admission.answered(device(1), f.now);
  CHECK(f.admission.next_look(kDpsGate) == f.now + 1min);
  // One that had failed does.
  f.now += 1s;
  for (const bool answers : {false, true}) {
    f.now += 1s;
    f.request(1, 2);
    CHECK(f.admission.take_granted(f.now).size() == 1);
    if (!answers) (void)f.admission.failed(device(1), f.now, false);
  }
  f.admission.answered(device(1), f.now);
  CHECK(f.admission.next_look(kDpsGate) == f.now);
}

TEST_CASE("a DPS that has named a time is not looked at before, although a hub is back") {
  Fixture f({.connections_per_second = 100, .registrations_per_second = 100});
  f.request(0, 1, kDpsGate);
  REQUIRE(f.wait().size() == 1);
  (void)f.admission.failed(device(0), f.now, true, 90s);
  f.open_hub();
  f.request(1, 2);
  const SteadyTime named = f.now + 90s;
  f.admission.answered(f.wait().at(0).device, f.now);
  CHECK(f.admission.next_look(kDpsGate) == named);
}

TEST_CASE("a process that dies in a look has used up its pause, and no more") {
  Fixture f;
  f.open_hub();
  f.request(0, 2);
  const auto look = f.wait();
  REQUIRE(look.size() == 1);
  CHECK_FALSE(f.admission.next_look(kHub));
  Fixture after;
  after.admission.restore(f.admission.memory(), f.now);
  // The one under way was after the first pause, of up to 2 s: now 4 s, and the next up to 8 s.
  CHECK(after.admission.next_look(kHub) == f.now + 4s);
  after.now = f.now;
  after.request(0, 1);
  (void)after.wait();
  (void)after.admission.failed(device(0), after.now, false);
  CHECK(after.admission.next_look(kHub) == after.now + 4s);
}

TEST_CASE(
    "also after a restart a hub that is back hastens the look at DPS, unless DPS named its time") {
  for (const bool named : {false, true}) {
    CAPTURE(named);
    Fixture before({.connections_per_second = 100, .registrations_per_second = 100});
    before.request(0, 1, kDpsGate);
    REQUIRE(before.wait().size() == 1);
    (void)before.admission.failed(device(0), before.now, true, named ? 90s : 0s);
    for (int i = 0; i < 8 && !named; ++i) {
      before.request(0, 1, kDpsGate);
      REQUIRE(before.wait().size() == 1);
      (void)before.admission.failed(device(0), before.now, true);
    }
    const auto look = before.admission.next_look(kDpsGate);
    REQUIRE(look > before.now + 20s);
    Fixture after({.connections_per_second = 100, .registrations_per_second = 100});
    after.now = before.now;
    after.admission.restore(before.admission.memory(), after.now);
    CHECK(after.admission.next_look(kDpsGate) == look);
    after.open_hub();
    after.request(1, 2);
    after.admission.answered(after.wait().at(0).device, after.now);
    CHECK(after.admission.next_look(kDpsGate) == (named ? look : after.now));
  }
}

TEST_CASE("gates of hubs that nobody uses any more are forgotten") {
  Fixture f({.connections_per_second = 1000, .registrations_per_second = 2});
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const GateName gate = "hub-" + std::to_string(i);
    f.admission.request(device(1), gate, Turn::Returning);
    REQUIRE(f.wait().size() == 1);
    f.admission.answered(device(1), f.now);
  }
  CHECK(f.admission.view(f.now).size() <= 66);
}
