#pragma once

#include <chrono>
#include <cstdint>

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// A request and the unit that it is for. On a serial line 0 is all units: the answer is then
// SentToAll.
struct Ask {
  std::uint8_t unit = 1;
  Request request;
};

// A unit that is there and has no function 43 may need its time to say so: libmodbus waits for half
// a second, and throws away what it is sent meanwhile.
inline constexpr std::chrono::milliseconds kIdentificationTimeMin{1000};

}  // namespace hubward::modbus
