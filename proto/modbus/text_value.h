// Text in registers: two characters each.
#pragma once

#include <span>
#include <string_view>

#include "proto/modbus/value.h"

namespace hubward::modbus {

// Up to the first zero, without the blanks, zeros and 0xFF that fill the rest.
[[nodiscard]] Result<Value> decode_text(std::span<const std::uint16_t> registers,
                                        const ValueFormat& format);
// Filled up with zeros.
[[nodiscard]] Result<std::vector<std::uint16_t>> encode_text(std::string_view text,
                                                             const ValueFormat& format);

}  // namespace hubward::modbus
