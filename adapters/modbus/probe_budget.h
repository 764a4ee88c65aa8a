// What silent units may cost those that answer. Pure and single-threaded.
#pragma once

#include <algorithm>
#include <chrono>

#include "proto/time.h"

namespace hubward::modbus {

// Asking a silent unit holds the line until its time-out. Where that delays others it is paid from
// here, so that all silent units of a line together never take more than kShare of it, however many
// they are.
class ProbeBudget {
 public:
  // Eight silent units at 9600 baud, each asked every 8 seconds and given 30 ms, need 4.3 %.
  static constexpr double kShare = 0.045;
  static constexpr std::chrono::milliseconds kSavedMax{1200};

  explicit ProbeBudget(SteadyTime start, double share = kShare,
                       std::chrono::milliseconds saved_max = kSavedMax)
      : at_(start), share_(share), saved_max_(saved_max) {}

  [[nodiscard]] bool affords(std::chrono::nanoseconds cost, SteadyTime now) {
    return saved(now) >= std::min<Time>(cost, saved_max_);
  }
  void spend(std::chrono::nanoseconds cost, SteadyTime now) { saved_ = saved(now) - cost; }
  // When what is owed will have been paid.
  [[nodiscard]] SteadyTime in_credit_at(SteadyTime now) {
    const Time owed = -std::min(saved(now), Time{0});
    return now + std::chrono::ceil<std::chrono::nanoseconds>(owed / share_);
  }

 private:
  using Time = std::chrono::duration<double, std::nano>;
  Time saved(SteadyTime now) {
    if (now > at_) {
      saved_ = std::min<Time>(saved_ + Time(now - at_) * share_, saved_max_);
      at_ = now;
    }
    return saved_;
  }
  SteadyTime at_;
  double share_;
  std::chrono::milliseconds saved_max_;
  Time saved_{0};
};

}  // namespace hubward::modbus
