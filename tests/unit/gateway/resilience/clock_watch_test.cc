#include "gateway/resilience/clock_watch.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kBuilt{1767225600000ms};  // 2026-01-01T00:00:00Z
constexpr WallTime kNow{1767600000000ms};    // 2026-01-05T08:00:00Z
constexpr WallTime kEpoch{};

// A machine whose clocks run on and whose wall clock can be set.
struct Machine {
  explicit Machine(WallTime shows = kNow, WallTime newest_known = kEpoch)
      : watch(kBuilt, newest_known), wall(shows) {}

  [[nodiscard]] ClockLook now() const { return {wall, steady}; }
  void pass(std::chrono::milliseconds time) {
    wall += time;
    steady += time;
  }
  void set_by(std::chrono::milliseconds by) { wall += by; }
  ClockChange look() {
    pass(1s);
    return watch.look(now(), synchronised);
  }
  // The error of a DPS whose clock is ahead of the true time by `ahead`, where ours is right.
  void refused_at(WallTime cloud) { watch.on_service_time({cloud, true}, now()); }
  void registered_at(WallTime written) { watch.on_service_time({written, false}, now()); }

  ClockWatch watch;
  WallTime wall;
  SteadyTime steady{1h};
  bool synchronised = false;
};

}  // namespace

TEST_CASE("the wall clock is believed unless something speaks against it") {
  struct Row {
    const char* why;
    WallTime now;
    bool synchronised;
    WallTime newest_known;
    ClockTrust trust;
  };
  const Row rows[] = {
      {"kept by a time service", kNow, true, kEpoch, ClockTrust::Synchronised},
      {"kept by one that set it back", kNow, true, kNow + 1h, ClockTrust::Synchronised},
      {"a plant without internet", kNow, false, kEpoch, ClockTrust::HeldOver},
      {"later than anything known", kNow, false, kNow - 1s, ClockTrust::HeldOver},
      {"fell back to its value at power-off", kNow - 1h, false, kNow, ClockTrust::Wrong},
      {"1970, no battery", kEpoch + 1h, false, kEpoch, ClockTrust::Wrong},
      {"1970, and the kernel calls it kept", kEpoch + 1h, true, kEpoch, ClockTrust::Wrong},
      {"the moment of the build", kBuilt, false, kEpoch, ClockTrust::HeldOver},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    ClockWatch watch(kBuilt, row.newest_known);
    watch.look({row.now, SteadyTime{1h}}, row.synchronised);
    CHECK(watch.state().trust == row.trust);
    CHECK(watch.state().why.empty() == (row.trust != ClockTrust::Wrong));
  }
}

TEST_CASE("a wrong clock is told in words that say how") {
  Machine machine(kEpoch + 12min);
  machine.look();
  CHECK(machine.watch.state().why ==
        "this computer's clock shows 1970-01-01 00:12 UTC, which is before hubward was built");

  Machine fallen_back(kNow - 26h, kNow);
  fallen_back.look();
  CHECK(fallen_back.watch.state().why ==
        "this computer's clock shows 2026-01-04 06:00 UTC, which is before it was last in use "
        "(2026-01-05 08:00)");
}

TEST_CASE("what DPS says of the time names the difference, and follows the clock when it is set") {
  Machine machine;
  machine.look();
  machine.refused_at(machine.wall + 3h + 2min);
  CHECK(machine.watch.is_wrong());
  CHECK(machine.watch.state().why == "this computer's clock is 3 h 2 min behind the cloud's");
  CHECK(machine.watch.state().cloud_ahead == 3h + 2min);
  CHECK(machine.look().trust_changed);

  machine.pass(40min);
  machine.set_by(3h);  // somebody sets it, nearly right
  const ClockChange change = machine.look();
  CHECK(change.set_by == 3h);
  CHECK(change.trust_changed);
  CHECK(change.try_again);
  CHECK_FALSE(machine.watch.is_wrong());
  CHECK(machine.watch.state().why.empty());
  CHECK(machine.watch.state().cloud_ahead == 2min);
  CHECK(machine.watch.state().times_set == 1);
}

