#include "gateway/resilience/recovery.h"

#include <doctest/doctest.h>

#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::resilience;
using namespace std::chrono_literals;

namespace {

constexpr auto kHub = NextStep::What::ConnectHub;
constexpr auto kDps = NextStep::What::Provision;

struct Fixture {
  test::FixedRandom chance{0.5};
  Recovery recovery{RecoverySettings{.backoff = {.initial = 1s, .max = 300s, .multiplier = 2.0},
                                     .stable_after = 60s,
                                     .fault_pause_min = 5s},
                    chance};
  SteadyTime now{1h};

  NextStep hub(Symptom symptom, bool dps_reachable = true) {
    const auto question = dps_reachable ? DpsQuestion::Allowed : DpsQuestion::OutOfReach;
    const NextStep step = recovery.on_hub_failure(symptom, question, now);
    now = std::max(now, step.at);
    return step;
  }
  NextStep dps(Symptom symptom, std::chrono::milliseconds retry_after = 0ms) {
    const NextStep step = recovery.on_dps_failure(symptom, retry_after, now);
    now = std::max(now, step.at);
    return step;
  }
  NextStep assigned(AssignedTo where) {
    const NextStep step = recovery.on_assigned(where, now);
    now = std::max(now, step.at);
    return step;
  }
  // A session that lasted.
  void stable_session() {
    recovery.on_online(now);
    now += 61s;
  }
};

}  // namespace

TEST_CASE("a start uses the cached hub, and DPS only without one") {
  CHECK(Fixture{}.recovery.start(true, SteadyTime{1h}).what == kHub);
  CHECK(Fixture{}.recovery.start(false, SteadyTime{1h}).what == kDps);
}

TEST_CASE("a stable link that drops is connected again without delay") {
  Fixture f;
  f.recovery.start(true, f.now);
  f.stable_session();
  const SteadyTime before = f.now;
  const NextStep step = f.hub(Symptom::ClosedEarly);
  CHECK(step.what == kHub);
  CHECK(step.at == before);
  CHECK(step.why == ErrorCode::LinkLost);
}

TEST_CASE("a refusal goes to DPS at once, and another hub is used at once") {
  Fixture f;
  f.recovery.start(true, f.now);
  f.stable_session();
  f.hub(Symptom::ClosedEarly);
  const SteadyTime before = f.now;
  CHECK(f.hub(Symptom::HubRefusedAuth).what == kDps);
  CHECK(f.assigned(AssignedTo::OtherHub).what == kHub);
  CHECK(f.now == before);
}

TEST_CASE(
    "a device that the hub refuses although DPS agrees: one DPS conversation per back-off step") {
  Fixture f;
  f.recovery.start(true, f.now);
  CHECK(f.hub(Symptom::HubRefusedAuth).what == kDps);
  // First time: the move may not be visible everywhere yet.
  NextStep step = f.assigned(AssignedTo::SameHub);
  CHECK(step.what == kHub);
  CHECK(step.at == f.now);
  auto last = f.now;
  step = f.hub(Symptom::HubRefusedAuth);
  CHECK(step.what == kHub);
  CHECK(step.at > last);
  CHECK(step.why == ErrorCode::HubRefusedAfterDps);
  CHECK(step.waits_for_operator);
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    CHECK(f.hub(Symptom::HubRefusedAuth).what == kDps);
    last = f.now;
    step = f.assigned(AssignedTo::SameHub);
    CHECK(step.what == kHub);
    CHECK(step.at > last);  // backs off, keeps the assignment
    CHECK(step.waits_for_operator);
  }
}

TEST_CASE("a blocked device keeps its assignment and is asked about once per step") {
  for (const Symptom symptom :
       {Symptom::DpsBlocked, Symptom::DpsDisabled, Symptom::DpsAllocationFailed}) {
    Fixture f;
    f.recovery.start(true, f.now);
    for (int round = 0; round < 5; ++round) {
      CHECK(f.hub(Symptom::HubRefusedAuth).what == kDps);
      const auto before = f.now;
      const NextStep step = f.dps(symptom);
      CHECK(step.what == kHub);
      CHECK(step.at >= before + 5s);
      CHECK(step.waits_for_operator);
      CHECK(step.why == diagnose(symptom).code);
    }
  }
}

