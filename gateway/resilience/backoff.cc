#include "gateway/resilience/backoff.h"

#include <algorithm>
#include <cmath>

namespace hubward::resilience {

std::chrono::milliseconds Backoff::ceiling() const {
  const double grown =
      static_cast<double>(settings_.initial.count()) * std::pow(settings_.multiplier, steps_);
  const auto max = static_cast<double>(settings_.max.count());
  // Compared as doubles: after a week of failures the power no longer fits an integer.
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(grown, max)));
}

std::chrono::milliseconds Backoff::next(std::chrono::milliseconds floor) {
  const auto jittered = static_cast<double>(ceiling().count()) * random_->unit();
  ++steps_;
  return std::max(floor, std::chrono::milliseconds(static_cast<std::int64_t>(jittered)));
}

}  // namespace hubward::resilience
