// How busy the polling of one serial line would keep it.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/modbus/settings.h"

namespace hubward::config {

// The share of time (1 = always) that the requests and answers of all devices need at best: tags of
// one device, table and interval are read together where their registers touch, and devices answer
// at once. More than 1 cannot be done.
[[nodiscard]] double line_load(const SerialSettings& line,
                               const std::vector<modbus::DeviceSettings>& devices);

}  // namespace hubward::config