TEST_CASE("an unreachable hub goes to DPS after three times running, once") {
  Fixture f;
  f.recovery.start(true, f.now);
  f.stable_session();
  CHECK(f.hub(Symptom::ClosedEarly).what == kHub);
  CHECK(f.hub(Symptom::HubUnreachable).what == kHub);
  CHECK(f.hub(Symptom::HubNameUnknown).what == kHub);
  CHECK(f.hub(Symptom::HubTlsFailed).what == kDps);
  CHECK(f.assigned(AssignedTo::SameHub).what == kHub);
  for (int i = 0; i < 9; ++i) CHECK(f.hub(Symptom::HubUnreachable).what == kHub);
  CHECK(f.hub(Symptom::HubUnreachable).what == kDps);  // much later, once more
}

TEST_CASE("when DPS cannot be reached either, it is our own network and nobody asks") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 1; i <= 30; ++i) {
    const NextStep step = f.hub(Symptom::HubUnreachable, false);
    CHECK(step.what == kHub);
    CHECK(step.why == (i < 3 ? ErrorCode::Unreachable : ErrorCode::OwnNetworkDown));
  }
  // The question stays owed: it is asked as soon as DPS may be asked again.
  CHECK(f.hub(Symptom::HubUnreachable, true).what == kDps);
}

TEST_CASE("while another device asks for all, a device waits under its own failure's name") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 0; i < 20; ++i) {
    const NextStep step =
        f.recovery.on_hub_failure(Symptom::HubUnreachable, DpsQuestion::NotNow, f.now);
    CHECK(step.what == kHub);
    CHECK(step.why == ErrorCode::Unreachable);
  }
  CHECK(f.hub(Symptom::HubUnreachable).what == kDps);  // it stays owed
}

TEST_CASE("a refused device wants DPS whether it can be reached or not, once in each step") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 0; i < 5; ++i) {
    CHECK(f.hub(Symptom::HubRefusedAuth, false).what == kDps);
    CHECK(f.dps(Symptom::DpsUnreachable).what == kHub);
  }
}

TEST_CASE("an attempt that a person asked for keeps the pause, and asks DPS once in it") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 0; i < 6; ++i) f.hub(Symptom::HubUntrusted);
  const auto fails = [&](Symptom symptom) {
    return f.recovery.on_hub_failure(symptom, DpsQuestion::Allowed, f.now);
  };
  const SteadyTime pause_ends = fails(Symptom::HubUntrusted).at;
  REQUIRE(pause_ends >= f.now + 30s);
  const unsigned steps = f.recovery.record().steps;

  f.now += 1s;
  f.recovery.on_hastened();
  CHECK(fails(Symptom::HubRefusedAuth).what == kDps);
  f.recovery.on_asking(f.now);
  CHECK(f.recovery.on_assigned(AssignedTo::SameHub, f.now).at == f.now);
  NextStep step = fails(Symptom::HubRefusedAuth);
  CHECK(step.why == ErrorCode::HubRefusedAfterDps);
  CHECK(step.at == pause_ends);
  for (int i = 0; i < 2; ++i) {  // and again
    f.now += 10s;
    f.recovery.on_hastened();
    step = fails(Symptom::HubRefusedAuth);
    CHECK(step.what == kHub);
    CHECK(step.at == pause_ends);
  }
  CHECK(f.recovery.record().steps == steps);
  f.now = pause_ends;
  CHECK(fails(Symptom::HubRefusedAuth).what == kDps);  // the step's own question
}

TEST_CASE("a process that is started anew knows why it waits") {
  Fixture before;
  before.recovery.start(true, before.now);
  for (int i = 0; i < 5; ++i) before.hub(Symptom::HubUntrusted);
  const SteadyTime failed = before.now;
  REQUIRE(before.hub(Symptom::HubRefusedAuth).what == kDps);
  ErrorCode why = ErrorCode::HubRefused;
  SUBCASE("it dies in the question") { before.recovery.on_asking(failed); }
  SUBCASE("it dies after the answer") {
    before.recovery.on_asking(failed);
    before.recovery.on_dps_failure(Symptom::DpsBlocked, 0ms, failed);
    why = ErrorCode::DpsBlocked;
  }
  Fixture after;
  const NextStep step = after.recovery.start(true, failed, before.recovery.record());
  CHECK(step.why == why);
  after.recovery.on_online(failed);
  CHECK_FALSE(after.recovery.record().why);
}

