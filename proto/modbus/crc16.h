#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hubward::modbus {

// The checksum of an RTU frame, low byte first on the wire. A good frame including its checksum
// has CRC 0. MODBUS over Serial Line V1.02, section 6.2.2.
[[nodiscard]] std::uint16_t crc16(std::span<const std::byte> bytes);

}  // namespace hubward::modbus
