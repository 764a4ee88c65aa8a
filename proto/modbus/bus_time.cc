#include "proto/modbus/bus_time.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

namespace hubward::modbus {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::size_t kFrameOverheadBytes = 3;  // unit and checksum
constexpr std::size_t kReadRequestBytes = 5 + kFrameOverheadBytes;
constexpr std::size_t kReadAnswerBytes = 2 + kFrameOverheadBytes;  // without data
constexpr std::size_t kRegisterBytes = 2;

// Instants looked at: intervals that fit into each other repeat long before.
constexpr std::size_t kInstantsMax = 5'000;
constexpr std::int64_t kDayMs = 86'400'000;

// The span after which all intervals fall due together again, as far as that is soon.
std::int64_t period_of(const std::map<std::int64_t, std::int64_t>& next_due) {
  std::int64_t period = 1;
  for (const auto& [interval, at] : next_due) {
    period = std::lcm(period, interval);
    if (period > kDayMs) return kDayMs;
  }
  return period;
}

struct Cost {
  double seconds = 0;
  double requests = 0;
};

Cost cost_of(std::span<const PolledItem> items, const std::vector<std::int64_t>& due,
             const ReadLimits& limits, const BusTiming& timing) {
  std::vector<ReadItem> reads;
  for (const PolledItem& polled : items) {
    if (std::ranges::binary_search(due, polled.interval.count())) reads.push_back(polled.item);
  }
  Cost cost;
  for (const PlannedRead& read : plan_reads(reads, limits)) {
    cost.seconds += Seconds(exchange_time(read.request, timing)).count();
    cost.requests += 1;
  }
  return cost;
}

}  // namespace

std::chrono::nanoseconds exchange_time(const ReadRequest& read, const BusTiming& timing) {
  if (!timing.serial) return timing.turnaround;
  const std::size_t bytes = kReadRequestBytes + answer_bytes(read) + kFrameOverheadBytes;
  return timing.serial->time_for(bytes) + 2 * timing.serial->t3_5 + timing.turnaround;
}

std::uint16_t gap_worth_reading(const BusTiming& timing) {
  if (!timing.serial) return kGapMax;
  const auto request = timing.serial->time_for(kReadRequestBytes + kReadAnswerBytes) +
                       2 * timing.serial->t3_5 + timing.turnaround;
  const auto registers = request / timing.serial->time_for(kRegisterBytes);
  return static_cast<std::uint16_t>(std::clamp<std::int64_t>(registers, 0, kGapMax));
}

BusNeed bus_need(std::span<const PolledItem> items, const ReadLimits& limits,
                 const BusTiming& timing) {
  std::map<std::int64_t, std::int64_t> next_due;  // by interval, in ms
  for (const PolledItem& polled : items) {
    next_due.emplace(std::max<std::int64_t>(polled.interval.count(), 1), 0);
  }
  if (next_due.empty()) return {};
  const std::int64_t period = period_of(next_due);
  std::map<std::vector<std::int64_t>, Cost> known;  // by the intervals that fall due
  Cost sum;
  std::int64_t now = 0;
  for (std::size_t instants = 0; now < period && instants < kInstantsMax; ++instants) {
    std::vector<std::int64_t> due;
    std::int64_t next = std::numeric_limits<std::int64_t>::max();
    for (auto& [interval, at] : next_due) {
      if (at == now) {
        due.push_back(interval);
        at += interval;
      }
      next = std::min(next, at);
    }
    auto found = known.find(due);
    if (found == known.end()) {
      found = known.emplace(due, cost_of(items, due, limits, timing)).first;
    }
    sum.seconds += found->second.seconds;
    sum.requests += found->second.requests;
    now = next;
  }
  const double span_s = static_cast<double>(now) / 1000;
  return {sum.seconds / span_s, sum.requests / span_s};
}

}  // namespace hubward::modbus
