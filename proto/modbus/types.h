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
  Bool,  // a coil or discrete input, or a register that is not zero
  Int16,
  Uint16,
  Int32,
  Uint32,
  Int64,
  Uint64,
  Float32,
  Float64,
};

// Which register of a value comes first on the wire. Bytes inside a register are big-endian
// (MODBUS Application Protocol V1.1b3, section 4.2).
enum class WordOrder : std::uint8_t { HighFirst, LowFirst };

// How many coils or registers a value takes.
[[nodiscard]] constexpr std::uint16_t width(ValueType type) {
  switch (type) {
    case ValueType::Int32:
    case ValueType::Uint32:
    case ValueType::Float32:
      return 2;
    case ValueType::Int64:
    case ValueType::Uint64:
    case ValueType::Float64:
      return 4;
    default:
      return 1;
  }
}

// Limits of one request: MODBUS Application Protocol V1.1b3, sections 6.1, 6.3, 6.11 and 6.12.
inline constexpr std::uint16_t kReadRegistersMax = 125;
inline constexpr std::uint16_t kReadBitsMax = 2000;
inline constexpr std::uint16_t kWriteRegistersMax = 123;
inline constexpr std::uint16_t kWriteCoilsMax = 1968;

}  // namespace hubward::modbus
