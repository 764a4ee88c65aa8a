// How many telemetry messages a Modbus device makes: one for each answered request and component.
#pragma once

#include "adapters/modbus/settings.h"
#include "gateway/api/device_description.h"

namespace hubward::config {

// What a message carries besides its body: id, creation time, content type and encoding.
inline constexpr std::size_t kPropertiesBytes = 100;

struct MessageRate {
  double messages_a_day = 0;
  double blocks_of_4_kb = 0;
  double blocks_of_half_kb = 0;
  double requests_a_day = 0;
};

// Follows the bus adapter: tags that fall due at the same instant are read together where their
// registers lie close enough, and all that is read at one instant becomes one message for each
// component with telemetry in it. Tags that report on change count as if each reading were one.
[[nodiscard]] MessageRate modbus_rate(const modbus::DeviceSettings& device,
                                      const DeviceDescription& description,
                                      const modbus::BusTiming& timing);

}  // namespace hubward::config
