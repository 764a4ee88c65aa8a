// The registers of a simulated Modbus device, described by a table and held in libmodbus's mapping.
#pragma once

#include <modbus/modbus.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proto/json.h"

namespace hubward::plant {

enum class Table { Coil, DiscreteInput, InputRegister, HoldingRegister };
enum class Type { Bool, Uint16, Int16, Uint32, Int32, Uint64, Int64, Float32, Float64 };
enum class WordOrder { HighFirst, LowFirst };

struct Register {
  std::string_view name;
  Table table;
  std::uint16_t address;  // zero-based, as on the wire
  Type type = Type::Bool;
  WordOrder order = WordOrder::HighFirst;
  double scale = 1;  // value = raw * scale; integers only
  std::string_view unit = "";
  bool writable = false;
};

// Registers that one value takes: 1, 2 or 4; 1 for a bit.
[[nodiscard]] std::uint16_t width(Type type);

// Not thread-safe: the device that owns it holds its own lock.
class RegisterBank {
 public:
  // Each table of the mapping holds addresses 0 to kTableSize - 1; beyond, libmodbus answers with
  // exception 2.
  static constexpr int kTableSize = 64;

  explicit RegisterBank(std::span<const Register> registers);

  // `name` must be in the table; the value is divided by the scale and encoded.
  void set(std::string_view name, double value);
  void set_integer(std::string_view name, std::int64_t value);
  [[nodiscard]] double get(std::string_view name) const;
  [[nodiscard]] bool is_set(std::string_view name) const { return get(name) != 0; }

  // The defined value whose registers a request for [address, address + count) covers in full.
  [[nodiscard]] bool covers(std::string_view name, Table table, int address, int count) const;
  [[nodiscard]] modbus_mapping_t* mapping() { return mapping_.get(); }
  void write(json::Writer& writer) const;

 private:
  [[nodiscard]] const Register& find(std::string_view name) const;
  void put(const Register& reg, std::uint64_t bits);
  [[nodiscard]] std::uint64_t bits(const Register& reg) const;

  std::span<const Register> registers_;
  std::unique_ptr<modbus_mapping_t, decltype(&modbus_mapping_free)> mapping_;
};

[[nodiscard]] std::string_view name_of(Table table);

}  // namespace hubward::plant
