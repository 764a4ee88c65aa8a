#include "tests/sim/plant/register_bank.h"

#include <bit>
#include <cmath>
#include <cstdlib>

namespace hubward::plant {
namespace {

std::string_view name_of(Type type) {
  switch (type) {
    case Type::Bool:
      return "bool";
    case Type::Uint16:
      return "uint16";
    case Type::Int16:
      return "int16";
    case Type::Uint32:
      return "uint32";
    case Type::Int32:
      return "int32";
    case Type::Uint64:
      return "uint64";
    case Type::Int64:
      return "int64";
    case Type::Float32:
      return "float32";
    case Type::Float64:
      return "float64";
  }
  std::abort();
}

bool is_bit(const Register& reg) {
  return reg.table == Table::Coil || reg.table == Table::DiscreteInput;
}

// The raw value as a 64-bit integer with its sign extended.
std::int64_t signed_raw(Type type, std::uint64_t bits) {
  switch (type) {
    case Type::Int16:
      return static_cast<std::int16_t>(bits);
    case Type::Int32:
      return static_cast<std::int32_t>(bits);
    default:
      return static_cast<std::int64_t>(bits);
  }
}

void key_and_text(json::Writer& writer, const char* key, std::string_view text) {
  writer.Key(key);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

}  // namespace

std::string_view name_of(Table table) {
  switch (table) {
    case Table::Coil:
      return "coil";
    case Table::DiscreteInput:
      return "discrete_input";
    case Table::InputRegister:
      return "input_register";
    case Table::HoldingRegister:
      return "holding_register";
  }
  std::abort();
}

std::uint16_t width(Type type) {
  switch (type) {
    case Type::Uint32:
    case Type::Int32:
    case Type::Float32:
      return 2;
    case Type::Uint64:
    case Type::Int64:
    case Type::Float64:
      return 4;
    default:
      return 1;
  }
}

RegisterBank::RegisterBank(std::span<const Register> registers)
    : registers_(registers),
      mapping_(modbus_mapping_new(kTableSize, kTableSize, kTableSize, kTableSize),
               &modbus_mapping_free) {
  if (!mapping_) std::abort();
}

const Register& RegisterBank::find(std::string_view name) const {
  for (const Register& reg : registers_) {
    if (reg.name == name) return reg;
  }
  std::abort();  // a model and its register table disagree: our own bug
}

void RegisterBank::put(const Register& reg, std::uint64_t value) {
  if (is_bit(reg)) {
    std::uint8_t* bit = reg.table == Table::Coil ? mapping_->tab_bits : mapping_->tab_input_bits;
    bit[reg.address] = value != 0 ? 1 : 0;
    return;
  }
  std::uint16_t* words =
      reg.table == Table::HoldingRegister ? mapping_->tab_registers : mapping_->tab_input_registers;
  const int count = width(reg.type);
  for (int i = 0; i < count; ++i) {
    const int place = reg.order == WordOrder::LowFirst ? i : count - 1 - i;
    words[reg.address + i] = static_cast<std::uint16_t>(value >> (16 * place));
  }
}

std::uint64_t RegisterBank::bits(const Register& reg) const {
  if (reg.table == Table::Coil) return mapping_->tab_bits[reg.address];
  if (reg.table == Table::DiscreteInput) return mapping_->tab_input_bits[reg.address];
  const std::uint16_t* words =
      reg.table == Table::HoldingRegister ? mapping_->tab_registers : mapping_->tab_input_registers;
  std::uint64_t value = 0;
  const int count = width(reg.type);
  for (int i = 0; i < count; ++i) {
    const int place = reg.order == WordOrder::LowFirst ? i : count - 1 - i;
    value |= static_cast<std::uint64_t>(words[reg.address + i]) << (16 * place);
  }
  return value;
}

void RegisterBank::set(std::string_view name, double value) {
  const Register& reg = find(name);
  if (reg.type == Type::Float32) {
    put(reg, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  } else if (reg.type == Type::Float64) {
    put(reg, std::bit_cast<std::uint64_t>(value));
  } else {
    put(reg, static_cast<std::uint64_t>(std::llround(value / reg.scale)));
  }
}

void RegisterBank::set_integer(std::string_view name, std::int64_t value) {
  put(find(name), static_cast<std::uint64_t>(value));
}

double RegisterBank::get(std::string_view name) const {
  const Register& reg = find(name);
  const std::uint64_t raw = bits(reg);
  if (reg.type == Type::Float32) return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
  if (reg.type == Type::Float64) return std::bit_cast<double>(raw);
  if (reg.type == Type::Uint64) return static_cast<double>(raw) * reg.scale;
  return static_cast<double>(signed_raw(reg.type, raw)) * reg.scale;
}

bool RegisterBank::covers(std::string_view name, Table table, int address, int count) const {
  const Register& reg = find(name);
  return reg.table == table && address <= reg.address &&
         reg.address + width(reg.type) <= address + count;
}

void RegisterBank::write(json::Writer& writer) const {
  writer.StartArray();
  for (const Register& reg : registers_) {
    writer.StartObject();
    key_and_text(writer, "name", reg.name);
    key_and_text(writer, "table", name_of(reg.table));
    writer.Key("address");
    writer.Int(reg.address);
    key_and_text(writer, "type", is_bit(reg) ? "bool" : name_of(reg.type));
    if (width(reg.type) > 1) {
      key_and_text(writer, "word_order",
                   reg.order == WordOrder::HighFirst ? "high_first" : "low_first");
    }
    if (reg.scale != 1) {
      writer.Key("scale");
      writer.Double(reg.scale);
    }
    key_and_text(writer, "unit", reg.unit);
    writer.Key("writable");
    writer.Bool(reg.writable);
    writer.Key("value");
    if (is_bit(reg)) {
      writer.Bool(bits(reg) != 0);
    } else if (reg.scale != 1 || reg.type == Type::Float32 || reg.type == Type::Float64) {
      writer.Double(get(reg.name));
    } else if (reg.type == Type::Uint64) {
      writer.Uint64(bits(reg));
    } else {
      writer.Int64(signed_raw(reg.type, bits(reg)));
    }
    writer.EndObject();
  }
  writer.EndArray();
}

}  // namespace hubward::plant
