#pragma once

#include <cstdint>

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// A request and the unit that it is for.
struct Ask {
  std::uint8_t unit = 1;
  Request request;
};

}  // namespace hubward::modbus
