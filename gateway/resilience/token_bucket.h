#pragma once

#include <optional>

#include "proto/time.h"

namespace hubward::resilience {

// A rate with a small burst. Within any period T at most burst + rate * (make-up + T) are taken.
class TokenBucket {
 public:
  // `per_second` > 0; `burst` >= 1. Starts full. Whoever comes later than next_at() has said finds
  // what has come in since, for up to `make_up_seconds`, on top of the burst.
  TokenBucket(double per_second, double burst, double make_up_seconds = 0);
  bool try_take(SteadyTime now);
  // Taken, and not used after all.
  void put_back();
  // The first instant at which try_take() may succeed, for one who waits.
  [[nodiscard]] SteadyTime next_at(SteadyTime now);

 private:
  void refill(SteadyTime now);

  double per_second_;
  double burst_;
  double make_up_seconds_;
  double tokens_;
  SteadyTime filled_at_{};
  std::optional<SteadyTime> awaited_at_;  // somebody was told to come then
};

}  // namespace hubward::resilience
