#include "gateway/platform/asio_loop.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "gateway/platform/socket_watch.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/run_until.h"

namespace hubward::platform {
namespace {

using namespace std::chrono_literals;
using test::run_until;

TEST_CASE("posted work runs in the order posted, on the loop, never inside post()") {
  const SystemClock clock;
  AsioLoop loop(clock);
  std::vector<int> ran;
  loop.post([&] {
    loop.post([&] { ran.push_back(3); });
    ran.push_back(1);
  });
  loop.post([&] { ran.push_back(2); });
  CHECK(ran.empty());
  CHECK(run_until(loop, [&] { return ran.size() == 3; }));
  CHECK(ran == std::vector{1, 2, 3});
}

TEST_CASE("work posted by many threads arrives once each") {
  const SystemClock clock;
  AsioLoop loop(clock);
  constexpr int kThreads = 4;
  constexpr int kEach = 1000;
  int count = 0;  // on the loop only
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < kEach; ++j) loop.post([&] { ++count; });
      });
    }
    CHECK(run_until(loop, [&] { return count == kThreads * kEach; }));
  }
  CHECK(count == kThreads * kEach);
}

TEST_CASE("timers run at their time, those of one instant in the order set") {
  const SystemClock clock;
  AsioLoop loop(clock);
  std::vector<int> ran;
  const SteadyTime now = clock.steady();
  loop.call_at(now + 20ms, [&] {
    ran.push_back(3);
    CHECK(clock.steady() >= now + 20ms);
  });
  loop.call_at(now + 5ms, [&] { ran.push_back(1); });
  loop.call_at(now + 5ms, [&] { ran.push_back(2); });
  CHECK(run_until(loop, [&] { return ran.size() == 3; }));
  CHECK(ran == std::vector{1, 2, 3});
}

TEST_CASE("a timer that sets itself again for a moment that has passed starves nobody") {
  const SystemClock clock;
  AsioLoop loop(clock);
  bool posted_ran = false;
  int rounds = 0;
  const SteadyTime passed = clock.steady() - 1s;
  std::function<void()> again = [&] {
    // Bounded, so that a loop that starves others fails this test instead of hanging it.
    if (posted_ran || ++rounds > 1000) return;
    loop.post([&] { posted_ran = true; });
    loop.call_at(passed, again);
  };
  loop.call_at(passed, again);
  CHECK(run_until(loop, [&] { return posted_ran; }));
  CHECK(rounds <= 2);
}

TEST_CASE("a timer that cancels one due at the same time is obeyed") {
  const SystemClock clock;
  AsioLoop loop(clock);
  const SteadyTime passed = clock.steady() - 1s;
  bool ran = false;
  bool done = false;
  TimerId second{};
  loop.call_at(passed, [&] { loop.cancel(second); });
  second = loop.call_at(passed, [&] { ran = true; });
  loop.call_at(passed, [&] { done = true; });
  CHECK(run_until(loop, [&] { return done; }));
  CHECK_FALSE(ran);
}

TEST_CASE("a cancelled timer does not run, even when it is due at once") {
  const SystemClock clock;
  AsioLoop loop(clock);
  bool ran = false;
  bool last = false;
  const SteadyTime now = clock.steady();
  TimerId victim;
  loop.call_at(now, [&] { loop.cancel(victim); });
  victim = loop.call_at(now, [&] { ran = true; });
  loop.call_at(now, [&] { last = true; });
  CHECK(run_until(loop, [&] { return last; }));
  CHECK_FALSE(ran);
  loop.cancel(victim);  // fired and unknown ids are fine
  loop.cancel(TimerId{});
}

