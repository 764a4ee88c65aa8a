// How busy the polling of one line would keep it.
#pragma once

#include <vector>

#include "adapters/modbus/settings.h"

namespace hubward::config {

[[nodiscard]] std::vector<modbus::PolledItem> polled_items(const modbus::DeviceSettings& device);

[[nodiscard]] modbus::BusNeed device_need(const modbus::DeviceSettings& device,
                                          const modbus::BusTiming& timing);
// Of all devices together.
[[nodiscard]] modbus::BusNeed line_need(const modbus::BusSettings& bus,
                                        const modbus::BusTiming& timing);

}  // namespace hubward::config
