// One file of devices.d as it is written, and the record that describes it. It reads like a data
// sheet: who the device is, where it is attached, and its tags.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/modbus/settings.h"
#include "adapters/serial/settings.h"
#include "gateway/api/device_description.h"
#include "gateway/config/mqtt_fields.h"
#include "gateway/config/record.h"
#include "gateway/config/secret_fields.h"
#include "gateway/config/serial_fields.h"

namespace hubward::config {

// Shared by all that speaks Modbus.
struct ModbusUnitFields {
  std::uint8_t unit_id = 1;
  std::chrono::milliseconds response_timeout{1000};
  std::uint16_t registers_max = modbus::kReadRegistersMax;
  std::uint16_t bits_max = modbus::kReadBitsMax;
  std::optional<std::uint16_t> gap_max;
  std::vector<std::string> unreadable;  // "holding:100" or "holding:100-119"
  bool has_function_23 = false;
};

struct ModbusTcpFields : ModbusUnitFields {
  std::string host;
  std::uint16_t port = 502;
  std::uint8_t requests_in_flight = 1;
};

struct ModbusRtuTcpFields : ModbusUnitFields {
  std::string host;
  std::uint16_t tcp_port = 0;
  std::uint32_t baud = 9600;
};

// Shared by all that hangs on a serial port.
struct LineFields {
  std::string port;
  std::uint32_t baud = 0;
  std::uint8_t data_bits = 8;
  Parity parity = Parity::None;
  std::uint8_t stop_bits = 1;
  bool rs485 = false;
};

struct ModbusRtuFields : LineFields, ModbusUnitFields {};

struct SerialFields : LineFields, SerialProtocolFields {};

struct SerialTcpFields : SerialProtocolFields {
  std::string host;
  std::uint16_t tcp_port = 0;
  std::optional<std::uint32_t> line_baud;
};

struct AttachFields {  // exactly one
  std::optional<ModbusTcpFields> modbus_tcp;
  std::optional<ModbusRtuFields> modbus_rtu;
  std::optional<ModbusRtuTcpFields> modbus_rtu_tcp;
  std::optional<SerialFields> serial;
  std::optional<SerialTcpFields> serial_tcp;
  std::optional<MqttFields> mqtt;
};

// Every key that some kind of tag has; which ones a file may use follows from how the device is
// attached. `pointer` is MQTT's too.
struct TagFields : SerialTagFields {
  std::string name;
  TagDescription::As as = TagDescription::As::Telemetry;
  std::string component;
  std::string unit;
  Priority priority = Priority::Normal;
  bool on_change = false;
  double dead_band = 0;
  double dead_band_percent = 0;
  std::optional<std::chrono::seconds> silence_max;
  // Modbus
  std::string address;
  modbus::ValueType modbus_type = modbus::ValueType::Uint16;
  modbus::WordOrder word_order = modbus::WordOrder::HighFirst;
  modbus::ByteOrder register_byte_order = modbus::ByteOrder::HighFirst;
  bool high_half = false;
  std::optional<std::uint8_t> register_bit;
  std::optional<std::uint8_t> bit_count;
  std::optional<std::uint16_t> length;
  std::optional<double> clamp_min;
  std::optional<double> clamp_max;
  std::optional<std::uint8_t> decimals;
  std::vector<std::string> bad_raw;
  std::map<std::string, std::string> names;
  bool unnamed_is_bad = false;
  std::chrono::milliseconds interval{1000};
  bool writable = false;
  bool verify = false;
  bool broadcast = false;
  std::optional<std::chrono::seconds> no_replay;
  std::optional<std::chrono::milliseconds> pulse;
  std::optional<double> min;
  std::optional<double> max;
  // Modbus and serial
  double scale = 1;
  double offset = 0;
  // MQTT
  std::optional<SerialType> mqtt_type;
  std::string named;
  std::string component_named;
  std::string write_topic;
  std::string write_payload;
};

struct DeviceOutboxFields {
  std::optional<std::int64_t> bytes_max;
  std::optional<std::int64_t> age_max_h;
  std::optional<SendOrder> order;
  std::optional<unsigned> fresh_share_percent;
};

struct DeviceFile {
  std::string schema;
  std::int64_t version = 1;
  std::string id;
  std::string name;
  std::string model;
  std::string model_id;
  std::string enrollment;
  std::optional<SecretFields> key;
  std::optional<SecretFields> secondary_key;
  bool connect_first = false;
  std::optional<double> expected_messages_per_minute;
  AttachFields attach;
  DeviceOutboxFields outbox;
  std::vector<TagFields> tags;
};

// IoT Central allows 300 capabilities in a model; this leaves room for three such models.
inline constexpr std::size_t kTagsMax = 1000;

[[nodiscard]] const Record<DeviceFile>& device_record();

// The key under "attach" that is set, e.g. "modbus_tcp"; empty if none is.
[[nodiscard]] std::string attach_kind(const AttachFields& attach);

}  // namespace hubward::config
