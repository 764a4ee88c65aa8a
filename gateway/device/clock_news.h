// What devices are told about this computer's clock.
#pragma once

#include <chrono>

#include "gateway/device/restamp.h"

namespace hubward::device {

struct ClockNews {
  ClockSight sight;                     // how times of readings are corrected from now on
  std::chrono::milliseconds set_by{0};  // the wall clock was set; 0: not
  // What failed because of the clock may be tried again at once.
  bool try_again = false;
  // Tokens that end before their planned renewal, by the new time, are made anew within this time,
  // each at a moment of its own; 0: none.
  std::chrono::milliseconds renew_within{0};
};

}  // namespace hubward::device
