// The words that everything about Modbus shares: tables, value types, limits of one request.
#pragma once

#include <cstdint>

namespace hubward::modbus {

// The four tables of MODBUS Application Protocol V1.1b3, section 4.3.
enum class Table : std::uint8_t { Coil, DiscreteInput, HoldingRegister, InputRegister };

[[nodiscard]] constexpr bool holds_bits(Table table) {
  return table == Table::Coil || table == Table::DiscreteInput;
}
[[nodiscard]] constexpr bool is_writable(Table table) {
  return table == Table::Coil || table == Table::HoldingRegister;
}

enum class ValueType : std::uint8_t {
  Bool,  // a coil or discrete input, a bit of a register, or a register that is not zero
  Int8,  // one half of a register
  Uint8,
  Int16,
  Uint16,
  Int32,
  Uint32,
  Int48,
  Uint48,
  Int64,
  Uint64,
  Float32,
  Float64,
  Bcd16,  // decimal digits, four bits each
  Bcd32,
  Text,
};

// Which register of a value comes first on the wire, and which byte of a register. The standard
// settles the second (big-endian: MODBUS Application Protocol V1.1b3, section 4.2); some devices
// do otherwise.
enum class WordOrder : std::uint8_t { HighFirst, LowFirst };
enum class ByteOrder : std::uint8_t { HighFirst, LowFirst };

// Limits of one request: MODBUS Application Protocol V1.1b3, sections 6.1, 6.3, 6.11 and 6.12.
inline constexpr std::uint16_t kReadRegistersMax = 125;
inline constexpr std::uint16_t kReadBitsMax = 2000;
inline constexpr std::uint16_t kWriteRegistersMax = 123;
inline constexpr std::uint16_t kWriteCoilsMax = 1968;
inline constexpr std::uint16_t kReadWriteRegistersMax = 121;  // section 6.17, written ones

}  // namespace hubward::modbus
