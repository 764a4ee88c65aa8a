#include "gateway/config/attach_part.h"

#include <utility>

#include "gateway/config/modbus_tags.h"
#include "gateway/config/serial_part.h"
#include "proto/mqtt/topic_template.h"

namespace hubward::config {
namespace {

SerialSettings serial_settings(const LineFields& line) {
  return {line.port, line.baud, line.data_bits, line.parity, line.stop_bits, line.rs485};
}

const char* parity_letter(Parity parity) {
  return parity == Parity::None ? "N" : parity == Parity::Even ? "E" : "O";
}

// "9600 8N1", as it is printed on devices.
std::string line_words(const SerialSettings& line) {
  return std::to_string(line.baud) + " " + std::to_string(line.data_bits) +
         parity_letter(line.parity) + std::to_string(line.stop_bits);
}

void attach_modbus(const DeviceFile& file, FileReport& report, DevicePart& part) {
  ModbusPart modbus;
  auto& description = part.description;
  if (const auto& tcp = file.attach.modbus_tcp) {
    modbus.attachment = TcpEndpoint{tcp->host, tcp->port};
    modbus.device.unit_id = tcp->unit_id;
    modbus.device.response_timeout = tcp->response_timeout;
    description.kind = "modbus-tcp";
    description.attached_to = "Modbus TCP " + connection_name(modbus.attachment) + ", unit " +
                              std::to_string(tcp->unit_id);
  } else if (const auto& rtu = file.attach.modbus_rtu) {
    const SerialSettings line = serial_settings(*rtu);
    modbus.attachment = line;
    modbus.device.unit_id = rtu->unit_id;
    modbus.device.response_timeout = rtu->response_timeout;
    description.kind = "modbus-rtu";
    description.attached_to = "Modbus RTU " + line.path + ", " + line_words(line) + ", unit " +
                              std::to_string(rtu->unit_id);
  }
  modbus.device.tags = modbus_tags(file.tags, report);
  if (report.clean("/attach")) part.attached = std::move(modbus);
}

void attach_lines(const DeviceFile& file, FileReport& report, DevicePart& part) {
  serial::DeviceSettings device;
  auto& description = part.description;
  const SerialProtocolFields* lines = nullptr;
  if (const auto& serial = file.attach.serial) {
    const SerialSettings line = serial_settings(*serial);
    device.attachment = line;
    lines = &*serial;
    description.attached_to = "Serial " + line.path + ", " + line_words(line);
  } else if (const auto& tcp = file.attach.serial_tcp) {
    device.attachment = TcpEndpoint{tcp->host, tcp->tcp_port};
    lines = &*tcp;
    description.attached_to = "Serial lines at " + connection_name(device.attachment);
  }
  description.kind = "serial";
  describe_serial(file, *lines, device, report);
  if (report.clean("/attach")) part.attached = std::move(device);
}

// The filter that only this device's messages match, or an empty text after an error.
std::string own_filter(const std::string& topic, const std::string& device, FileReport& report) {
  if (const auto parsed = mqtt::TopicTemplate::parse(topic); !parsed) {
    report.error("/attach/mqtt/topic", "topic",
                 "\"topic\" cannot be used: " + parsed.error().context);
    return "";
  }
  constexpr std::string_view kPlaceholder = "{device}";
  std::string filter = topic;
  if (const std::size_t at = filter.find(kPlaceholder); at != std::string::npos) {
    filter.replace(at, kPlaceholder.size(), device);
  }
  return filter;
}

void attach_mqtt(const DeviceFile& file, const GatewayPart* gateway, FileReport& report,
                 DevicePart& part) {
  const MqttFields& fields = *file.attach.mqtt;
  mqtt::DeviceSettings device;
  device.device_name = fields.device.empty() ? file.id : fields.device;
  device.topic_template = fields.topic;
  if (report.clean("/attach") && report.clean("/id")) {
    part.topic_filter = own_filter(fields.topic, device.device_name, report);
  }
  part.description.kind = "mqtt";
  part.description.attached_to = "MQTT " + part.topic_filter;
  if (gateway != nullptr && !gateway->has_broker) {
    report.error("/attach/mqtt", "broker-missing",
                 "the device is attached by MQTT, but gateway.json names no \"broker\"; add one, "
                 "e.g. \"broker\": {\"host\": \"127.0.0.1\"}");
  }
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const std::string& pointer = file.tags[i].pointer;
    const std::string at = "/tags/" + std::to_string(i) + "/pointer";
    check_json_pointer(pointer, at, report);
    device.tags.push_back({TagIndex{static_cast<std::uint16_t>(i)}, pointer});
  }
  if (report.clean("/attach")) part.attached = std::move(device);
}

}  // namespace

void check_json_pointer(const std::string& pointer, const std::string& at, FileReport& report) {
  // RFC 6901, section 3: ~ stands only in ~0 and ~1.
  for (std::size_t tilde = 0; (tilde = pointer.find('~', tilde)) != std::string::npos; ++tilde) {
    const char next = tilde + 1 < pointer.size() ? pointer[tilde + 1] : ' ';
    if (next == '0' || next == '1' || !report.clean(at)) continue;
    report.error(at, "pointer",
                 quoted(pointer) + " is no JSON Pointer; write ~ as ~0, and / in a key as ~1");
  }
}

std::string connection_name(const std::variant<TcpEndpoint, SerialSettings>& attachment) {
  if (const auto* line = std::get_if<SerialSettings>(&attachment)) return line->path;
  const auto& tcp = std::get<TcpEndpoint>(attachment);
  const bool ipv6 = tcp.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + tcp.host + "]" : tcp.host) + ":" + std::to_string(tcp.port);
}

void attach_device(const DeviceFile& file, const GatewayPart* gateway, FileReport& report,
                   DevicePart& part) {
  if (file.attach.modbus_tcp || file.attach.modbus_rtu) {
    attach_modbus(file, report, part);
  } else if (file.attach.serial || file.attach.serial_tcp) {
    attach_lines(file, report, part);
  } else if (file.attach.mqtt) {
    attach_mqtt(file, gateway, report, part);
  }
}

}  // namespace hubward::config
