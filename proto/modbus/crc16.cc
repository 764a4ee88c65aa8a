#include "proto/modbus/crc16.h"

#include <array>

namespace hubward::modbus {
namespace {

constexpr std::array<std::uint16_t, 256> make_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < table.size(); ++i) {
    unsigned crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0xA001U : crc >> 1;
    table[i] = static_cast<std::uint16_t>(crc);
  }
  return table;
}
constexpr auto kTable = make_table();

}  // namespace

std::uint16_t crc16(std::span<const std::byte> bytes) {
  unsigned crc = 0xFFFF;
  for (const std::byte byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ std::to_integer<unsigned>(byte)) & 0xFFU];
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace hubward::modbus
