#include "gateway/observe/path_book.h"

#include <doctest/doctest.h>

#include "tests/support/manual_loop.h"

using namespace hubward;
using namespace hubward::observe;
using namespace std::chrono_literals;

namespace {

// Answers when the test says so.
struct ScriptedProbe final : PathProbe {
  void probe(const std::string& host, std::uint16_t port,
             std::function<void(PathFindings)> done) override {
    asked.push_back(host + ":" + std::to_string(port));
    waiting.push_back([host, port, done = std::move(done)] {
      PathFindings findings;
      findings.host = host;
      findings.port = port;
      done(findings);
    });
  }
  void answer_all() {
    for (const auto& one : std::exchange(waiting, {})) one();
  }
  std::vector<std::string> asked;
  std::vector<std::function<void()>> waiting;
};

struct Fixture {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  ScriptedProbe probe;
  PathBook book{probe, loop};
};

}  // namespace

TEST_CASE("however many ask, a host is looked at once") {
  Fixture f;
  int told = 0;
  for (int i = 0; i < 5; ++i) {
    f.book.want("hub-a", 8883);
    f.book.look("hub-a", 8883, [&](const PathFindings& found) { told += found.host == "hub-a"; });
  }
  CHECK(f.book.is_looking("hub-a", 8883));
  CHECK_FALSE(f.book.latest("hub-a", 8883));
  f.loop.run_for(0s);
  CHECK(f.probe.asked == std::vector<std::string>{"hub-a:8883"});
  f.probe.answer_all();
  CHECK(told == 5);
  CHECK(f.book.latest("hub-a", 8883));
  CHECK_FALSE(f.book.is_looking("hub-a", 8883));
}

TEST_CASE("findings serve for ten seconds, and are kept until there are newer ones") {
  Fixture f;
  f.book.want("hub-a", 8883);
  f.loop.run_for(0s);
  f.probe.answer_all();
  f.loop.run_for(9s);
  f.book.want("hub-a", 8883);
  int told = 0;
  f.book.look("hub-a", 8883, [&](const PathFindings&) { ++told; });
  f.loop.run_for(0s);
  CHECK(told == 1);
  CHECK(f.probe.asked.size() == 1);
  f.loop.run_for(2s);
  f.book.want("hub-a", 8883);
  f.loop.run_for(0s);
  CHECK(f.probe.asked.size() == 2);
  CHECK(f.book.latest("hub-a", 8883));  // the old ones, meanwhile
}

TEST_CASE("hosts beyond the bound are forgotten, the one looked at longest ago first") {
  Fixture f;
  for (std::size_t i = 0; i <= PathBook::kHostsMax; ++i) {
    f.book.want("hub-" + std::to_string(i), 8883);
    f.loop.run_for(1s);
    f.probe.answer_all();
  }
  CHECK_FALSE(f.book.latest("hub-0", 8883));
  CHECK(f.book.latest("hub-1", 8883));
  CHECK(f.book.latest("hub-" + std::to_string(PathBook::kHostsMax), 8883));
}

TEST_CASE("an answer that comes after the book has gone finds nobody") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  ScriptedProbe probe;
  {
    PathBook book(probe, loop);
    book.look("hub-a", 8883, [](const PathFindings&) { FAIL("nobody is here"); });
    loop.run_for(0s);
  }
  probe.answer_all();
}
