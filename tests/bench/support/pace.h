// How many messages are due: a rate, a number of messages that may be under way, or both.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "proto/json.h"

namespace hubward::bench {

// As the order "feed" says it. Zero: no such limit.
struct FeedOrder {
  double messages_per_s = 0;
  double seconds = 0;
  std::uint64_t messages = 0;    // in all
  std::uint64_t under_way = 0;   // fed and not acknowledged by the hub
  std::uint64_t not_stored = 0;  // fed and not yet in the outbox
  double settle_s = 30;          // at the end: how long what is under way may take

  static FeedOrder from(const json::Value& order) {
    const auto number = [&](const char* name, double otherwise) {
      return json::as_double(json::find(order, name)).value_or(otherwise);
    };
    FeedOrder feed;
    feed.messages_per_s = number("messages_per_s", 0);
    feed.seconds = number("seconds", 0);
    feed.messages = static_cast<std::uint64_t>(number("messages", 0));
    feed.under_way = static_cast<std::uint64_t>(number("under_way", 0));
    feed.not_stored = static_cast<std::uint64_t>(number("not_stored", 0));
    feed.settle_s = number("settle_s", 30);
    return feed;
  }
};

// What has been done of an order.
struct Progress {
  std::chrono::duration<double> passed{0};
  std::uint64_t fed = 0;
  std::uint64_t stored = 0;  // or refused: answered, either way
  std::uint64_t acknowledged = 0;
};

[[nodiscard]] inline bool is_fed(const FeedOrder& order, const Progress& now) {
  return (order.seconds > 0 && now.passed.count() >= order.seconds) ||
         (order.messages > 0 && now.fed >= order.messages);
}

[[nodiscard]] inline std::uint64_t due(const FeedOrder& order, const Progress& now) {
  if (is_fed(order, now)) return 0;
  std::uint64_t until = std::numeric_limits<std::uint64_t>::max();
  if (order.messages_per_s > 0) {
    until = static_cast<std::uint64_t>(now.passed.count() * order.messages_per_s);
  }
  if (order.messages > 0) until = std::min(until, order.messages);
  if (order.under_way > 0) until = std::min(until, now.acknowledged + order.under_way);
  if (order.not_stored > 0) until = std::min(until, now.stored + order.not_stored);
  return until > now.fed ? until - now.fed : 0;
}

}  // namespace hubward::bench
