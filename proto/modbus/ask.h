#pragma once

#include <cstdint>

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// A request and the unit that it is for. On a serial line 0 is all units: the answer is then
// SentToAll.
struct Ask {
  std::uint8_t unit = 1;
  Request request;
};

}  // namespace hubward::modbus
