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
#include "proto/modbus/types.h"
#include "proto/modbus/value.h"

namespace hubward::modbus {

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

[[nodiscard]] inline ValueFormat format_of(const TagSettings& tag) {
  return {tag.type, tag.word_order, tag.scale, tag.offset};
}

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