TEST_CASE("thousands of timers that are set and cancelled again do not disturb those that wait") {
  const SystemClock clock;
  AsioLoop loop(clock);
  const SteadyTime now = clock.steady();
  std::vector<int> order;
  std::vector<TimerId> kept;
  for (int i = 0; i < 5000; ++i) {
    const SteadyTime at = now + std::chrono::microseconds{(i * 7919) % 5000};
    const TimerId gone = loop.call_at(at, [&] { order.push_back(-1); });
    if (i % 10 == 0) {
      const int wanted = (i * 7919) % 5000;
      kept.push_back(loop.call_at(at, [&order, wanted] { order.push_back(wanted); }));
    }
    loop.cancel(gone);
    loop.cancel(gone);  // its place may be another one's by now
  }
  CHECK(run_until(loop, [&] { return order.size() == kept.size(); }));
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(order.front() == 0);
}

TEST_CASE("much posted work at once does not keep the timers waiting, and stays in order") {
  const SystemClock clock;
  AsioLoop loop(clock);
  constexpr int kPieces = 200;
  std::vector<int> order;
  std::size_t done_before_timer = 0;
  for (int i = 0; i < kPieces; ++i) {
    loop.post([&, i] {
      order.push_back(i);
      if (i == 0) loop.post([&] { order.push_back(kPieces); });
      const SteadyTime until = clock.steady() + std::chrono::milliseconds{1};
      while (clock.steady() < until) continue;
    });
  }
  loop.call_at(clock.steady() + std::chrono::milliseconds{1},
               [&] { done_before_timer = order.size(); });
  CHECK(run_until(loop, [&] { return order.size() == kPieces + 1; }));
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(done_before_timer > 0);
  CHECK(done_before_timer < kPieces / 2);
}

TEST_CASE("a loop that goes takes its waiting work along") {
  const SystemClock clock;
  const auto held = std::make_shared<int>(1);
  {
    AsioLoop loop(clock);
    loop.post([held] {});
    loop.call_at(clock.steady() + 1h, [held] {});
    CHECK(held.use_count() == 3);
  }
  CHECK(held.use_count() == 1);
}

struct Recorder final : SocketEvents {
  void on_ready(Ready ready) override {
    ++calls;
    last = ready;
    if (then) then();
  }
  int calls = 0;
  Ready last;
  std::function<void()> then;
};

TEST_CASE("a watched socket reports data, hang-up, and nothing once removed") {
  const SystemClock clock;
  AsioLoop loop(clock);
  std::array<int, 2> pair{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()) == 0);
  Recorder events;
  const WatchId watch = loop.sockets().add(pair[0], events, false);
  REQUIRE(watch.value != 0);

  REQUIRE(write(pair[1], "x", 1) == 1);
  CHECK(run_until(loop, [&] { return events.calls > 0; }));
  CHECK(events.last.readable);
  CHECK_FALSE(events.last.writable);

  loop.sockets().want(watch, false, true);
  CHECK(run_until(loop, [&] { return events.last.writable; }));
  CHECK_FALSE(events.last.readable);

  loop.sockets().want(watch, true, false);
  close(pair[1]);
  CHECK(run_until(loop, [&] { return events.last.hung_up; }));

  loop.sockets().remove(watch);
  const int calls = events.calls;
  int turns = 0;
  CHECK(run_until(loop, [&] { return ++turns == 5; }));
  CHECK(events.calls == calls);
  close(pair[0]);
}

TEST_CASE("a watch removed by another event of the same turn stays silent") {
  const SystemClock clock;
  AsioLoop loop(clock);
  std::array<int, 2> one{};
  std::array<int, 2> two{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, one.data()) == 0);
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, two.data()) == 0);
  REQUIRE(write(one[1], "x", 1) == 1);
  REQUIRE(write(two[1], "x", 1) == 1);
  Recorder first;
  Recorder second;
  WatchId watches[2] = {loop.sockets().add(one[0], first, false),
                        loop.sockets().add(two[0], second, false)};
  const auto remove_both = [&] {
    loop.sockets().remove(watches[0]);
    loop.sockets().remove(watches[1]);
  };
  first.then = remove_both;
  second.then = remove_both;
  CHECK(run_until(loop, [&] { return first.calls + second.calls > 0; }));
  CHECK(first.calls + second.calls == 1);
  for (const int descriptor : {one[0], one[1], two[0], two[1]}) close(descriptor);
}

}  // namespace
}  // namespace hubward::platform
