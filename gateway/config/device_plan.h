// What one Modbus device is asked, as `hubward plan` shows it.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "adapters/modbus/settings.h"

namespace hubward::config {

struct PlannedRequest {
  modbus::ReadRequest read;
  std::vector<std::size_t> tags;  // places in DeviceSettings::tags
  std::chrono::nanoseconds time;  // of the bus
};

// What is asked when the tags of one interval fall due, together with those of shorter intervals
// that are due then as well.
struct PlannedRound {
  std::chrono::milliseconds interval;
  std::vector<PlannedRequest> requests;
};

struct DevicePlan {
  std::vector<PlannedRound> rounds;     // shortest interval first
  std::chrono::nanoseconds everything;  // all tags once
  modbus::BusNeed need;
  modbus::ReadLimits limits;
};

[[nodiscard]] DevicePlan plan_of(const modbus::DeviceSettings& device,
                                 const modbus::BusTiming& timing);

}  // namespace hubward::config
