// Exponential back-off with full jitter.
#pragma once

#include <chrono>

#include "gateway/api/random_source.h"

namespace hubward::resilience {

struct BackoffSettings {
  std::chrono::milliseconds initial{1000};
  std::chrono::milliseconds max{300000};
  double multiplier = 2.0;
};

// One device's pauses between attempts. The n-th is drawn uniformly from 0 to
// min(max, initial * multiplier^n): full jitter, also at the maximum, so that devices that failed
// together do not come back together.
class Backoff {
 public:
  Backoff(BackoffSettings settings, RandomSource& random) : settings_(settings), random_(&random) {}

  // The next pause, at least `floor` (a service fault or its own retry-after asks for one).
  std::chrono::milliseconds next(std::chrono::milliseconds floor = {});
  // A step without a pause.
  void grow() { ++steps_; }
  // Only after the link has stayed up for a while, never on a mere successful connect.
  void reset() { steps_ = 0; }
  [[nodiscard]] unsigned steps() const { return steps_; }
  // Goes on where an earlier process stood.
  void resume(unsigned steps) { steps_ = steps; }
  // The longest pause that next() could return now, without a floor.
  [[nodiscard]] std::chrono::milliseconds ceiling() const;

 private:
  BackoffSettings settings_;
  RandomSource* random_;
  unsigned steps_ = 0;
};

}  // namespace hubward::resilience
