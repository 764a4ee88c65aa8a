#pragma once

#include <vector>

#include "adapters/modbus/settings.h"
#include "gateway/config/device_file.h"
#include "gateway/config/report.h"

namespace hubward::config {

// Checks what the tags of a Modbus device say about its registers. Tags with errors come out with
// defaults in their place, so that TagIndex still fits.
[[nodiscard]] std::vector<modbus::TagSettings> modbus_tags(const std::vector<TagFields>& tags,
                                                           FileReport& report);

}  // namespace hubward::config