TEST_CASE("five minutes are the difference that counts") {
  struct Row {
    const char* why;
    std::chrono::milliseconds ahead;
    bool wrong;
    const char* words;
  };
  const Row rows[] = {
      {"the same", 0s, false, ""},
      {"five minutes behind", 5min, false, ""},
      {"a little more", 5min + 1s, true, "this computer's clock is 5 min behind the cloud's"},
      {"five minutes ahead", -5min, false, ""},
      {"a little more", -(20min + 1s), true,
       "this computer's clock is 20 min ahead of the cloud's"},
      {"in 1970's future", -87600h, true, "this computer's clock is 10 y ahead of the cloud's"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    machine.look();
    machine.refused_at(machine.wall + row.ahead);
    CHECK(machine.watch.is_wrong() == row.wrong);
    CHECK(machine.watch.state().why == row.words);
  }
}

TEST_CASE("a registration's date says only that the cloud's clock has come so far") {
  Machine machine;
  machine.look();
  machine.registered_at(machine.wall - 30 * 24h);
  CHECK_FALSE(machine.watch.is_wrong());
  CHECK_FALSE(machine.watch.state().cloud_ahead);

  machine.registered_at(machine.wall + 20min);
  CHECK(machine.watch.is_wrong());
  CHECK(machine.watch.state().why == "this computer's clock is at least 20 min behind the cloud's");

  // An older registration of another device takes nothing back.
  machine.registered_at(machine.wall - 2h);
  CHECK(machine.watch.is_wrong());
  // One that is written by our time does.
  machine.registered_at(machine.wall - 1s);
  CHECK_FALSE(machine.watch.is_wrong());
}

TEST_CASE("an exact word of the cloud is not outbid by a registration that says less") {
  Machine machine;
  machine.look();
  machine.refused_at(machine.wall + 3h);
  machine.registered_at(machine.wall + 20min);
  CHECK(machine.watch.state().cloud_ahead == 3h);
  machine.registered_at(machine.wall + 3h + 1s);  // the registration that follows
  CHECK(machine.watch.state().cloud_ahead == 3h);
  CHECK(machine.watch.correction().known);
  machine.registered_at(machine.wall + 4h);
  CHECK(machine.watch.state().cloud_ahead == 4h);
}

TEST_CASE("what the cloud said long ago binds less: our steady clock may have drifted") {
  Machine machine;
  machine.look();
  machine.refused_at(machine.wall);
  machine.pass(30 * 24h);
  machine.set_by(20min);  // 21 min are the worst drift in 30 days
  machine.look();
  CHECK_FALSE(machine.watch.is_wrong());
  machine.set_by(10min);
  machine.look();
  CHECK(machine.watch.is_wrong());
}

TEST_CASE("the cloud's time makes the right time right, though a former run lived in the future") {
  Machine machine(kNow, kNow + 87600h);
  machine.look();
  CHECK(machine.watch.is_wrong());
  machine.refused_at(machine.wall);
  CHECK_FALSE(machine.watch.is_wrong());
  machine.look();
  CHECK_FALSE(machine.watch.is_wrong());
}

TEST_CASE("so does a login that the hub accepts") {
  Machine machine(kNow, kNow + 87600h);
  machine.look();
  machine.watch.on_token_accepted(1h, machine.now());
  CHECK_FALSE(machine.watch.is_wrong());
}

TEST_CASE("a login does not prove a clock right that has fallen back by an hour") {
  Machine machine(kNow - 1h, kNow);
  machine.look();
  machine.watch.on_token_accepted(1h, machine.now());
  CHECK(machine.watch.is_wrong());
}

TEST_CASE("a clock set back by hand is wrong if somebody vouched for it before") {
  Machine machine;
  machine.synchronised = true;
  machine.look();
  machine.synchronised = false;  // setting the clock ends that, for the kernel
  machine.set_by(-1h);
  ClockChange change = machine.look();
  CHECK(change.set_by == -1h);
  CHECK(change.trust_changed);
  CHECK(machine.watch.state().why == "this computer's clock was set back by 1 h");
  // Tokens and readings go on by the time they had.
  CHECK(machine.watch.token_time(machine.now()) == machine.wall + 1h);
  CHECK(machine.watch.correction().known);
  CHECK_FALSE(change.renew_tokens);

  machine.synchronised = true;  // NTP sets it right again
  machine.set_by(1h);
  machine.pass(1min);
  change = machine.look();
  CHECK(change.trust_changed);
  CHECK(change.try_again);
  CHECK(change.renew_tokens);
}

TEST_CASE("NTP that sets the clock back is believed") {
  Machine machine;
  machine.synchronised = true;
  machine.look();
  machine.set_by(-1h);
  const ClockChange change = machine.look();
  CHECK_FALSE(change.trust_changed);
  CHECK(change.try_again);
  CHECK(change.renew_tokens);
  CHECK(machine.watch.state().trust == ClockTrust::Synchronised);
}

TEST_CASE("a jump of years that nobody vouches for outdates no token, a day's jump may") {
  Machine machine;
  machine.look();
  machine.set_by(87600h);
  ClockChange change = machine.look();
  CHECK(change.try_again);
  CHECK_FALSE(change.renew_tokens);

  machine.set_by(-87600h);
  machine.pass(1min);
  change = machine.look();
  CHECK(change.try_again);
  CHECK_FALSE(machine.watch.is_wrong());

  machine.set_by(24h);
  machine.pass(1min);
  CHECK(machine.look().renew_tokens);
}

TEST_CASE("from 1970 to now: not believed, then believed and tried again at once") {
  Machine machine(kEpoch + 5min);
  ClockChange change = machine.look();
  CHECK(change.trust_changed);
  CHECK_FALSE(change.try_again);
  for (int i = 0; i < 30; ++i) {
    change = machine.look();
    CHECK(change.set_by == 0ms);
    CHECK_FALSE(change.trust_changed);
    CHECK_FALSE(change.try_again);
  }
  machine.wall = kNow;
  change = machine.look();
  CHECK(change.set_by > 87600h);
  CHECK(change.trust_changed);
  CHECK(change.try_again);
}

TEST_CASE("a clock that is set again and again makes one new try a minute") {
  Machine machine;
  machine.synchronised = true;
  machine.look();
  int tries = 0;
  int set = 0;
  for (int second = 0; second < 600; ++second) {
    machine.set_by(second % 2 == 0 ? 1h : -1h);
    const ClockChange change = machine.look();
    if (change.set_by != 0ms) ++set;
    if (change.try_again) ++tries;
  }
  CHECK(set == 600);
  CHECK(tries == 10);
  // The last one is not lost.
  int late = 0;
  for (int second = 0; second < 120; ++second) late += machine.look().try_again ? 1 : 0;
  CHECK(late == 1);
}

TEST_CASE("a clock that is steered, or a sleep, is no set clock") {
  Machine machine;
  machine.synchronised = true;
  machine.look();
  for (int second = 0; second < 10000; ++second) {
    machine.set_by(second % 2 == 0 ? 1ms : 0ms);  // 500 ppm
    CHECK(machine.look().set_by == 0ms);
  }
  machine.pass(8h);  // both clocks count a sleep
  CHECK(machine.look().set_by == 0ms);
}

TEST_CASE("tokens are dated by the cloud's time where ours is known to differ") {
  Machine machine;
  machine.look();
  CHECK(machine.watch.token_time(machine.now()) == machine.wall);
  machine.refused_at(machine.wall + 3min);  // not enough to matter
  CHECK(machine.watch.token_time(machine.now()) == machine.wall);
  machine.refused_at(machine.wall - 3h);
  machine.pass(10min);
  CHECK(machine.watch.token_time(machine.now()) == machine.wall - 3h);
  machine.set_by(-3h);
  CHECK(machine.watch.token_time(machine.now()) == machine.wall);
}

TEST_CASE("a refused token is blamed on the clock only if it was dated by a wrong one") {
  Machine machine;
  machine.look();
  const ClockLook first{machine.watch.token_time(machine.now()), machine.steady};
  machine.pass(1s);
  CHECK_FALSE(machine.watch.was_misdated(first));
  machine.refused_at(machine.wall + 3h);
  CHECK(machine.watch.was_misdated(first));
  // The next one carries the cloud's time: if it is refused as well, it is not the clock.
  const ClockLook second{machine.watch.token_time(machine.now()), machine.steady};
  machine.pass(1s);
  machine.refused_at(machine.wall + 3h);
  CHECK_FALSE(machine.watch.was_misdated(second));

  Machine in_1970(kEpoch + 1h);
  in_1970.look();
  CHECK(in_1970.watch.was_misdated(in_1970.now()));
}

TEST_CASE("readings are corrected by a believed clock, else by an exact word of the cloud") {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  Machine machine(kEpoch + 1h);
  const auto offset = [&machine] {
    return machine.wall.time_since_epoch() - floor<milliseconds>(machine.steady.time_since_epoch());
  };
  machine.look();
  CHECK_FALSE(machine.watch.correction().known);
  machine.registered_at(kNow);  // "at least": not the time, only a bound
  CHECK_FALSE(machine.watch.correction().known);
  machine.refused_at(kNow);
  CHECK(machine.watch.is_wrong());
  CHECK(machine.watch.correction() == ClockCorrection{true, offset() + (kNow - machine.wall)});
  machine.wall = kNow + 1s;
  machine.look();
  CHECK_FALSE(machine.watch.is_wrong());
  CHECK(machine.watch.correction() == ClockCorrection{true, offset()});
}

TEST_CASE("a registration within five minutes vouches for our clock, but is not the time") {
  Machine machine;
  machine.look();
  machine.registered_at(machine.wall - 2min);
  const ClockCorrection before = machine.watch.correction();
  machine.set_by(-1h);
  machine.look();
  CHECK(machine.watch.is_wrong());
  CHECK(machine.watch.correction() == before);  // and not the registration's date
  machine.set_by(1h);
  machine.look();
  machine.refused_at(machine.wall + 1s);
  machine.registered_at(machine.wall - 2min);  // takes nothing from the exact word
  machine.set_by(-1h);
  machine.look();
  CHECK(machine.watch.correction().known);
}

TEST_CASE("certificates out of date speak against a clock that nobody keeps") {
  Machine machine;
  machine.look();
  CHECK(machine.watch.may_be_blamed());
  machine.synchronised = true;
  machine.look();
  CHECK_FALSE(machine.watch.may_be_blamed());
}
