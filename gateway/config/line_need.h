// How busy the polling of one line would keep it.
#pragma once

#include "adapters/modbus/settings.h"

namespace hubward::config {

// Of all devices together.
[[nodiscard]] modbus::BusNeed line_need(const modbus::BusSettings& bus,
                                        const modbus::BusTiming& timing);

}  // namespace hubward::config
