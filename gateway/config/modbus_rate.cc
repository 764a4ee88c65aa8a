#include "gateway/config/modbus_rate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "proto/modbus/read_plan.h"

namespace hubward::config {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
// Instants looked at: intervals that fit into each other repeat long before.
constexpr std::size_t kInstantsMax = 5'000;

// Longer messages are split.
constexpr double kBodyBytesMax = 64 * 1024;

// The longest text of a value (gateway/device/tag_json writes the shortest one that reads back).
std::size_t text_max(const modbus::TagSettings& tag) {
  using enum modbus::ValueType;
  const bool scaled = tag.scale != 1 || tag.offset != 0;
  std::size_t longest_name = 0;
  for (const auto& [number, name] : tag.names) longest_name = std::max(longest_name, name.size());
  if (longest_name > 0) return std::max(longest_name, std::size_t{20}) + 2;
  switch (tag.type) {
    case Bool:
      return 5;
    case Text:
      return std::size_t{tag.text_bytes} + 2;
    case Int8:
    case Uint8:
    case Int16:
    case Uint16:
    case Bcd16:
      return scaled ? 24 : 6;
    case Int32:
    case Uint32:
    case Bcd32:
      return scaled ? 24 : 11;
    case Int48:
    case Uint48:
    case Int64:
    case Uint64:
      return scaled ? 24 : 20;
    default:
      return 24;
  }
}

// What one instant costs at which these tags fall due.
MessageRate at_instant(const modbus::DeviceSettings& device, const DeviceDescription& description,
                       const std::vector<std::size_t>& due, const modbus::ReadLimits& limits) {
  std::vector<modbus::ReadItem> items;
  for (const std::size_t tag : due) {
    items.push_back(
        {device.tags[tag].table, device.tags[tag].address, modbus::width(device.tags[tag])});
  }
  MessageRate cost;
  std::map<std::string, std::size_t> body_bytes;  // by component
  for (const auto& read : modbus::plan_reads(items, limits)) {
    cost.requests_a_day += 1;
    for (const std::size_t item : read.items) {
      const auto& tag = device.tags[due[item]];
      const TagDescription& described = description.tags[tag.tag.value];
      if (described.as != TagDescription::As::Telemetry) continue;
      body_bytes[described.component] += described.name.size() + text_max(tag) + 4;  // "":,
    }
  }
  // What is read at one instant is one message (gateway/device/telemetry), unless it is very long.
  for (const auto& [component, bytes] : body_bytes) {
    const auto size =
        static_cast<double>(bytes + component.size() + description.id.size() + kPropertiesBytes);
    cost.messages_a_day += std::ceil(static_cast<double>(bytes) / kBodyBytesMax);
    cost.blocks_of_4_kb += std::ceil(size / 4096);
    cost.blocks_of_half_kb += std::ceil(size / 512);
  }
  return cost;
}

// The span after which all intervals fall due together again, as far as that is soon.
std::int64_t period_of(const std::vector<std::int64_t>& intervals) {
  std::int64_t period = 1;
  for (const std::int64_t interval : intervals) {
    period = std::lcm(period, interval);
    if (period > kDayMs) return kDayMs;
  }
  return period;
}

}  // namespace

MessageRate modbus_rate(const modbus::DeviceSettings& device, const DeviceDescription& description,
                        const modbus::BusTiming& timing) {
  const modbus::ReadLimits limits = modbus::read_limits(device.limits, timing);
  std::vector<std::size_t> by_address(device.tags.size());
  std::iota(by_address.begin(), by_address.end(), std::size_t{0});
  std::ranges::sort(by_address, {}, [&](std::size_t tag) {
    const auto& settings = device.tags[tag];
    return std::tuple(settings.table, settings.address, modbus::width(settings), tag);
  });
  std::map<std::int64_t, std::int64_t> next_due;  // by interval, in ms
  std::vector<std::int64_t> intervals;
  for (const auto& tag : device.tags) {
    const std::int64_t interval = std::max<std::int64_t>(tag.interval.count(), 1);
    if (next_due.emplace(interval, 0).second) intervals.push_back(interval);
  }
  if (intervals.empty()) return {};
  const std::int64_t period = period_of(intervals);
  std::map<std::vector<std::int64_t>, MessageRate> known;  // by the intervals that fall due
  MessageRate sum;
  std::int64_t now = 0;
  for (std::size_t instants = 0; now < period && instants < kInstantsMax; ++instants) {
    std::vector<std::int64_t> due;
    for (auto& [interval, at] : next_due) {
      if (at != now) continue;
      due.push_back(interval);
      at += interval;
    }
    auto found = known.find(due);
    if (found == known.end()) {
      std::vector<std::size_t> tags;
      for (const std::size_t tag : by_address) {
        const std::int64_t interval = std::max<std::int64_t>(device.tags[tag].interval.count(), 1);
        if (std::ranges::find(due, interval) != due.end()) tags.push_back(tag);
      }
      found = known.emplace(due, at_instant(device, description, tags, limits)).first;
    }
    sum.messages_a_day += found->second.messages_a_day;
    sum.blocks_of_4_kb += found->second.blocks_of_4_kb;
    sum.blocks_of_half_kb += found->second.blocks_of_half_kb;
    sum.requests_a_day += found->second.requests_a_day;
    now =
        std::ranges::min_element(next_due, {}, [](const auto& one) { return one.second; })->second;
  }
  const double times = static_cast<double>(kDayMs) / static_cast<double>(now);
  sum.messages_a_day *= times;
  sum.blocks_of_4_kb *= times;
  sum.blocks_of_half_kb *= times;
  sum.requests_a_day *= times;
  return sum;
}

}  // namespace hubward::config
