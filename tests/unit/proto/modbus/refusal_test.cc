#include "proto/modbus/refusal.h"

#include <doctest/doctest.h>

using namespace hubward::modbus;

TEST_CASE("some exceptions say that nothing was written, others leave it open") {
  struct Row {
    const char* why;
    ExceptionCode code;
    bool unwritten;
  };
  const Row rows[] = {
      {"it does not know the function", ExceptionCode::IllegalFunction, true},
      {"it has no such register", ExceptionCode::IllegalDataAddress, true},
      {"it does not take the value", ExceptionCode::IllegalDataValue, true},
      {"it may have failed half-way", ExceptionCode::ServerDeviceFailure, false},
      {"it is still at it", ExceptionCode::Acknowledge, false},
      {"it has no time", ExceptionCode::ServerDeviceBusy, true},
      {"the gateway did not pass it on", ExceptionCode::GatewayPathUnavailable, true},
      {"the gateway heard no answer", ExceptionCode::GatewayTargetFailedToRespond, false},
      {"nobody knows this one", static_cast<ExceptionCode>(77), false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(leaves_unwritten(row.code) == row.unwritten);
  }
}
