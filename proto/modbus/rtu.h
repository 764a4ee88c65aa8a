// Modbus RTU's envelope and timing. MODBUS over Serial Line Specification V1.02, section 2.5.1.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/modbus/pdu.h"
#include "proto/result.h"

namespace hubward::modbus {

inline constexpr std::size_t kRtuFrameBytesMax = 256;  // section 2.5.1
// Section 2.2: 1 to 247 are units, the rest is reserved.
inline constexpr std::uint8_t kBroadcastUnit = 0;
inline constexpr std::uint8_t kLineUnitMax = 247;
// Section 2.4.1: nobody answers a broadcast; after it the units are given the turnaround delay, 100
// to 200 ms, to do what they were told.
inline constexpr std::chrono::milliseconds kTurnaroundDelay{200};

// How long things take on a serial line.
struct RtuTiming {
  std::chrono::nanoseconds character;  // one character with start, parity and stop bits
  std::chrono::nanoseconds t3_5;       // silence that ends a frame

  // `bits_per_character` is 11 by the standard, 10 with 8N1. A baud rate of 0 counts as 9600.
  [[nodiscard]] static RtuTiming at(std::uint32_t baud, unsigned bits_per_character);
  [[nodiscard]] std::chrono::nanoseconds time_for(std::size_t bytes) const {
    return character * static_cast<std::int64_t>(bytes);
  }
};

struct RtuFrame {
  std::uint8_t unit = 0;
  std::vector<std::byte> pdu;
  friend bool operator==(const RtuFrame&, const RtuFrame&) = default;
};

[[nodiscard]] std::vector<std::byte> encode_rtu(std::uint8_t unit, std::span<const std::byte> pdu);

// A whole frame with its checksum, as a server takes it after a silence; or BadFrame.
[[nodiscard]] Result<RtuFrame> parse_rtu(std::span<const std::byte> frame);

// How long a server's frame is, from its first bytes; nothing while more are needed; 0 if no frame
// of the functions known here begins so.
[[nodiscard]] std::optional<std::size_t> answer_frame_bytes(std::span<const std::byte> begin);

// Takes what comes from the line in any pieces and hands out servers' frames. Silence cannot be
// measured behind a USB adapter, so the end of a frame is computed from its beginning. Bytes 00 and
// FF before a frame are skipped: they are no unit's address, and drivers that switch direction
// leave them. After anything else that is no frame there is no telling where the next one begins:
// everything is BadFrame until reset(), which belongs after a silence.
class RtuAnswerReader {
 public:
  void push(std::span<const std::byte> bytes);
  [[nodiscard]] Result<std::optional<RtuFrame>> next();
  void reset();
  // True when a frame has begun and is not complete.
  [[nodiscard]] bool inside_frame() const { return !buffer_.empty(); }
  [[nodiscard]] std::span<const std::byte> rest() const { return buffer_; }

 private:
  std::vector<std::byte> buffer_;
  bool broken_ = false;
};

}  // namespace hubward::modbus
