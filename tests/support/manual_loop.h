// An event loop on simulated time: nothing happens until the test says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "gateway/api/loop.h"
#include "tests/support/manual_clock.h"

namespace hubward::test {

class ManualLoop final : public Loop {
 public:
  explicit ManualLoop(ManualClock& clock) : clock_(clock) {}

  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  TimerId call_at(SteadyTime at, std::function<void()> work) override {
    const std::uint64_t id = ++last_id_;
    timers_.emplace(std::pair{at, id}, std::move(work));
    due_by_id_.emplace(id, at);
    return TimerId{id};
  }
  void cancel(TimerId timer) override {
    const auto due = due_by_id_.find(timer.value);
    if (due == due_by_id_.end()) return;
    timers_.erase({due->second, timer.value});
    due_by_id_.erase(due);
  }
  [[nodiscard]] const Clock& clock() const override { return clock_; }

  // Runs everything posted, including what that posts.
  void run_posted() {
    while (!posted_.empty()) {
      auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }

  // How much waits here: for tests that nothing grows without bound.
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }
  [[nodiscard]] std::size_t posted() const { return posted_.size(); }

  [[nodiscard]] std::optional<SteadyTime> next_timer() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
  }

  // Moves the clock on to `to`, running timers and posted work at their own instants.
  void run_until(SteadyTime to) {
    run_posted();
    while (!timers_.empty() && timers_.begin()->first.first <= to) {
      auto node = timers_.extract(timers_.begin());
      due_by_id_.erase(node.key().second);
      if (node.key().first > clock_.steady()) clock_.set_steady(node.key().first);
      node.mapped()();
      run_posted();
    }
    if (to > clock_.steady()) clock_.set_steady(to);
  }
  void run_for(std::chrono::nanoseconds duration) { run_until(clock_.steady() + duration); }

 private:
  ManualClock& clock_;
  std::deque<std::function<void()>> posted_;
  // Ordered by time and then by the order in which they were set.
  std::map<std::pair<SteadyTime, std::uint64_t>, std::function<void()>> timers_;
  std::map<std::uint64_t, SteadyTime> due_by_id_;
  std::uint64_t last_id_ = 0;
};

}  // namespace hubward::test
