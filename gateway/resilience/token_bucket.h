#pragma once

#include "proto/time.h"

namespace hubward::resilience {

// A rate with a small burst. Within any period T at most burst + rate * T are taken.
class TokenBucket {
 public:
  // `per_second` > 0; `burst` >= 1. Starts full.
  TokenBucket(double per_second, double burst);
  bool try_take(SteadyTime now);
  // Taken, and not used after all.
  void put_back();
  // The first instant at which try_take() may succeed.
  [[nodiscard]] SteadyTime next_at(SteadyTime now);

 private:
  void refill(SteadyTime now);

  double per_second_;
  double burst_;
  double tokens_;
  SteadyTime filled_at_{};
};

}  // namespace hubward::resilience
