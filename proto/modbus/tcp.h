// Modbus TCP's envelope. MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/modbus/pdu.h"
#include "proto/result.h"

namespace hubward::modbus {

inline constexpr std::uint16_t kTcpPort = 502;
inline constexpr std::size_t kMbapBytes = 7;

struct TcpFrame {
  std::uint16_t transaction = 0;
  std::uint8_t unit = 0;
  std::vector<std::byte> pdu;
  friend bool operator==(const TcpFrame&, const TcpFrame&) = default;
};

[[nodiscard]] std::vector<std::byte> encode_tcp(std::uint16_t transaction, std::uint8_t unit,
                                                std::span<const std::byte> pdu);

// Takes the stream in any pieces and hands out whole frames. Holds at most one incomplete frame
// beyond what was pushed last. A stream that once broke the framing cannot be trusted again: every
// later answer is the same error, until reset().
class TcpFrameReader {
 public:
  void push(std::span<const std::byte> bytes);
  // The next whole frame, nothing when more bytes are needed, or BadFrame.
  [[nodiscard]] Result<std::optional<TcpFrame>> next();
  void reset();
  // What is buffered: the sample after an error.
  [[nodiscard]] std::span<const std::byte> rest() const;

 private:
  std::vector<std::byte> buffer_;
  std::size_t taken_ = 0;
  bool broken_ = false;
};

}  // namespace hubward::modbus
