// What both halves of a conversation are made of: pdu.cc is the client's, pdu_served.cc the
// server's. Nobody else needs it.
#pragma once

#include <optional>

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// Section 6.5: the two words that a coil write may carry.
inline constexpr std::uint16_t kCoilOn = 0xFF00;
inline constexpr std::uint16_t kCoilOff = 0x0000;

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

inline void put_byte(std::vector<std::byte>& out, std::size_t value) {
  out.push_back(static_cast<std::byte>(value & 0xFFU));
}
inline void put_word(std::vector<std::byte>& out, std::size_t value) {
  put_byte(out, value >> 8);
  put_byte(out, value);
}
inline std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
inline std::uint16_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// Bits go eight to a byte, the first in the lowest bit (section 6.1).
template <class Bits>
void put_bits(std::vector<std::byte>& out, const Bits& bits) {
  for (std::size_t first = 0; first < bits.size(); first += 8) {
    unsigned packed = 0;
    for (std::size_t i = 0; i < 8 && first + i < bits.size(); ++i) {
      if (bits[first + i] != 0) packed |= 1U << i;
    }
    put_byte(out, packed);
  }
}
inline bool bit_at(std::span<const std::byte> bytes, std::size_t bit) {
  return (byte_at(bytes, bit / 8) >> (bit % 8) & 1) != 0;
}

// Counts and addresses that one request may have.
[[nodiscard]] bool in_range(const Request& request);

// Address and the word after it, as they stand in requests and in the answers to writes.
struct Head {
  std::uint16_t address, word;
};
[[nodiscard]] Head head_of(const Request& request);

// The read that the answer is one to, if it holds registers or bits.
[[nodiscard]] std::optional<ReadRequest> read_in(const Request& request);
// Of the values alone.
[[nodiscard]] std::size_t data_bytes(const ReadRequest& read);

}  // namespace hubward::modbus
