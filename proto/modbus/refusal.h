#pragma once

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// With these answers nothing was written. "Server device failure" may come half-way through,
// "acknowledge" means it is still at it, and a gateway's time-out says nothing about the device
// behind it.
[[nodiscard]] constexpr bool leaves_unwritten(ExceptionCode code) {
  switch (code) {
    case ExceptionCode::IllegalFunction:
    case ExceptionCode::IllegalDataAddress:
    case ExceptionCode::IllegalDataValue:
    case ExceptionCode::ServerDeviceBusy:
    case ExceptionCode::NegativeAcknowledge:
    case ExceptionCode::MemoryParityError:
    case ExceptionCode::GatewayPathUnavailable:
      return true;
    default:
      return false;
  }
}

}  // namespace hubward::modbus
