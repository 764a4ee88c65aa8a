// One number in the bytes of a frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "proto/extract/byte_order.h"
#include "proto/result.h"

namespace hubward::extract {

enum class BinaryType : std::uint8_t {
  Uint8,
  Int8,
  Uint16,
  Int16,
  Uint24,
  Int24,
  Uint32,
  Int32,
  Uint64,
  Int64,
  Float32,
  Float64,
  Bcd8,  // two decimal digits a byte
  Bcd16,
  Bcd32,
};

[[nodiscard]] std::size_t width_bytes(BinaryType type);

struct BinaryField {
  std::size_t offset = 0;  // of its first byte
  BinaryType type = BinaryType::Uint16;
  ByteOrder byte_order = ByteOrder::HighFirst;
  // Unsigned types only, and one of them at most.
  std::optional<unsigned> bit{};  // 0 is the lowest: true or false
  std::uint64_t mask = 0;         // 0: all bits; else these, moved down to the lowest of them
};

using BinaryNumber = std::variant<bool, std::int64_t, std::uint64_t, double>;

// Error BadValue: the bytes end before it, a digit of a BCD is none, or a float is no number.
[[nodiscard]] Result<BinaryNumber> read_binary(const BinaryField& field, std::string_view bytes);

}  // namespace hubward::extract
