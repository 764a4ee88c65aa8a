#pragma once

#include <vector>

#include "gateway/config/device_part.h"
#include "gateway/config/problem.h"

namespace hubward::config {

// What only all device files together can show: an id twice, a unit id twice on one line, one port
// with two settings, topics that reach two devices, lines that cannot be polled so fast.
[[nodiscard]] std::vector<Problem> check_site(const std::vector<DevicePart>& devices);

// One entry for each line or endpoint, in the order of the first device on it.
[[nodiscard]] std::vector<modbus::BusSettings> group_buses(const std::vector<DevicePart>& devices);
[[nodiscard]] std::vector<serial::LineSettings> group_lines(const std::vector<DevicePart>& devices);

}  // namespace hubward::config
