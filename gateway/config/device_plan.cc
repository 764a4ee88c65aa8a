#include "gateway/config/device_plan.h"

#include <set>

#include "gateway/config/line_need.h"

namespace hubward::config {
namespace {

template <class Wanted>
std::vector<PlannedRequest> requests_for(const std::vector<modbus::PolledItem>& items,
                                         const modbus::ReadLimits& limits,
                                         const modbus::BusTiming& timing, const Wanted& wanted) {
  std::vector<modbus::ReadItem> reads;
  std::vector<std::size_t> tags;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!wanted(items[i])) continue;
    reads.push_back(items[i].item);
    tags.push_back(i);
  }
  std::vector<PlannedRequest> requests;
  for (const modbus::PlannedRead& read : modbus::plan_reads(reads, limits)) {
    auto& request = requests.emplace_back(
        PlannedRequest{read.request, {}, modbus::exchange_time(read.request, timing)});
    for (const std::size_t item : read.items) request.tags.push_back(tags[item]);
  }
  return requests;
}

}  // namespace

DevicePlan plan_of(const modbus::DeviceSettings& device, const modbus::BusTiming& timing) {
  const auto items = polled_items(device);
  DevicePlan plan{{}, {}, device_need(device, timing), modbus::read_limits(device.limits, timing)};
  std::set<std::chrono::milliseconds> intervals;
  for (const auto& polled : items) intervals.insert(polled.interval);
  for (const auto interval : intervals) {
    plan.rounds.push_back(
        {interval, requests_for(items, plan.limits, timing, [&](const modbus::PolledItem& polled) {
           return interval % polled.interval == std::chrono::milliseconds{0};
         })});
  }
  for (const auto& request :
       requests_for(items, plan.limits, timing, [](const auto&) { return true; })) {
    plan.everything += request.time;
  }
  return plan;
}

}  // namespace hubward::config
