// In which order a backlog and new messages share a link.
#include <doctest/doctest.h>

#include "tests/support/scripted_random.h"
#include "tests/unit/gateway/device/window_harness.h"

using namespace hubward;
using namespace hubward::device;
using namespace hubward::device::test;
using hubward::test::SeededRandom;
using namespace std::chrono_literals;

namespace {

SendWindowSettings fresh_first(unsigned share, std::size_t loaded_max = 64) {
  return {.loaded_max = loaded_max, .order = SendOrder::FreshFirst, .fresh_share_percent = share};
}

bool take_all(std::uint64_t) { return false; }

Sequences without(const Sequences& all, std::uint64_t from, std::uint64_t to) {
  Sequences some;
  for (const std::uint64_t one : all) {
    if (one < from || one > to) some.push_back(one);
  }
  return some;
}

}  // namespace

TEST_CASE("fresh first: what comes now shares the link with the backlog as configured") {
  for (const unsigned share : {10U, 50U, 80U, 99U}) {
    CAPTURE(share);
    WindowHarness f(fresh_first(share));
    f.stored = range(1, 1000);  // of an earlier run
    f.window.on_link_up();
    std::uint64_t next = 1000;
    // As many new ones as there is room for: both lanes always have something.
    while (f.delivered.size() < 400) {
      while (next < 1000 + f.delivered.size() + 20) f.store(++next);
      f.fetch();
      const StoredMessage* row = f.window.next_to_send();
      REQUIRE(row != nullptr);
      const std::uint64_t sequence = row->sequence;  // the row moves when it is sent
      f.flying = {{PublishToken{next * 1000 + f.delivered.size()}, sequence}};
      f.window.on_sent(f.flying[0].first, SteadyTime{});
      f.acknowledge(sequence);
    }
    const Sequences fresh = without(f.delivered, 1, 1000);
    CHECK(fresh.size() == doctest::Approx(4.0 * share).epsilon(0.02));
    CHECK(std::is_sorted(fresh.begin(), fresh.end()));
    const Sequences backlog = without(f.delivered, 1001, next);
    CHECK(backlog == range(1, backlog.size()));
  }
}

TEST_CASE("fresh first: only so many are fresh, older ones join the backlog in their order") {
  WindowHarness f(fresh_first(50, 16));
  f.stored = range(1, 5);
  f.window.on_link_up();
  f.store(6, 40);  // faster than the link takes them: 8 are fresh
  CHECK_FALSE(f.drain(take_all));
  CHECK(f.delivered.size() == 40);
  const Sequences fresh = without(f.delivered, 1, 32);
  CHECK(fresh == range(33, 40));
  CHECK(without(f.delivered, 33, 40) == range(1, 32));
  CHECK(f.delivered[1] == 33);
}

TEST_CASE("fresh first: what came while there was no link is backlog, and lets new rows pass") {
  WindowHarness f(fresh_first(50, 16));
  f.store(1, 3);
  f.window.on_link_up();
  f.store(4);
  f.fetch();
  f.send();
  CHECK(f.sent == Sequences{1, 4, 2, 3});
  f.lose_link(LinkEnd::Lost);
  CHECK_FALSE(f.live(take_all));
  CHECK(f.delivered == Sequences{1, 4, 2, 3});  // what was in flight goes again as it went
}

TEST_CASE("fresh first: with nothing old it sends as it comes, and the other way round") {
  WindowHarness f(fresh_first(80));
  f.fetch();
  f.store(1, 10);
  CHECK_FALSE(f.live(take_all));
  CHECK(f.delivered == range(1, 10));
  WindowHarness old(fresh_first(80));
  old.stored = range(1, 500);
  CHECK_FALSE(old.live(take_all));
  CHECK(old.delivered == range(1, 500));
}

TEST_CASE("fresh first: in a trial the backlog ends before the accused, not before the witness") {
  WindowHarness f(fresh_first(80));
  f.fetch();
  f.window.on_link_up();
  f.store(1, 2);
  for (int drop = 0; drop < 5; ++drop) {
    f.send();
    f.lose_link(LinkEnd::Lost);
    f.window.on_link_up();
  }
  f.send();
  REQUIRE(f.flying.size() == 1);
  CHECK(f.flying[0].second == 2);  // the witness
  f.window.look_again();
  const auto fetch = f.window.wants_rows(SteadyTime{});
  REQUIRE(fetch);
  REQUIRE(fetch->before);
  CHECK(fetch->before->sequence == 1);
}

