// What the configuration says about Modbus equipment. Filled by gateway/config, read by the
// adapter.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/api/reading.h"

namespace hubward::modbus {

enum class Table : std::uint8_t { Coil, DiscreteInput, HoldingRegister, InputRegister };

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

struct TagSettings {
  TagIndex tag;
  Table table = Table::HoldingRegister;
  std::uint16_t address = 0;  // zero-based, as on the wire
  ValueType type = ValueType::Uint16;
  WordOrder word_order = WordOrder::HighFirst;
  double scale = 1.0;  // value = raw * scale + offset
  double offset = 0.0;
  std::chrono::milliseconds interval{1000};
};

struct DeviceSettings {
  DeviceIndex device;
  std::uint8_t unit_id = 1;
  std::chrono::milliseconds response_timeout{1000};
  std::vector<TagSettings> tags;
};

// One TCP endpoint or one serial line, and every device behind it.
struct BusSettings {
  std::variant<TcpEndpoint, SerialSettings> attachment;
  std::vector<DeviceSettings> devices;
};

}  // namespace hubward::modbus
