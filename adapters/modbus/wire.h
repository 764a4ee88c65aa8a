// How exchanges look on one kind of transport: bytes in, bytes and events out. Pure and
// single-threaded; the adapter carries the bytes, the schedule decides what is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "proto/modbus/pdu.h"
#include "proto/time.h"

namespace hubward::modbus {

// Names one exchange of a bus for the life of the program.
struct Ticket {
  std::uint64_t value = 0;
  friend bool operator==(Ticket, Ticket) = default;
};

struct Answered {
  Ticket ticket;
  Answer answer;
  // On a line that may repeat our own bytes to us, the confirmation of a single write cannot be
  // told from the request.
  bool may_be_echo = false;
};
// The exchange is over without a usable answer.
struct Spoiled {
  Ticket ticket;
  std::uint8_t unit = 0;
  ErrorCode code;  // BadFrame or UnexpectedAnswer
  std::vector<std::byte> sample;
};
// The answer to an exchange that was given up early.
struct LateAnswer {
  std::uint8_t unit = 0;
  bool by_gateway = false;  // that speaks for a unit which does not answer it
};
// Something that belongs to no open exchange: late, repeated, or somebody else's.
struct Stray {
  std::optional<std::uint8_t> unit;  // known only with a good frame
  std::vector<std::byte> pdu;        // empty without one
  ErrorCode code;
  std::vector<std::byte> sample;
};
// Nothing more can be read from this connection.
struct StreamUseless {
  std::vector<std::byte> sample;
};
using WireEvent = std::variant<Answered, Spoiled, LateAnswer, Stray, StreamUseless>;

// An exchange that is waited for no longer.
struct GivenUp {
  Ticket ticket;
  bool early = false;  // before the time that the device is allowed: an answer may well come
};

class Wire {
 public:
  virtual ~Wire() = default;
  // A new connection or a newly opened port.
  virtual void on_open(SteadyTime now) = 0;
  // The bytes of the request, which must be one that encode_request() takes.
  [[nodiscard]] virtual std::vector<std::byte> begin(Ticket ticket, std::uint8_t unit,
                                                     const Request& request, SteadyTime now) = 0;
  [[nodiscard]] virtual std::vector<WireEvent> on_bytes(std::span<const std::byte> bytes,
                                                        SteadyTime now) = 0;
  // The exchange timed out; what there is of an answer is dropped.
  [[nodiscard]] virtual std::vector<WireEvent> abandon(const GivenUp& given_up, SteadyTime now) = 0;
  // Whether an answer has begun and is not complete.
  [[nodiscard]] virtual bool hears_answer() const = 0;
  // Before this instant nothing may be sent.
  [[nodiscard]] virtual SteadyTime ready_at() const = 0;
  // Whether it waits for silence that does not come.
  [[nodiscard]] virtual bool is_never_quiet(SteadyTime now) const = 0;
};

}  // namespace hubward::modbus
