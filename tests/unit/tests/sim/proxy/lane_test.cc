#include "tests/sim/proxy/lane.h"

#include <doctest/doctest.h>

#include "tests/support/scripted_random.h"

namespace hubward::simproxy {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1000s};

struct LaneFixture {
  test::FixedRandom random{0.0};
  Lane lane{random};

  // Everything that may leave now.
  std::string drain(SteadyTime now) {
    std::string out;
    while (!lane.cut_due()) {
      const std::string bytes(lane.writable(now));
      if (bytes.empty()) break;
      out += bytes;
      lane.written(bytes.size());
    }
    return out;
  }
};

TEST_CASE_FIXTURE(LaneFixture, "without a rule bytes and the end pass at once") {
  lane.receive("hello ", kStart);
  lane.receive("hub", kStart);
  CHECK(lane.held() == 9);
  CHECK_FALSE(lane.end_due(kStart).has_value());
  CHECK(drain(kStart) == "hello hub");
  lane.sender_ended(Ending::Goodbye, kStart);
  CHECK(lane.end_due(kStart) == Ending::Goodbye);
  CHECK(lane.passed() == 9);
  CHECK(lane.held() == 0);
}

TEST_CASE_FIXTURE(LaneFixture, "a delay holds for its time, with jitter, and keeps order") {
  lane.set_treatment({.delay = 300ms, .jitter = 200ms});
  random.set(0.5);
  lane.receive("a", kStart);  // due at 400 ms
  random.set(0.0);
  lane.receive("b", kStart + 10ms);  // would be due at 310 ms, and may not overtake
  lane.sender_ended(Ending::Goodbye, kStart + 10ms);
  CHECK(lane.next_due(kStart) == kStart + 400ms);
  CHECK(drain(kStart + 399ms).empty());
  CHECK_FALSE(lane.end_due(kStart + 399ms).has_value());
  CHECK(drain(kStart + 400ms) == "ab");
  CHECK(lane.end_due(kStart + 400ms) == Ending::Goodbye);
}

TEST_CASE_FIXTURE(LaneFixture, "what is stalled goes on when the stall ends") {
  lane.set_treatment({.stalled = true});
  lane.receive("kept", kStart);
  lane.sender_ended(Ending::Reset, kStart);
  CHECK(drain(kStart + 1h).empty());
  CHECK_FALSE(lane.end_due(kStart + 1h).has_value());
  CHECK_FALSE(lane.next_due(kStart + 1h).has_value());
  lane.set_treatment({});
  CHECK(drain(kStart + 1h) == "kept");
  CHECK(lane.end_due(kStart + 1h) == Ending::Reset);
}

TEST_CASE_FIXTURE(LaneFixture, "a stalled sender is read up to a bound") {
  lane.set_treatment({.stalled = true});
  const std::string piece(16 * 1024, 'x');
  std::size_t taken = 0;
  while (lane.has_room() && taken < 10 * Lane::kHeldBytesMax) {
    lane.receive(piece, kStart);
    taken += piece.size();
  }
  CHECK(lane.held() < Lane::kHeldBytesMax + piece.size());
}

TEST_CASE_FIXTURE(LaneFixture, "what is swallowed is gone, and the hole resets the connection") {
  lane.receive("before", kStart);
  lane.set_treatment({.swallowed = true});
  lane.receive("lost", kStart);
  CHECK(drain(kStart) == "before");
  CHECK(lane.swallowed() == 4);
  CHECK_FALSE(lane.end_due(kStart).has_value());
  lane.set_treatment({});
  CHECK(lane.end_due(kStart) == Ending::Reset);
}

TEST_CASE_FIXTURE(LaneFixture,
                  "an end is swallowed like bytes, and nothing wakes the proxy for it") {
  lane.set_treatment({.swallowed = true});
  lane.sender_ended(Ending::Goodbye, kStart);
  CHECK_FALSE(lane.end_due(kStart).has_value());
  CHECK_FALSE(lane.next_due(kStart).has_value());
  lane.set_treatment({});
  CHECK(lane.end_due(kStart) == Ending::Reset);
}

TEST_CASE_FIXTURE(LaneFixture,
                  "an end that was known before the swallowing waits without a due time") {
  lane.sender_ended(Ending::Goodbye, kStart);
  lane.set_treatment({.swallowed = true});
  CHECK_FALSE(lane.end_due(kStart).has_value());
  CHECK_FALSE(lane.next_due(kStart).has_value());
}

TEST_CASE_FIXTURE(LaneFixture, "a swallowing that met no bytes leaves the connection whole") {
  lane.set_treatment({.swallowed = true});
  lane.set_treatment({});
  lane.receive("x", kStart);
  CHECK(drain(kStart) == "x");
  CHECK_FALSE(lane.end_due(kStart).has_value());
}

TEST_CASE_FIXTURE(LaneFixture,
                  "a dribble lets some bytes go each time, over the borders of reads") {
  lane.set_treatment({.piece_bytes = 3, .piece_every = 20ms});
  lane.receive("ab", kStart);
  lane.receive("cdefg", kStart);
  CHECK(drain(kStart) == "abc");
  CHECK(lane.next_due(kStart) == kStart + 20ms);
  CHECK(drain(kStart + 19ms).empty());
  CHECK(drain(kStart + 20ms) == "def");
  CHECK(drain(kStart + 40ms) == "g");
}

TEST_CASE_FIXTURE(LaneFixture, "a cut lets exactly its bytes pass") {
  lane.receive("first", kStart);
  CHECK(drain(kStart) == "first");
  const CutOrder order{.rule = 1, .after = 4, .after_max = 4, .ending = Ending::Goodbye};
  lane.set_cuts({order});
  CHECK_FALSE(lane.cut_due().has_value());
  lane.receive("abc", kStart);
  CHECK(drain(kStart) == "abc");
  lane.set_cuts({order});  // another rule has come: this one goes on counting
  lane.receive("defg", kStart);
  CHECK(drain(kStart) == "d");
  CHECK(lane.cut_due() == Ending::Goodbye);
}

TEST_CASE_FIXTURE(LaneFixture,
                  "a cut that is taken back in time cuts nothing, and 0 cuts at once") {
  lane.set_cuts({{.rule = 1, .after = 4, .after_max = 4}});
  lane.set_cuts({});
  lane.receive("abcdef", kStart);
  CHECK(drain(kStart) == "abcdef");
  lane.set_cuts({{.rule = 2, .after = 0, .after_max = 0}});
  CHECK(lane.cut_due() == Ending::Reset);
}

TEST_CASE("a cut between two numbers of bytes is drawn by lot, both included") {
  test::SeededRandom random(7);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 200; ++i) {
    Lane lane(random);
    lane.set_cuts({{.rule = 1, .after = 2, .after_max = 5}});
    lane.receive("abcdefgh", kStart);
    seen.insert(lane.writable(kStart).size());
  }
  CHECK(seen == std::set<std::uint64_t>{2, 3, 4, 5});
}

}  // namespace
}  // namespace hubward::simproxy
