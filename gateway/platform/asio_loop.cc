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

// Timers and sockets wait no longer than this, and one piece of work, for what was posted.
constexpr std::chrono::milliseconds kPostedMax{5};

// Of a timer's id: its place plus one below, the number of the place's use above.
constexpr unsigned kPlaceBits = 32;
constexpr std::uint64_t kPlaceMask = 0xFFFFFFFF;
// Fewer cancelled timers than this are not worth looking for.
constexpr std::size_t kCancelledMin = 64;

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
  while (!waiting_.empty() || !posted_.empty() || !running_.empty()) {
    due_.clear();
    free_.clear();
    const auto waiting = std::exchange(waiting_, {});
    const auto posted = std::exchange(posted_, {});
    const auto running = std::exchange(running_, {});
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
  if (next_to_run_ == running_.size()) {
    running_.clear();
    next_to_run_ = 0;
    const std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
  }
  const SteadyTime until = clock_.steady() + kPostedMax;
  while (next_to_run_ < running_.size()) {
    auto& work = running_[next_to_run_++];
    work();
    work = nullptr;  // what it holds goes now, not when the burst is over
    if (clock_.steady() >= until) break;
  }
  if (next_to_run_ < running_.size()) asio::post(*context_, [this] { run_posted(); });
}

AsioLoop::Waiting* AsioLoop::find(std::uint64_t id) {
  const std::uint64_t place = (id & kPlaceMask) - 1;
  if (place >= waiting_.size()) return nullptr;
  Waiting& waiting = waiting_[place];
  return waiting.is_set && waiting.uses == id >> kPlaceBits ? &waiting : nullptr;
}

void AsioLoop::give_back(Waiting& waiting) {
  waiting.is_set = false;
  free_.push_back(static_cast<std::uint32_t>(&waiting - waiting_.data()));
}

TimerId AsioLoop::call_at(SteadyTime at, std::function<void()> work) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(waiting_.size()));
    waiting_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  Waiting& waiting = waiting_[place];
  waiting = {std::move(work), waiting.uses + 1, true};
  const std::uint64_t id = std::uint64_t{waiting.uses} << kPlaceBits | (place + 1);
  due_.push_back({at, ++last_order_, id});
  std::push_heap(due_.begin(), due_.end(), Later{});
  arm_timer();
  return TimerId{id};
}

void AsioLoop::cancel(TimerId timer) {
  Waiting* const waiting = find(timer.value);
  if (waiting == nullptr) return;
  // Destroyed at the end: what it holds may set and cancel timers in its turn.
  const auto work = std::exchange(waiting->work, nullptr);
  give_back(*waiting);
  ++cancelled_;
  // An armed timer that finds nothing to do costs less than arming it anew at every cancel.
  if (cancelled_ > kCancelledMin && cancelled_ > due_.size() / 2) forget_cancelled();
}

void AsioLoop::forget_cancelled() {
  cancelled_ -= std::erase_if(due_, [this](const Due& due) { return find(due.id) == nullptr; });
  std::make_heap(due_.begin(), due_.end(), Later{});
}

void AsioLoop::arm_timer() {
  if (due_.empty()) return;
  const SteadyTime due = due_.front().at;
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
  const SteadyTime now = clock_.steady();
  while (!due_.empty() && due_.front().at <= now) {
    std::pop_heap(due_.begin(), due_.end(), Later{});
    due_now_.push_back(due_.back());
    due_.pop_back();
  }
  for (const Due& due : due_now_) {
    Waiting* const waiting = find(due.id);
    if (waiting == nullptr) {  // cancelled, perhaps by one that ran before it
      --cancelled_;
      continue;
    }
    const auto work = std::exchange(waiting->work, nullptr);
    give_back(*waiting);
    work();
  }
  due_now_.clear();
}

AsioLoop& as_asio(Loop& loop) {
  auto* const found = dynamic_cast<AsioLoop*>(&loop);
  assert(found != nullptr);
  return *found;
}

}  // namespace hubward::platform
