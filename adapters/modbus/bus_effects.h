// What the schedule of a bus is asked for, and what it answers with.
#pragma once

#include <chrono>
#include <cstdint>
#include <variant>

#include "adapters/modbus/wire.h"
#include "gateway/api/southbound.h"

namespace hubward::modbus {

struct WriteId {
  std::uint64_t value = 0;
  friend bool operator==(WriteId, WriteId) = default;
};

struct AskId {
  std::uint64_t value = 0;
  friend bool operator==(AskId, AskId) = default;
};
// A one-off request of a person at the command line.
struct OneOff {
  AskId id;
  std::uint8_t unit_id = 1;  // also of a unit that no device is
  Request request;
  std::chrono::milliseconds answer_time{1000};
  SteadyTime deadline;  // past it, it is not sent
};

// What the adapter does next.
struct Send {
  Ticket ticket;
  std::uint8_t unit = 0;
  Request request;
};
struct Deliver {
  ReadingBatch batch;
};
struct ReportState {
  DeviceIndex device;
  FieldState state;
};
struct FinishWrite {
  WriteId id;
  WriteResult result;
};
struct FinishAsk {
  AskId id;
  Result<Answer> answer;
};
struct Reconnect {};  // the peer is silent although connected: begin a new connection
using Effect = std::variant<Deliver, ReportState, FinishWrite, FinishAsk, Reconnect>;

struct Instant {
  SteadyTime steady;
  WallTime wall;
};

}  // namespace hubward::modbus
