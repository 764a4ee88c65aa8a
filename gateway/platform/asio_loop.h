// The event loop: carries out posted work, timers and socket readiness on the thread that runs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
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
  // Of the work that waits for its time. A free one keeps its number of uses.
  struct Waiting {
    std::function<void()> work;
    std::uint32_t uses = 0;
    bool is_set = false;
  };
  struct Due {
    SteadyTime at;
    std::uint64_t order;  // as set
    std::uint64_t id;
  };
  // For the heap functions of the standard library, which keep the greatest in front.
  struct Later {
    bool operator()(const Due& one, const Due& other) const {
      return one.at != other.at ? one.at > other.at : one.order > other.order;
    }
  };
  void run_posted();
  void run_timers();
  void arm_timer();
  [[nodiscard]] Waiting* find(std::uint64_t id);
  void give_back(Waiting& waiting);
  void forget_cancelled();

  const Clock& clock_;
  std::unique_ptr<asio::io_context> context_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<SocketWatch> sockets_;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;   // guarded by posted_mutex_
  std::vector<std::function<void()>> running_;  // the first ones have run
  std::size_t next_to_run_ = 0;                 // of running_

  // A heap of what is due when, and the work itself at fixed places: each message of each device
  // sets a timer and cancels one, so that both cost no allocation and no search. A cancelled one
  // stays in the heap until its time comes, or until more than half of the heap is such.
  std::vector<Due> due_;
  std::vector<Due> due_now_;
  std::vector<Waiting> waiting_;
  std::vector<std::uint32_t> free_;  // places in waiting_
  std::size_t cancelled_ = 0;        // entries of due_ and due_now_ without work
  std::uint64_t last_order_ = 0;
};

// The loop as the edges of platform/ need it. They work on an AsioLoop only: anything else is a bug
// in main.cc or a test.
[[nodiscard]] AsioLoop& as_asio(Loop& loop);

}  // namespace hubward::platform
