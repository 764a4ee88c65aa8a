#include "tests/bench/gateway/feed.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace hubward::bench {
namespace {

// Short against what is measured. At a low pace each reading comes by itself, as from an adapter.
constexpr std::chrono::nanoseconds kTickMin = std::chrono::milliseconds{1};
constexpr std::chrono::nanoseconds kTickMax = std::chrono::milliseconds{20};
// Nothing of the loop waits longer for us than this many deliveries take.
constexpr std::uint64_t kDeliveriesMax = 500;

std::chrono::nanoseconds tick_of(const FeedOrder& order) {
  if (order.messages_per_s <= 0) return kTickMin;
  const auto between = std::chrono::duration<double>(1 / order.messages_per_s);
  return std::clamp(std::chrono::duration_cast<std::chrono::nanoseconds>(between), kTickMin,
                    kTickMax);
}

}  // namespace

void Feed::start(const FeedOrder& order, std::function<void(std::string)> done) {
  order_ = order;
  done_ = std::move(done);
  started_ = gateway_.loop().clock().steady();
  fed_at_.reset();
  released_before_ = gateway_.outbox().released();
  gateway_.outbox().latencies().clear();
  fed_ = stored_ = refused_ = 0;
  tick();
}

Progress Feed::progress() const {
  return {.passed = gateway_.loop().clock().steady() - started_,
          .fed = fed_,
          .stored = stored_ + refused_,
          .acknowledged = gateway_.outbox().released() - released_before_};
}

void Feed::tick() {
  const SteadyTime now = gateway_.loop().clock().steady();
  for (auto left = std::min(due(order_, progress()), kDeliveriesMax); left > 0; --left) {
    if (next_device_ == 0) ++next_value_;
    ++fed_;
    gateway_.deliver(next_device_, next_value_,
                     [this](const Status& stored) { ++(stored ? stored_ : refused_); });
    next_device_ = (next_device_ + 1) % gateway_.devices();
  }
  if (!fed_at_ && is_fed(order_, progress())) fed_at_ = now;
  if (fed_at_) {
    const Progress so_far = progress();
    const bool arrived = so_far.acknowledged + refused_ >= so_far.fed;
    const bool late = now - *fed_at_ > std::chrono::duration<double>(order_.settle_s);
    const bool answered = so_far.stored >= so_far.fed;
    if (answered && (arrived || late)) return std::exchange(done_, nullptr)(report());
  }
  gateway_.loop().call_at(now + tick_of(order_), [this] { tick(); });
}

std::string Feed::report() const {
  const Progress so_far = progress();
  const std::chrono::duration<double> feeding = *fed_at_ - started_;
  const Latencies& latencies = gateway_.outbox().latencies();
  std::array<char, 400> text{};
  std::snprintf(
      text.data(), text.size(),
      R"({"fed":%llu,"refused":%llu,"acknowledged":%llu,"feeding_s":%.3f,"all_s":%.3f,)"
      R"("p50_ms":%.3f,"p99_ms":%.3f,"longest_ms":%.3f})",
      static_cast<unsigned long long>(so_far.fed), static_cast<unsigned long long>(refused_),
      static_cast<unsigned long long>(so_far.acknowledged), feeding.count(), so_far.passed.count(),
      latencies.quantile_ms(0.5), latencies.quantile_ms(0.99), latencies.longest_ms());
  return text.data();
}

}  // namespace hubward::bench
