#include "gateway/resilience/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace hubward::resilience {
namespace {
// Sums of fractions of a token come out a hair below one; without this a waiter would be woken
// at the right instant and sent back to sleep.
constexpr double kRounding = 1e-6;
}  // namespace

TokenBucket::TokenBucket(double per_second, double burst, double make_up_seconds)
    : per_second_(per_second),
      burst_(std::max(1.0, burst)),
      make_up_seconds_(make_up_seconds),
      tokens_(burst_) {}

void TokenBucket::refill(SteadyTime now) {
  if (now <= filled_at_) return;
  const double elapsed = std::chrono::duration<double>(now - filled_at_).count();
  double most = burst_;
  if (awaited_at_ && now > *awaited_at_) {
    const double late = std::chrono::duration<double>(now - *awaited_at_).count();
    most += std::min(late, make_up_seconds_) * per_second_;
  }
  awaited_at_.reset();
  tokens_ = std::min(most, tokens_ + elapsed * per_second_);
  filled_at_ = now;
}

bool TokenBucket::try_take(SteadyTime now) {
  refill(now);
  if (tokens_ < 1.0 - kRounding) return false;
  tokens_ -= 1.0;
  return true;
}

void TokenBucket::put_back() { tokens_ = std::min(std::max(burst_, tokens_), tokens_ + 1.0); }

SteadyTime TokenBucket::next_at(SteadyTime now) {
  refill(now);
  if (tokens_ >= 1.0 - kRounding) return now;
  const double wait_ns = (1.0 - tokens_) / per_second_ * 1e9;
  awaited_at_ = now + std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil(wait_ns)));
  return *awaited_at_;
}

}  // namespace hubward::resilience
