// Which MQTT a client or a packet speaks. The values are the protocol levels of CONNECT.
#pragma once

#include <cstdint>

namespace hubward::mqtt {

enum class Version : std::uint8_t { V311 = 4, V5 = 5 };

}  // namespace hubward::mqtt
