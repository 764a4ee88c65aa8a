// Fields of a packet to bytes.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "proto/mqtt/packet.h"

namespace hubward::mqtt {

// Length in groups of seven bits, lowest first, section 2.2.3 (5.0: 1.5.5). At most four bytes.
inline std::size_t write_length(std::size_t length, std::byte* to) {
  std::size_t used = 0;
  do {
    const auto more = length > 0x7F ? 0x80U : 0U;
    to[used++] = static_cast<std::byte>((length & 0x7FU) | more);
    length >>= 7U;
  } while (length > 0);
  return used;
}

// Writes fields and remembers the first thing that cannot be written.
class Body {
 public:
  explicit Body(std::vector<std::byte>& out) : out_(out) {}

  void byte(unsigned value) { out_.push_back(static_cast<std::byte>(value)); }
  void number(unsigned value) {
    byte(value >> 8U);
    byte(value & 0xFFU);
  }
  void long_number(std::uint32_t value) {
    number(value >> 16U);
    number(value & 0xFFFFU);
  }
  void length(std::size_t value) {
    if (value > kRemainingLengthMax) return refuse(ErrorCode::LimitExceeded, "length over 256 MB");
    std::byte bytes[4];
    out_.insert(out_.end(), bytes, bytes + write_length(value, bytes));
  }
  void id(PacketId value) {
    if (value == 0) refuse(ErrorCode::Malformed, "packet id 0");
    number(value);
  }
  void text(std::string_view value) {
    constexpr std::size_t kTextMax = 65'535;  // two length bytes, section 1.5.3
    if (value.size() > kTextMax) return refuse(ErrorCode::LimitExceeded, "text over 65535 bytes");
    number(static_cast<unsigned>(value.size()));
    raw(value);
  }
  void raw(std::string_view value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
    out_.insert(out_.end(), bytes, bytes + value.size());
  }
  void refuse(ErrorCode code, const char* why) {
    if (status_) status_ = failure(code, ErrorKind::Permanent, why);
  }
  void refuse(const Status& other) {
    if (status_ && !other) status_ = other;
  }
  const Status& status() const { return status_; }

 private:
  std::vector<std::byte>& out_;
  Status status_;
};

}  // namespace hubward::mqtt
