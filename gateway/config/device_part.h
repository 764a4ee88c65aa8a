#pragma once

#include <optional>
#include <string>
#include <variant>

#include "gateway/config/device_file.h"
#include "gateway/config/gateway_part.h"
#include "gateway/config/report.h"
#include "gateway/config/secret_source.h"
#include "gateway/config/site_settings.h"

namespace hubward::config {

struct ModbusPart {
  modbus::Attachment attachment;
  modbus::DeviceSettings device;
};

struct SerialPart {
  std::variant<TcpEndpoint, SerialSettings> attachment;
  serial::DeviceSettings device;
  std::optional<std::uint32_t> baud_behind{};  // of the line behind a TcpEndpoint
};

// One device's file, turned into settings, with the places that checks across files point at.
struct DevicePart {
  DeviceDescription description;
  DeviceCredential credential;
  // Nothing if the attachment is not usable.
  std::variant<std::monostate, ModbusPart, SerialPart, mqtt::DeviceSettings> attached;
  DeviceOutboxSettings outbox;
  std::string topic_filter;  // MQTT: with {device} filled in; empty if not usable
  Place whole;
  Place id;
  Place tags;
  Place attach;  // the object that names port, host or topic
  Place unit_id;
  Place topic;
};

// Checks the meaning of one file. `gateway` is absent if gateway.json could not be read; then
// nothing is said about enrollments. DeviceIndex is filled in later.
[[nodiscard]] DevicePart make_device_part(const DeviceFile& file, const GatewayPart* gateway,
                                          const std::string& folder, const SecretSource& secrets,
                                          FileReport& report);

// "10.0.0.5:502" or "/dev/ttyUSB0": two attachments with one name share a connection.
[[nodiscard]] std::string connection_name(
    const std::variant<TcpEndpoint, SerialSettings>& attachment);
[[nodiscard]] std::string connection_name(const modbus::Attachment& attachment);

}  // namespace hubward::config
