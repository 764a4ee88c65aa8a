// How many registrations a minute DPS takes from all devices together (reference section 4.5).
#pragma once

#include <algorithm>

#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

// A bucket that holds one minute's worth.
class RegistrationLimit {
 public:
  // 0: no limit.
  explicit RegistrationLimit(double per_minute) : per_minute_(per_minute), left_(per_minute) {}

  // False: this one is over the limit.
  bool take(SteadyTime now) {
    if (per_minute_ <= 0) return true;
    const std::chrono::duration<double> elapsed = now - filled_at_;
    left_ = std::min(per_minute_, left_ + elapsed.count() * per_minute_ / 60.0);
    filled_at_ = now;
    if (left_ < 1.0) return false;
    left_ -= 1.0;
    return true;
  }

 private:
  double per_minute_;
  double left_;
  SteadyTime filled_at_{};
};

}  // namespace hubward::simcloud
