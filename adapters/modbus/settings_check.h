#pragma once

#include "adapters/modbus/settings.h"
#include "proto/result.h"

namespace hubward::modbus {

// ConfigInvalid, with the reason in words, for settings that no bus can have: two devices on one
// unit id, an address outside the protocol, a tag that does not fit its table.
[[nodiscard]] Status check(const BusSettings& settings);

}  // namespace hubward::modbus
