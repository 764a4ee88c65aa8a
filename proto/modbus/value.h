// Registers to numbers and back. Bytes inside a register are big-endian; which register of a value
// comes first is the device's choice. MODBUS Application Protocol V1.1b3, section 4.2.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "proto/modbus/types.h"
#include "proto/result.h"

namespace hubward::modbus {

// value = raw * scale + offset.
struct ValueFormat {
  ValueType type = ValueType::Uint16;
  WordOrder word_order = WordOrder::HighFirst;
  double scale = 1.0;
  double offset = 0.0;
};

using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

// `registers` holds width(type) registers, or one 0/1. Integers without scale and offset stay
// exact integers; all else is double. A float32 becomes the shortest decimal that is the same
// float32, so that 21.3 reads 21.3. NaN and infinity are BadValue, never a number.
[[nodiscard]] Result<Value> decode(std::span<const std::uint16_t> registers,
                                   const ValueFormat& format);

// The registers whose value is nearest to `value`: half a step is rounded away from zero, nothing
// is cut off. BadValue: text, NaN, or a number for a Bool that is neither 0 nor 1. OutOfRange: the
// type cannot hold it.
[[nodiscard]] Result<std::vector<std::uint16_t>> encode(const Value& value,
                                                        const ValueFormat& format);

}  // namespace hubward::modbus
