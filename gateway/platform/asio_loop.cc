#include "gateway/platform/asio_loop.h"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <cassert>
#include <optional>

#include "gateway/platform/socket_watch.h"

namespace hubward::platform {
namespace {

// The clock counts the time a machine sleeps and Asio's timer does not, so that a long wait is
// looked at again this often.
constexpr std::chrono::seconds kTimerSleepMax{60};

}  // namespace

struct AsioLoop::Timer {
  explicit Timer(asio::io_context& context) : timer(context), guard(context.get_executor()) {}
  asio::steady_timer timer;
  std::optional<SteadyTime> armed_for;
  asio::executor_work_guard<asio::io_context::executor_type> guard;
};

AsioLoop::AsioLoop(const Clock& clock)
    : clock_(clock),
      context_(std::make_unique<asio::io_context>(1)),  // one thread runs it
      timer_(std::make_unique<Timer>(*context_)),
      sockets_(std::make_unique<SocketWatch>(*context_)) {}

AsioLoop::~AsioLoop() {
  // What waits may own links, whose destructors cancel timers and watches: all that must still be
  // there while it goes.
  while (!timers_.empty() || !posted_.empty()) {
    due_by_id_.clear();
    const auto timers = std::exchange(timers_, {});
    const auto posted = std::exchange(posted_, {});
  }
}

void AsioLoop::run() noexcept {
  context_->restart();
  context_->run();
}

void AsioLoop::stop() noexcept { context_->stop(); }

void AsioLoop::post(std::function<void()> work) {
  bool first = false;
  {
    const std::lock_guard lock(posted_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  // One wake-up for a whole burst.
  if (first) asio::post(*context_, [this] { run_posted(); });
}

void AsioLoop::run_posted() {
  {
    const std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
  }
  for (auto& work : running_) {
    work();
    work = nullptr;  // what it holds goes now, not when the burst is over
  }
  running_.clear();
}

TimerId AsioLoop::call_at(SteadyTime at, std::function<void()> work) {
  const std::uint64_t id = ++last_timer_id_;
  timers_.emplace(std::pair{at, id}, std::move(work));
  due_by_id_.emplace(id, at);
  arm_timer();
  return TimerId{id};
}

void AsioLoop::cancel(TimerId timer) {
  const auto due = due_by_id_.find(timer.value);
  if (due == due_by_id_.end()) return;
  // An armed timer that finds nothing to do costs less than arming it anew at every cancel.
  timers_.erase({due->second, timer.value});
  due_by_id_.erase(due);
}

void AsioLoop::arm_timer() {
  if (timers_.empty()) return;
  const SteadyTime due = timers_.begin()->first.first;
  if (timer_->armed_for && *timer_->armed_for <= due) return;
  timer_->armed_for = due;
  const auto wait = std::clamp<std::chrono::nanoseconds>(
      due - clock_.steady(), std::chrono::nanoseconds{0}, kTimerSleepMax);
  timer_->timer.expires_after(wait);
  timer_->timer.async_wait([this](const std::error_code& error) {
    if (error) return;  // armed anew for an earlier time
    timer_->armed_for.reset();
    run_timers();
    arm_timer();
  });
}

void AsioLoop::run_timers() {
  // Only what was set before and is due now: a timer that sets another one for "now", or for a
  // moment that has passed, must not starve the sockets and the posted work.
  const auto end = timers_.upper_bound({clock_.steady(), last_timer_id_});
  std::vector<std::pair<SteadyTime, std::uint64_t>> due;
  for (auto timer = timers_.begin(); timer != end; ++timer) due.push_back(timer->first);
  for (const auto& key : due) {
    auto node = timers_.extract(key);
    if (node.empty()) continue;  // cancelled by one that ran before it
    due_by_id_.erase(key.second);
    node.mapped()();
  }
}

AsioLoop& as_asio(Loop& loop) {
  auto* const found = dynamic_cast<AsioLoop*>(&loop);
  assert(found != nullptr);
  return *found;
}

}  // namespace hubward::platform