TEST_CASE("a stop in order uses up no step: the next process goes on with the question") {
  Fixture before;
  before.recovery.start(true, before.now);
  for (int i = 0; i < 8; ++i) before.hub(Symptom::HubUntrusted);
  const SteadyTime failed = before.now;
  const unsigned steps = before.recovery.record().steps;
  REQUIRE(before.hub(Symptom::HubRefusedAuth).what == kDps);
  SUBCASE("while it stands in line for DPS") {}
  SUBCASE("in the conversation") {
    before.recovery.on_asking(failed);
    before.recovery.on_asking_dropped();
  }
  CHECK(before.recovery.record().steps == steps);
  Fixture after;
  const NextStep step = after.recovery.start(true, failed + 1s, before.recovery.record());
  CHECK(step.at <= failed + 5s);
  after.now = step.at;
  CHECK(after.hub(Symptom::HubRefusedAuth).what == kDps);
}

TEST_CASE("whoever is stopped in order again and again asks DPS no more often than every 5 s") {
  SteadyTime now{1h};
  std::optional<BackoffRecord> kept;
  int asked = 0;
  for (int life = 0; life < 100; ++life) {
    Fixture f;
    const NextStep step = f.recovery.start(false, now, kept);
    if (step.at < now + 1s) {
      ++asked;
      f.recovery.on_asking(std::max(now, step.at));
      f.recovery.on_asking_dropped();
      kept = f.recovery.record();
    }
    now += 1s;
  }
  CHECK(asked <= 21);
  CHECK(asked >= 16);
}

TEST_CASE("a busy hub is left alone by DPS for ten failures") {
  for (const Symptom symptom :
       {Symptom::HubRefusedBusy, Symptom::ClosedEarly, Symptom::HubSilent}) {
    Fixture f;
    f.recovery.start(true, f.now);
    for (int i = 0; i < 10; ++i) CHECK(f.hub(symptom).what == kHub);
    CHECK(f.hub(symptom).what == kDps);
    CHECK(f.assigned(AssignedTo::SameHub).what == kHub);
    for (int i = 0; i < 10; ++i) CHECK(f.hub(symptom).what == kHub);
    CHECK(f.hub(symptom).what == kDps);
  }
}

TEST_CASE("what a busy hub does with several is not counted, for a quarter of an hour") {
  Fixture f;
  f.recovery.start(true, f.now);
  const auto kept_out = [&] {
    const auto question =
        f.recovery.may_wait_its_turn(f.now) ? DpsQuestion::NoReason : DpsQuestion::Allowed;
    const NextStep step = f.recovery.on_hub_failure(Symptom::ClosedEarly, question, f.now);
    f.now = std::max(f.now, step.at);
    return step;
  };
  const SteadyTime began = f.now;
  SUBCASE("then ten failures lead to DPS as from any hub") {
    while (f.recovery.may_wait_its_turn(f.now)) CHECK(kept_out().what == kHub);
    CHECK(f.now - began >= 15min);
    for (int i = 0; i < 10; ++i) CHECK(kept_out().what == kHub);
    CHECK(kept_out().what == kDps);
  }
  SUBCASE("what the hub does with this one alone counts in the meantime") {
    for (int i = 0; i < 5; ++i) CHECK(kept_out().what == kHub);
    for (int i = 0; i < 10; ++i) CHECK(f.hub(Symptom::ClosedEarly).what == kHub);
    CHECK(f.hub(Symptom::HubRefusedBusy).what == kDps);
  }
  SUBCASE("and anew after a stable session") {
    while (f.recovery.may_wait_its_turn(f.now)) CHECK(kept_out().what == kHub);
    f.stable_session();
    f.recovery.on_stable();
    CHECK(f.recovery.may_wait_its_turn(f.now));
  }
}

TEST_CASE("without an assignment DPS is asked again, slower and slower, obeying retry-after") {
  Fixture f;
  f.recovery.start(false, f.now);
  auto before = f.now;
  NextStep step = f.dps(Symptom::DpsThrottled, 90s);
  CHECK(step.what == kDps);
  CHECK(step.at >= before + 90s);
  before = f.now;
  step = f.dps(Symptom::DpsNotFound);
  CHECK(step.what == kDps);
  CHECK(step.at >= before + 5s);
  CHECK(step.waits_for_operator);
  CHECK(f.assigned(AssignedTo::OtherHub).what == kHub);
}

TEST_CASE("a throttling DPS is not asked before its time even after a fresh refusal") {
  Fixture f;
  f.recovery.start(true, f.now);
  f.hub(Symptom::HubRefusedAuth);
  const auto before = f.now;
  f.dps(Symptom::DpsThrottled, 120s);
  const NextStep step = f.hub(Symptom::HubRefusedAuth);
  CHECK(step.what == kDps);
  CHECK(step.at >= before + 120s);
}

