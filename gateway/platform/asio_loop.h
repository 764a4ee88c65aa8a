// The event loop: carries out posted work, timers and socket readiness on the thread that runs it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/api/loop.h"

namespace asio {
class io_context;
}

namespace hubward::platform {

class SocketWatch;

// post(), stop() and clock() from any thread, everything else on the thread inside run() (or on any
// one thread while nobody runs the loop). The loop outlives everything that was given it.
class AsioLoop final : public Loop {
 public:
  explicit AsioLoop(const Clock& clock);
  ~AsioLoop() override;  // not while running; work still waiting is destroyed, not run
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  // Runs until stop(). May be called again afterwards.
  void run() noexcept;
  void stop() noexcept;

  void post(std::function<void()> work) override;
  TimerId call_at(SteadyTime at, std::function<void()> work) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] const Clock& clock() const override { return clock_; }

  // For the edges in platform/ only.
  [[nodiscard]] asio::io_context& context() { return *context_; }
  [[nodiscard]] SocketWatch& sockets() { return *sockets_; }

 private:
  struct Timer;
  void run_posted();
  void run_timers();
  void arm_timer();

  const Clock& clock_;
  std::unique_ptr<asio::io_context> context_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<SocketWatch> sockets_;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  std::vector<std::function<void()>> running_;

  // Ordered by time and then by the order in which they were set.
  std::map<std::pair<SteadyTime, std::uint64_t>, std::function<void()>> timers_;
  std::unordered_map<std::uint64_t, SteadyTime> due_by_id_;
  std::uint64_t last_timer_id_ = 0;
};

// The loop as the edges of platform/ need it. They work on an AsioLoop only: anything else is a bug
// in main.cc or a test.
[[nodiscard]] AsioLoop& as_asio(Loop& loop);

}  // namespace hubward::platform
