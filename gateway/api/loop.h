// The event loop as everything outside platform/ sees it. A device and a bus belong to one loop for
// life; all their state is touched on it only.
#pragma once

#include <cstdint>
#include <functional>

#include "gateway/api/clock.h"

namespace hubward {

struct TimerId {
  std::uint64_t value = 0;  // 0: no timer
  friend bool operator==(TimerId, TimerId) = default;
};

class Loop {
 public:
  virtual ~Loop() = default;
  // From any thread. Runs `work` on the loop, never inside this call, in the order posted.
  virtual void post(std::function<void()> work) = 0;
  // On the loop only. Runs `work` once at or after `at`; timers due together run in the order set.
  virtual TimerId call_at(SteadyTime at, std::function<void()> work) = 0;
  // On the loop only. After it returns the timer's work does not run. Unknown or fired ids are
  // fine.
  virtual void cancel(TimerId timer) = 0;
  [[nodiscard]] virtual const Clock& clock() const = 0;
};

}  // namespace hubward
