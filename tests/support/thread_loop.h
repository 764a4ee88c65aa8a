// A loop that a test runs by hand while other threads post to it. Timers are not offered.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "gateway/api/loop.h"

namespace hubward::test {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] bool wall_is_trusted() const override { return true; }
};

class ThreadLoop final : public Loop {
 public:
  void post(std::function<void()> work) override {
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(work));
    }
    changed_.notify_all();
  }
  TimerId call_at(SteadyTime, std::function<void()>) override { return {}; }
  void cancel(TimerId) override {}
  [[nodiscard]] const Clock& clock() const override { return clock_; }

  // Runs what is posted until `done` holds. False: it did not within the time.
  template <class Predicate>
  bool run_until(Predicate done, std::chrono::seconds timeout = std::chrono::seconds{30}) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!done()) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex_);
        // Short waits as well, for predicates that another thread makes true without a post.
        changed_.wait_for(lock, std::chrono::milliseconds{5}, [this] { return !posted_.empty(); });
        if (!posted_.empty()) {
          work = std::move(posted_.front());
          posted_.pop_front();
        }
      }
      if (work)
        work();
      else if (std::chrono::steady_clock::now() > deadline)
        return false;
    }
    return true;
  }

 private:
  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

}  // namespace hubward::test
