// What the configuration says about Modbus equipment. Filled by gateway/config, read by the
// adapter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/api/reading.h"
#include "proto/modbus/bus_time.h"
#include "proto/modbus/types.h"
#include "proto/modbus/value.h"

namespace hubward::modbus {

struct TagSettings : ValueFormat {
  TagIndex tag;
  Table table = Table::HoldingRegister;
  std::uint16_t address = 0;  // zero-based, as on the wire
  std::chrono::milliseconds interval{1000};
  bool verify = false;  // what was written is read back
  // A write goes to all units of the serial line, and none of them answers it.
  bool broadcast = false;
  // Bool: a true that was written becomes false again after this.
  std::optional<std::chrono::milliseconds> pulse{};
};

// Function 23 has no coils and no masks.
[[nodiscard]] inline bool may_write_and_read(const TagSettings& tag) {
  return tag.verify && tag.table == Table::HoldingRegister && !is_part(tag) &&
         width(tag) <= kReadWriteRegistersMax;
}

// What one device can bear to be asked.
struct RequestLimits {
  std::uint16_t registers_max = kReadRegistersMax;
  std::uint16_t bits_max = kReadBitsMax;
  std::optional<std::uint16_t> gap_max;  // absent: what is worth reading, by the line's times
  std::vector<Hole> holes;
  std::uint8_t in_flight_max = 1;  // Modbus TCP
};

struct DeviceSettings {
  DeviceIndex device;
  std::uint8_t unit_id = 1;
  std::chrono::milliseconds response_timeout{1000};
  std::vector<TagSettings> tags;
  RequestLimits limits;
  bool has_function_23 = false;  // writes and reads registers in one request
};

[[nodiscard]] inline ReadLimits read_limits(const RequestLimits& limits, const BusTiming& timing) {
  const std::uint16_t gap = limits.gap_max.value_or(gap_worth_reading(timing));
  return {limits.registers_max, limits.bits_max, gap, bit_gap(gap), limits.holes};
}

[[nodiscard]] inline std::vector<PolledItem> polled_items(const DeviceSettings& device) {
  std::vector<PolledItem> items;
  items.reserve(device.tags.size());
  for (const TagSettings& tag : device.tags) {
    items.push_back({{tag.table, tag.address, width(tag)}, tag.interval});
  }
  return items;
}

// How busy polling this device would keep its line.
[[nodiscard]] inline BusNeed device_need(const DeviceSettings& device, const BusTiming& timing) {
  return bus_need(polled_items(device), read_limits(device.limits, timing), timing);
}

// Frames of Modbus RTU in a TCP stream: a converter passes them on to a line of its own.
struct RtuOverTcp {
  TcpEndpoint endpoint;
  std::uint32_t baud = 9600;  // of that line
  friend bool operator==(const RtuOverTcp&, const RtuOverTcp&) = default;
};

using Attachment = std::variant<TcpEndpoint, SerialSettings, RtuOverTcp>;

// One endpoint or one serial line, and every device behind it.
struct BusSettings {
  Attachment attachment;
  std::vector<DeviceSettings> devices;
};

// How fast the line is on which the devices hang.
[[nodiscard]] inline BusTiming timing_of(const Attachment& attachment) {
  if (const auto* line = std::get_if<SerialSettings>(&attachment)) {
    const unsigned parity = line->parity == Parity::None ? 0 : 1;
    return {RtuTiming::at(line->baud, 1U + line->data_bits + parity + line->stop_bits)};
  }
  if (const auto* converter = std::get_if<RtuOverTcp>(&attachment)) {
    return {RtuTiming::at(converter->baud, 11)};
  }
  return {};
}

}  // namespace hubward::modbus
