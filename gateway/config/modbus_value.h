#pragma once

#include <string>

#include "gateway/config/device_file.h"
#include "gateway/config/report.h"
#include "proto/modbus/value.h"

namespace hubward::config {

// How a Modbus tag's value stands in its registers, as the file says it. `pointer` is the tag's.
[[nodiscard]] modbus::ValueFormat value_format(const TagFields& tag, const std::string& pointer,
                                               FileReport& report);

}  // namespace hubward::config
