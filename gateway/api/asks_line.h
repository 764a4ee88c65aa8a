// One-off questions to what hangs on a line, between the gateway's own: for a person at the command
// line, without a second master on the line or a second connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/api/reading.h"
#include "proto/result.h"

namespace hubward {

// In the line's own protocol (Modbus: a PDU). Whoever asks and the adapter understand it, nobody in
// between does.
struct LineAsk {
  std::uint8_t unit = 0;
  std::vector<std::byte> request;
};
// Empty for what goes to all units and is answered by none: it was sent.
using LineAnswer = Result<std::vector<std::byte>>;

struct LineAsks {
  std::vector<LineAsk> asks;                    // one after the other
  std::chrono::milliseconds answer_time{1000};  // how long each answer is waited for
  SteadyTime deadline;                          // what could not be sent by then is not sent
  bool may_write = false;                       // else a request that writes is refused
};

// One for each ask, in their order. Errors of those that were sent: NoAnswer, BadFrame,
// UnexpectedAnswer, PortLost; a write may have happened then. All other errors: it was not sent.
using LineAnswered = std::function<void(std::vector<LineAnswer> answers)>;

struct LineTag {
  DeviceIndex device;
  TagIndex tag;
  friend bool operator==(const LineTag&, const LineTag&) = default;
};

// An adapter that lets others ask. All calls on its loop.
class AsksLine {
 public:
  static constexpr std::size_t kAsksMax = 32;   // in one call
  static constexpr std::size_t kCallsMax = 32;  // that wait on one line; more are LimitExceeded

  virtual ~AsksLine() = default;
  [[nodiscard]] virtual std::string line_place() const = 0;  // "/dev/ttyUSB0", "10.0.0.5:502"
  // "19200 baud, parity even"; empty for what is no serial line.
  [[nodiscard]] virtual std::string line_speed() const = 0;
  // If the device hangs on this line.
  [[nodiscard]] virtual std::optional<std::uint8_t> unit_of(DeviceIndex device) const = 0;
  // The tags of our devices that the request would change; none for a read.
  [[nodiscard]] virtual std::vector<LineTag> tags_written_by(const LineAsk& ask) const = 0;
  // What an answer says, for people: "answered", "exception 2, illegal data address".
  [[nodiscard]] virtual std::string words_for_answer(std::span<const std::byte> answer) const = 0;
  // Reads wait for moments in which nobody else is due, or take a small share of the line; writes
  // go as other writes do. A read that finds no moment by the deadline, and a write to a unit that
  // does not answer, are CommandExpired. `done` runs once, possibly before this returns.
  virtual void ask(LineAsks asks, LineAnswered done) = 0;
};

}  // namespace hubward