TEST_CASE("only a stable session ends the history of failures") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 0; i < 5; ++i) f.hub(Symptom::HubRefusedBusy);
  f.recovery.on_online(f.now);
  f.now += 10s;  // not stable
  auto before = f.now;
  NextStep step = f.hub(Symptom::ClosedEarly);
  CHECK(step.at >= before + 16s);  // the sixth step: half of 32 s
  f.stable_session();
  before = f.now;
  step = f.hub(Symptom::PubackMissing);
  CHECK(step.at == before + 500ms);
  CHECK(f.recovery.failures() == 1);
}

TEST_CASE("a second holder of the identity is left alone for a minute or more, and DPS not asked") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int round = 0; round < 12; ++round) {
    const SteadyTime before = f.now;
    const NextStep step = f.hub(Symptom::ThrownOut);
    CHECK(step.what == kHub);
    CHECK(step.why == ErrorCode::SecondHolder);
    CHECK(step.at >= before + 60s);
    CHECK(step.waits_for_operator);
  }
}

TEST_CASE("a hub that closes everybody is never reported to DPS") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 0; i < 40; ++i) CHECK(f.hub(Symptom::ClosesEverybody).what == kHub);
}

TEST_CASE("a link that goes silent is connected again at once only if it had been stable") {
  Fixture f;
  f.recovery.start(true, f.now);
  f.recovery.on_online(f.now);
  f.now += 10s;
  SteadyTime before = f.now;
  CHECK(f.hub(Symptom::LinkSilent).at > before);
  f.stable_session();
  before = f.now;
  CHECK(f.hub(Symptom::LinkSilent).at == before);
}

TEST_CASE("a process that is started anew goes on where the one before it stood") {
  Fixture before;
  before.recovery.start(true, before.now);
  for (int i = 0; i < 6; ++i)
    before.recovery.on_hub_failure(Symptom::HubRefusedBusy, DpsQuestion::Allowed, before.now);
  const BackoffRecord record = before.recovery.record();
  CHECK(record.not_before == before.now + 16s);

  Fixture after;
  after.now = before.now + 2s;
  NextStep step = after.recovery.start(true, after.now, record);
  CHECK(step.what == kHub);
  CHECK(step.at == before.now + 16s);
  after.now = step.at;
  step = after.recovery.on_hub_failure(Symptom::HubRefusedBusy, DpsQuestion::Allowed, after.now);
  CHECK(step.at == after.now + 32s);
  CHECK(after.recovery.failures() == 7);
}

TEST_CASE("a process that is started anew does not wait for what is over") {
  Fixture f;
  f.recovery.start(true, f.now);
  for (int i = 0; i < 8; ++i) {
    f.recovery.on_hub_failure(Symptom::HubUnreachable, DpsQuestion::NotNow, f.now);
  }
  CHECK(f.recovery.record().not_before > f.now);
  f.recovery.on_standing_in_line(f.now);
  CHECK(f.recovery.record().not_before == f.now);
  f.recovery.on_hub_failure(Symptom::HubUnreachable, DpsQuestion::NotNow, f.now);
  f.recovery.on_online(f.now);
  CHECK(f.recovery.record().not_before == f.now);
  CHECK(f.recovery.record().steps == 9);  // it has not been stable yet
}

TEST_CASE("a crash loop in the middle of conversations with DPS asks slower and slower") {
  SteadyTime now{1h};
  std::optional<BackoffRecord> kept;
  int asked = 0;
  for (int life = 0; life < 300; ++life) {  // ten minutes, a crash every two seconds
    Fixture f;
    f.now = now;
    const NextStep step = f.recovery.start(false, f.now, kept);
    CHECK(step.what == kDps);
    if (step.at < now + 2s) {
      ++asked;
      f.recovery.on_asking(std::max(now, step.at));
      kept = f.recovery.record();
    }
    now += 2s;
  }
  CHECK(asked <= 10);
  CHECK(asked >= 8);
}

TEST_CASE(
    "a process that died in a conversation with DPS has used up a step and may ask in the next") {
  Fixture before;
  before.recovery.start(true, before.now);
  for (int i = 0; i < 12; ++i) before.hub(Symptom::HubUntrusted);
  REQUIRE(before.hub(Symptom::HubRefusedAuth).what == kDps);
  before.recovery.on_asking(before.now);

  Fixture after;
  after.now = before.now + 10s;
  const NextStep step = after.recovery.start(true, after.now, before.recovery.record());
  CHECK(step.what == kHub);
  CHECK(step.at == before.now + 300s);
  after.now = step.at;
  CHECK(after.hub(Symptom::HubRefusedAuth).what == kDps);
}
