#include "gateway/platform/resolver.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "gateway/platform/system_clock.h"
#include "tests/support/run_until.h"

namespace hubward::platform {
namespace {

using test::run_until;

// A name server that answers nothing until told. Shared with the resolver's threads.
struct Gate {
  void open() {
    const std::lock_guard lock(mutex);
    is_open = true;
    changed.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return is_open; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool is_open = false;
};

TEST_CASE("an address is its own answer") {
  const SystemClock clock;
  AsioLoop loop(clock);
  Resolver resolver([](const std::string&) -> Resolver::Answer { std::abort(); });
  std::vector<std::string> got;
  for (const char* address : {"127.0.0.2", "::1"}) {
    resolver.resolve(address, loop, [&](const Resolver::Answer& answer) {
      got.insert(got.end(), answer->begin(), answer->end());
    });
  }
  CHECK(got.empty());  // never inside the call
  CHECK(run_until(loop, [&] { return got.size() == 2; }));
  CHECK(got == std::vector<std::string>{"127.0.0.2", "::1"});
}

TEST_CASE("a name server that hangs for one host does not delay the others") {
  const SystemClock clock;
  AsioLoop loop(clock);
  const auto gate = std::make_shared<Gate>();
  const auto lookups = std::make_shared<std::atomic<int>>(0);
  Resolver resolver([gate, lookups](const std::string& host) -> Resolver::Answer {
    if (host == "hangs.example") {
      ++*lookups;
      gate->pass();
    }
    return std::vector<std::string>{"127.0.0.1"};
  });
  int hung = 0;
  int answered = 0;
  constexpr int kDevices = 200;
  for (int i = 0; i < kDevices; ++i) {
    resolver.resolve("hangs.example", loop, [&](const Resolver::Answer&) { ++hung; });
  }
  for (int i = 0; i < kDevices; ++i) {
    resolver.resolve("host-" + std::to_string(i) + ".example", loop,
                     [&](const Resolver::Answer& answer) { answered += answer ? 1 : 0; });
  }
  CHECK(run_until(loop, [&] { return answered == kDevices; }));
  CHECK(hung == 0);
  CHECK(lookups->load() <= 2);
  gate->open();
  CHECK(run_until(loop, [&] { return hung == kDevices; }));
}

TEST_CASE("a resolver goes at once although a lookup hangs, and nobody is called afterwards") {
  const SystemClock clock;
  AsioLoop loop(clock);
  const auto gate = std::make_shared<Gate>();
  const auto entered = std::make_shared<std::atomic<bool>>(false);
  bool called = false;
  {
    Resolver resolver([gate, entered](const std::string&) -> Resolver::Answer {
      *entered = true;
      gate->pass();
      return std::vector<std::string>{"127.0.0.1"};
    });
    resolver.resolve("hangs.example", loop, [&](const Resolver::Answer&) { called = true; });
    CHECK(run_until(loop, [&] { return entered->load(); }));
  }
  gate->open();
  int turns = 0;
  CHECK(run_until(loop, [&] { return ++turns == 5; }));
  CHECK_FALSE(called);
}

TEST_CASE("the system understands an address and names what it does not know") {
  const auto local = Resolver::system_lookup("127.0.0.1");
  REQUIRE(local);
  CHECK_FALSE(local->empty());
  const auto unknown = Resolver::system_lookup("no-such-host.invalid");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == ErrorCode::NameUnknown);
  CHECK(unknown.error().context.find("no-such-host.invalid") != std::string::npos);
}

}  // namespace
}  // namespace hubward::platform
