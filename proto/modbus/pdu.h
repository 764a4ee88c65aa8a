// Requests and answers without their envelope. Pure; used by clients and, for tests and
// simulations, by servers. MODBUS Application Protocol V1.1b3, sections 4 to 7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/modbus/types.h"
#include "proto/result.h"

namespace hubward::modbus {

inline constexpr std::size_t kPduBytesMax = 253;  // section 4.1

enum class FunctionCode : std::uint8_t {
  ReadCoils = 1,
  ReadDiscreteInputs = 2,
  ReadHoldingRegisters = 3,
  ReadInputRegisters = 4,
  WriteSingleCoil = 5,
  WriteSingleRegister = 6,
  WriteMultipleCoils = 15,
  WriteMultipleRegisters = 16,
  MaskWriteRegister = 22,
  ReadWriteMultipleRegisters = 23,
  EncapsulatedInterface = 43,  // only with kReadIdentification
};
inline constexpr std::uint8_t kReadIdentification = 14;  // MEI type, section 6.21
inline constexpr std::uint8_t kExceptionFlag = 0x80;     // added to the function code, section 7

enum class ExceptionCode : std::uint8_t {  // section 7; others may come and are kept as they are
  IllegalFunction = 1,
  IllegalDataAddress = 2,
  IllegalDataValue = 3,
  ServerDeviceFailure = 4,
  Acknowledge = 5,
  ServerDeviceBusy = 6,
  NegativeAcknowledge = 7,  // only in old editions, still seen
  MemoryParityError = 8,
  GatewayPathUnavailable = 10,
  GatewayTargetFailedToRespond = 11,
};
// A gateway speaks for a unit that did not answer it.
[[nodiscard]] constexpr bool is_silence_behind_gateway(ExceptionCode code) {
  return code == ExceptionCode::GatewayPathUnavailable ||
         code == ExceptionCode::GatewayTargetFailedToRespond;
}
// "exception 2, illegal data address"
[[nodiscard]] std::string describe(ExceptionCode code);
// The failure it is for a tag.
[[nodiscard]] ErrorCode failure_of(ExceptionCode code);

struct ReadRequest {
  Table table = Table::HoldingRegister;
  std::uint16_t address = 0;  // zero-based
  std::uint16_t count = 1;    // 1..125 registers or 1..2000 bits, not past address 65535
  friend bool operator==(const ReadRequest&, const ReadRequest&) = default;
};
struct WriteCoil {
  std::uint16_t address = 0;
  bool on = false;
  friend bool operator==(const WriteCoil&, const WriteCoil&) = default;
};
struct WriteRegister {
  std::uint16_t address = 0;
  std::uint16_t value = 0;
  friend bool operator==(const WriteRegister&, const WriteRegister&) = default;
};
struct WriteCoils {
  std::uint16_t address = 0;
  std::vector<bool> on;  // 1..1968
  friend bool operator==(const WriteCoils&, const WriteCoils&) = default;
};
struct WriteRegisters {
  std::uint16_t address = 0;
  std::vector<std::uint16_t> values;  // 1..123
  friend bool operator==(const WriteRegisters&, const WriteRegisters&) = default;
};
// The register becomes (register & and_mask) | (or_mask & ~and_mask): section 6.16.
struct MaskWrite {
  std::uint16_t address = 0;
  std::uint16_t and_mask = 0xFFFF;
  std::uint16_t or_mask = 0;
  friend bool operator==(const MaskWrite&, const MaskWrite&) = default;
};
// Writes, then reads, in one exchange: section 6.17.
struct ReadWriteRegisters {
  std::uint16_t read_address = 0;
  std::uint16_t read_count = 1;  // 1..125
  std::uint16_t address = 0;
  std::vector<std::uint16_t> values;  // 1..121
  friend bool operator==(const ReadWriteRegisters&, const ReadWriteRegisters&) = default;
};
// What the device says of itself: section 6.21.
struct ReadIdentification {
  std::uint8_t level = 1;   // 1 basic, 2 regular, 3 extended, 4 one object
  std::uint8_t object = 0;  // the first one wanted
  friend bool operator==(const ReadIdentification&, const ReadIdentification&) = default;
};
using Request = std::variant<ReadRequest, WriteCoil, WriteRegister, WriteCoils, WriteRegisters,
                             MaskWrite, ReadWriteRegisters, ReadIdentification>;

// What was read: one element per register, or one 0/1 per coil or discrete input.
struct ReadAnswer {
  std::vector<std::uint16_t> values;
  friend bool operator==(const ReadAnswer&, const ReadAnswer&) = default;
};
struct WriteAnswer {  // the server repeated what it was asked to write
  friend bool operator==(const WriteAnswer&, const WriteAnswer&) = default;
};
// Nobody answers a broadcast. No bytes.
struct SentToAll {
  friend bool operator==(const SentToAll&, const SentToAll&) = default;
};
struct Identification {
  std::uint8_t level = 1;       // as asked
  std::uint8_t conformity = 1;  // what the device can
  bool more_follows = false;
  std::uint8_t next_object = 0;                               // where to go on
  std::vector<std::pair<std::uint8_t, std::string>> objects;  // id and bytes as they came
  friend bool operator==(const Identification&, const Identification&) = default;
};
struct ExceptionAnswer {
  ExceptionCode code;
  friend bool operator==(const ExceptionAnswer&, const ExceptionAnswer&) = default;
};
using Answer = std::variant<ReadAnswer, WriteAnswer, ExceptionAnswer, Identification, SentToAll>;

[[nodiscard]] FunctionCode function_of(const Request& request);
[[nodiscard]] bool is_read(const Request& request);
// Whether it makes sense to ask all units of a line at once: none of them answers.
[[nodiscard]] bool may_be_broadcast(const Request& request);

// Bytes of the answer's PDU when it is not an exception; of an identification the most there may
// be.
[[nodiscard]] std::size_t answer_bytes(const Request& request);

// Whether a normal answer to the one could be taken for an answer to the other. Answers carry no
// address of what was read, so two reads of the same function and size look alike.
[[nodiscard]] bool answers_look_alike(const Request& a, const Request& b);

// Counts or addresses over the limits above are LimitExceeded.
[[nodiscard]] Result<std::vector<std::byte>> encode_request(const Request& request);

// The answer to exactly this request, or: BadFrame (length or byte count impossible),
// UnexpectedAnswer (another function, another size, or not what was to be written).
[[nodiscard]] Result<Answer> parse_answer(const Request& request, std::span<const std::byte> pdu);

// The server's side. Malformed or LimitExceeded name what a server answers with exception 1 or 3.
[[nodiscard]] Result<Request> parse_request(std::span<const std::byte> pdu);
[[nodiscard]] std::vector<std::byte> encode_answer(const Request& request, const Answer& answer);

}  // namespace hubward::modbus
