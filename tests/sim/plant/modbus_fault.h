// Bad behaviour of a Modbus device, ordered over the control port: what a bad cable, a slow or a
// broken device does to an answer that libmodbus made correctly.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/json.h"

namespace hubward::plant {

enum class Framing { Tcp, Rtu };

struct ModbusFault {
  enum class Kind {
    Silent,            // no answer
    Delay,             // the right answer, late
    WrongCrc,          // RTU: last byte flipped
    WrongTransaction,  // TCP: transaction id of another request
    WrongUnit,         // answer of another unit id, checksum right
    WrongFunction,     // answer to another function, checksum right
    WrongByteCount,    // byte count does not fit the data, checksum right
    Truncated,         // only the first half of the answer
    Garbage,           // random bytes, or `bytes`, in front of the answer
    Oversized,         // an answer longer than any Modbus frame may be
    Exception,         // exception `code`
    Close,             // TCP: half the answer, then the connection is closed
  };
  Kind kind = Kind::Silent;
  // Times it happens; 0: until healed.
  std::uint32_t count = 1;
  std::chrono::milliseconds delay{1500};
  std::uint8_t exception_code = 2;
  std::optional<std::uint16_t> address;  // Exception: only reads and writes that touch this one
  std::vector<std::byte> bytes;
};

// {"kind": "wrong_crc", "count": 3, "delay_ms": ..., "code": ..., "address": ..., "hex": "..."}
[[nodiscard]] Result<ModbusFault> read_fault(const json::Value& order, Framing framing);

// The damaged form of `answer`. Delay, Silent, Exception and Close leave it as it is, except that
// Close keeps the first half.
[[nodiscard]] std::vector<std::byte> damage(std::vector<std::byte> answer, const ModbusFault& fault,
                                            Framing framing);

// "00ff1a" to bytes; nothing if it is not an even number of hexadecimal digits.
[[nodiscard]] std::optional<std::vector<std::byte>> from_hex(std::string_view text);

}  // namespace hubward::plant
