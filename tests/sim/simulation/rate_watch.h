// Whether attempts keep to a token bucket's rate in every window of time, whatever its length.
#pragma once

#include <algorithm>
#include <chrono>

#include "proto/time.h"

namespace hubward::simulation {

class RateWatch {
 public:
  // At most `burst` at once and `per_second` over any longer time.
  RateWatch(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  // False: one too many.
  bool count(SteadyTime now) {
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    level_ = std::max(0.0, level_ - elapsed * per_second_) + 1;
    last_ = now;
    return level_ <= burst_ + kRounding;
  }

 private:
  static constexpr double kRounding = 0.01;
  double per_second_;
  double burst_;
  double level_ = 0;
  SteadyTime last_{};
};

}  // namespace hubward::simulation