TEST_CASE("whatever happens, each row is delivered, and none is sent anew that was") {
  // Rows of an earlier run that the store finds late stand before all others.
  constexpr std::uint64_t kLateMax = 20;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    auto settings = fresh_first(1 + static_cast<unsigned>(random.next() % 99), 8);
    if (seed % 2 == 0) settings.order = SendOrder::Strict;
    WindowHarness f(settings);
    const std::uint64_t late = seed % 3 == 0 ? 1 + random.next() % kLateMax : 0;
    const std::uint64_t late_at = random.next() % 600;
    f.stored = range(kLateMax + 1, kLateMax + random.next() % 40);
    std::uint64_t last = kLateMax + f.stored.size();
    Sequences unanswered;  // what the store knew when it was asked
    std::optional<SendWindow::Fetch> asked;
    f.window.on_link_up();
    for (std::uint64_t step = 0; step < 600; ++step) {
      if (late > 0 && step == late_at) {
        const Sequences found = range(1, late);
        f.stored.insert(f.stored.begin(), found.begin(), found.end());
        f.window.look_again();
      }
      switch (random.next() % 8) {
        case 0:
        case 1:
          if (last < 200) f.store(++last);
          break;
        case 2:
          if (!asked && (asked = f.window.wants_rows(SteadyTime{}))) unanswered = f.stored;
          break;
        case 3: {
          if (!asked) break;
          // Read any time between the question and the answer.
          const Sequences& known = random.next() % 2 == 0 ? unanswered : f.stored;
          std::vector<StoredMessage> answer;
          for (const std::uint64_t sequence : known) {
            if (asked->after && sequence <= asked->after->sequence) continue;
            if (asked->before && sequence >= asked->before->sequence) break;
            if (answer.size() < asked->count) answer.push_back(row(sequence));
          }
          asked.reset();
          f.window.on_fetched(answer, SteadyTime{});
          break;
        }
        case 4:
        case 5:
          f.send();
          break;
        case 6:
          if (f.flying.empty()) break;
          f.acknowledge(f.flying[random.next() % std::min<std::size_t>(f.flying.size(), 3)].second);
          break;
        default:
          if (random.next() % 20 != 0) break;
          f.lose_link(LinkEnd::Planned);
          f.window.on_link_up();
      }
    }
    if (asked) {
      f.window.on_fetched(failure(ErrorCode::StoreFailed, ErrorKind::Transient), SteadyTime{-1h});
    }
    CHECK_FALSE(f.live(take_all));
    Sequences all = f.delivered;
    std::sort(all.begin(), all.end());
    Sequences expected = range(1, late);
    for (const std::uint64_t sequence : range(kLateMax + 1, last)) expected.push_back(sequence);
    REQUIRE(all == expected);
  }
}

TEST_CASE("fresh first: a message that ends the link is found in either lane") {
  for (const std::uint64_t bad : {3ULL, 95ULL}) {
    CAPTURE(bad);
    WindowHarness f(fresh_first(50, 16));
    f.stored = range(1, 60);
    f.window.on_link_up();
    f.store(61, 100);
    int links = f.drain([&](std::uint64_t sequence) { return sequence == bad; }) ? 1 : 0;
    while (f.live([&](std::uint64_t sequence) { return sequence == bad; }) && links < 50) ++links;
    CHECK(links == 5);
    CHECK(f.condemned == Sequences{bad});
    CHECK(f.delivered.size() == 99);
  }
}

// --- What counts as backlog

TEST_CASE("what is sent as it comes is no backlog; what was read back or kept over an outage is") {
  WindowHarness f;
  f.fetch();
  f.store(1);  // before there is a link
  f.window.on_link_up();
  CHECK(f.window.next_is_backlog());
  f.send();
  f.acknowledge(1);
  f.store(2);
  REQUIRE(f.window.next_to_send());
  CHECK_FALSE(f.window.next_is_backlog());
  f.send();
  f.store(3);
  CHECK_FALSE(f.window.next_is_backlog());
  f.lose_link(LinkEnd::Lost);
  f.window.on_link_up();
  CHECK_FALSE(f.window.next_is_backlog());  // 2 was in flight
  f.window.on_sent(PublishToken{99}, SteadyTime{});
  REQUIRE(f.window.next_to_send());
  CHECK(f.window.next_is_backlog());  // 3 was waiting

  WindowHarness restarted;
  restarted.stored = range(1, 3);
  restarted.window.on_link_up();
  restarted.fetch();
  CHECK(restarted.window.next_is_backlog());
}

TEST_CASE("held backlog stops a strict queue, and lets fresh messages through") {
  WindowHarness strict;
  strict.stored = range(1, 3);
  strict.window.on_link_up();
  strict.fetch();
  strict.window.hold_backlog(true);
  CHECK(strict.window.next_to_send() == nullptr);
  strict.window.hold_backlog(false);
  CHECK(strict.window.next_to_send()->sequence == 1);

  WindowHarness fresh(fresh_first(10));
  fresh.stored = range(1, 3);
  fresh.window.on_link_up();
  fresh.fetch();
  fresh.window.hold_backlog(true);
  CHECK(fresh.window.next_to_send() == nullptr);
  fresh.store(4, 5);
  fresh.send();
  CHECK(fresh.sent == range(4, 5));
  fresh.window.hold_backlog(false);
  fresh.send();
  CHECK(fresh.sent == Sequences{4, 5, 1, 2, 3});
}

TEST_CASE("while backlog is held, a strict queue still moves as fast as the device adds to it") {
  WindowHarness f({.loaded_max = 16});
  f.stored = range(1, 500);
  f.window.on_link_up();
  f.window.hold_backlog(true);
  for (std::uint64_t made = 501; made <= 600; ++made) {
    f.store(made);
    f.fetch();
    f.send();
    REQUIRE(f.flying.size() == 1);
    f.acknowledge(f.flying[0].second);
  }
  CHECK(f.delivered == range(1, 100));
  f.window.hold_backlog(false);
  CHECK_FALSE(f.live(take_all));
  CHECK(f.delivered == range(1, 600));
}
