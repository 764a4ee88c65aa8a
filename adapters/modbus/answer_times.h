// How long units take to answer. Pure and single-threaded.
#pragma once

#include <chrono>
#include <optional>

namespace hubward::modbus {

// The time from the end of a request to the answer, without what the answer's own bytes take:
// smoothed with its mean deviation, as TCP does for its retransmissions (RFC 6298, section 2).
class AnswerTimes {
 public:
  void note(std::chrono::nanoseconds turnaround);
  // Nothing before the first answer.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> usual() const;
  // The mean and four deviations: hardly ever longer.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> longest() const;

 private:
  using Time = std::chrono::duration<double, std::nano>;
  bool any_ = false;
  Time mean_{0};
  Time deviation_{0};
};

}  // namespace hubward::modbus
