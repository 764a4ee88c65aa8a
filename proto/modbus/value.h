// Registers to values and back. Bytes inside a register are big-endian by the standard (MODBUS
// Application Protocol V1.1b3, section 4.2); which register of a value comes first is the device's
// choice, and some swap the bytes too.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proto/modbus/types.h"
#include "proto/result.h"

namespace hubward::modbus {

// How a value stands in its registers, and what is made of it.
struct ValueFormat {
  ValueType type = ValueType::Uint16;
  WordOrder word_order = WordOrder::HighFirst;
  double scale = 1.0;  // value = raw * scale + offset
  double offset = 0.0;
  ByteOrder byte_order = ByteOrder::HighFirst;
  // Of a register only these bits (Bool, Int16, Uint16; Int8 and Uint8 always take eight). 0 bits:
  // the whole register. Bit 0 is the lowest.
  std::uint8_t first_bit = 0;
  std::uint8_t bit_count = 0;
  std::uint16_t text_bytes = 0;  // Text: its longest, padding included
  // Readings outside become the nearest of the two. Writes are not touched by them.
  std::optional<double> clamp_min{};
  std::optional<double> clamp_max{};
  std::optional<std::uint8_t> decimals{};  // digits after the point that a reading is rounded to
  std::vector<std::uint64_t> bad_raw{};    // raw bits that stand for "no value"
  // Integers and Bool: the raw number's name is the value. Each number and each name once.
  std::vector<std::pair<std::int64_t, std::string>> names{};
  bool unnamed_is_bad = false;  // else a number without a name is its digits, as text
};

using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

// Texts longer than one write request carries are for nobody.
inline constexpr std::uint16_t kTextBytesMax = kWriteRegistersMax * 2;

// How many coils or registers a value takes.
[[nodiscard]] constexpr std::uint16_t width(const ValueFormat& format) {
  switch (format.type) {
    case ValueType::Int32:
    case ValueType::Uint32:
    case ValueType::Float32:
    case ValueType::Bcd32:
      return 2;
    case ValueType::Int48:
    case ValueType::Uint48:
      return 3;
    case ValueType::Int64:
    case ValueType::Uint64:
    case ValueType::Float64:
      return 4;
    case ValueType::Text:
      return static_cast<std::uint16_t>((format.text_bytes + 1) / 2);
    default:
      return 1;
  }
}

// Whether it is a part of a register, so that writing it must leave the other bits alone; and which
// bits of the register on the wire are its own.
[[nodiscard]] bool is_part(const ValueFormat& format);
[[nodiscard]] std::uint16_t write_mask(const ValueFormat& format);

// `registers` holds width(format) registers, or one 0/1. Integers without scale and offset stay
// exact integers; all else is double. A float32 becomes the shortest decimal that is the same
// float32, so that 21.3 reads 21.3. What makes no sense is an error, never a number: BadValue (NaN,
// infinity, no decimal digit, text that is not UTF-8, a number without a name) or NoValue (one of
// `bad_raw`). The context says what came.
[[nodiscard]] Result<Value> decode(std::span<const std::uint16_t> registers,
                                   const ValueFormat& format);

// The registers whose value is nearest to `value`: half a step is rounded away from zero, nothing
// is cut off. Bits that are not the value's own are 0. BadValue: text for a number, NaN, or a
// number for a Bool that is neither 0 nor 1. OutOfRange: the type cannot hold it.
[[nodiscard]] Result<std::vector<std::uint16_t>> encode(const Value& value,
                                                        const ValueFormat& format);

}  // namespace hubward::modbus
