#include "proto/modbus/pdu.h"

namespace hubward::modbus {

std::string describe(ExceptionCode code) {
  const char* name = "not in the standard";
  switch (code) {
    case ExceptionCode::IllegalFunction:
      name = "illegal function";
      break;
    case ExceptionCode::IllegalDataAddress:
      name = "illegal data address";
      break;
    case ExceptionCode::IllegalDataValue:
      name = "illegal data value";
      break;
    case ExceptionCode::ServerDeviceFailure:
      name = "server device failure";
      break;
    case ExceptionCode::Acknowledge:
      name = "acknowledge";
      break;
    case ExceptionCode::ServerDeviceBusy:
      name = "server device busy";
      break;
    case ExceptionCode::NegativeAcknowledge:
      name = "negative acknowledge";
      break;
    case ExceptionCode::MemoryParityError:
      name = "memory parity error";
      break;
    case ExceptionCode::GatewayPathUnavailable:
      name = "gateway path unavailable";
      break;
    case ExceptionCode::GatewayTargetFailedToRespond:
      name = "gateway target device failed to respond";
      break;
  }
  return "exception " + std::to_string(static_cast<unsigned>(code)) + ", " + name;
}

ErrorCode failure_of(ExceptionCode code) {
  switch (code) {
    case ExceptionCode::IllegalFunction:
      return ErrorCode::IllegalFunction;
    case ExceptionCode::IllegalDataAddress:
      return ErrorCode::IllegalDataAddress;
    case ExceptionCode::IllegalDataValue:
      return ErrorCode::IllegalDataValue;
    case ExceptionCode::ServerDeviceFailure:
      return ErrorCode::DeviceFailure;
    case ExceptionCode::Acknowledge:
      return ErrorCode::DeviceStillAtIt;
    case ExceptionCode::ServerDeviceBusy:
      return ErrorCode::DeviceBusy;
    case ExceptionCode::MemoryParityError:
      return ErrorCode::MemoryParityError;
    case ExceptionCode::GatewayPathUnavailable:
      return ErrorCode::GatewayPathDown;
    case ExceptionCode::GatewayTargetFailedToRespond:
      return ErrorCode::GatewayTargetDown;
    case ExceptionCode::NegativeAcknowledge:
      break;
  }
  return ErrorCode::ModbusException;
}

}  // namespace hubward::modbus
