#include "gateway/config/attach_part.h"

#include <algorithm>
#include <utility>

#include "gateway/config/addresses.h"
#include "gateway/config/modbus_tags.h"
#include "gateway/config/mqtt_part.h"
#include "gateway/config/serial_part.h"

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

// "holding:100" or "holding:100-119"
std::optional<modbus::Hole> parse_hole(const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_register_address(text.substr(0, dash));
  if (!first) return std::nullopt;
  modbus::Hole hole{first->table, first->address, first->address};
  if (dash == std::string::npos) return hole;
  const auto last =
      parse_register_address(text.substr(0, text.find(':') + 1) + text.substr(dash + 1));
  if (!last || last->address < first->address) return std::nullopt;
  hole.last = last->address;
  return hole;
}

void set_unit(const ModbusUnitFields& fields, const std::string& pointer,
              modbus::DeviceSettings& device, FileReport& report) {
  device.unit_id = fields.unit_id;
  device.response_timeout = fields.response_timeout;
  device.limits.registers_max = fields.registers_max;
  device.limits.bits_max = fields.bits_max;
  device.limits.gap_max = fields.gap_max;
  device.has_function_23 = fields.has_function_23;
  for (std::size_t i = 0; i < fields.unreadable.size(); ++i) {
    const std::string at = pointer + "/unreadable/" + std::to_string(i);
    if (!report.clean(at)) continue;
    if (const auto hole = parse_hole(fields.unreadable[i])) {
      device.limits.holes.push_back(*hole);
    } else {
      report.error(at, "address",
                   quoted(fields.unreadable[i]) +
                       " is no range of addresses; they go from 0 to 65535, the lower one first");
    }
  }
}

// A tag that one request cannot fetch would never be read, and one in a hole must not be.
void check_limits(const modbus::DeviceSettings& device, FileReport& report) {
  for (std::size_t i = 0; i < device.tags.size(); ++i) {
    const std::string pointer = "/tags/" + std::to_string(i);
    if (!report.clean(pointer) || !report.clean(pointer + "/address")) continue;
    const modbus::TagSettings& tag = device.tags[i];
    const auto width = modbus::width(tag);
    if (!modbus::holds_bits(tag.table) && width > device.limits.registers_max) {
      report.error(pointer + "/type", "registers-max",
                   "the value takes " + std::to_string(width) +
                       " registers, more than \"registers_max\" lets be read at once");
    }
    for (const modbus::Hole& hole : device.limits.holes) {
      if (hole.table != tag.table || hole.first >= tag.address + width || hole.last < tag.address) {
        continue;
      }
      report.error(pointer + "/address", "unreadable",
                   "the tag lies in a range that \"unreadable\" names; take it out of one of them");
      break;
    }
  }
}

// A setting that is silently without effect would be looked for in vain.
void check_function_23(const modbus::DeviceSettings& device, const std::string& pointer,
                       FileReport& report) {
  const bool is_used = std::ranges::any_of(device.tags, modbus::may_write_and_read);
  if (!device.has_function_23 || is_used) return;
  report.warning(pointer + "/function_23", "function-23",
                 "no tag makes use of it: it is for whole holding registers that are written "
                 "with \"verify\"");
}

// Modbus Messaging on TCP/IP Implementation Guide V1.0b: there unit id 0 is the device itself.
void check_broadcasts(const ModbusPart& part, FileReport& report) {
  if (!std::holds_alternative<TcpEndpoint>(part.attachment)) return;
  for (std::size_t i = 0; i < part.device.tags.size(); ++i) {
    if (!part.device.tags[i].broadcast) continue;
    report.error("/tags/" + std::to_string(i) + "/broadcast", "broadcast",
                 "Modbus TCP has no broadcast: unit id 0 is the device itself there, and nobody "
                 "else hears it; a serial line (\"modbus_rtu\", \"modbus_rtu_tcp\") has");
  }
}

void attach_modbus(const DeviceFile& file, FileReport& report, DevicePart& part) {
  ModbusPart modbus;
  auto& description = part.description;
  if (const auto& tcp = file.attach.modbus_tcp) {
    modbus.attachment = TcpEndpoint{tcp->host, tcp->port};
    set_unit(*tcp, "/attach/modbus_tcp", modbus.device, report);
    modbus.device.limits.in_flight_max = tcp->requests_in_flight;
    description.kind = "modbus-tcp";
    description.attached_to = "Modbus TCP " + connection_name(modbus.attachment) + ", unit " +
                              std::to_string(tcp->unit_id);
  } else if (const auto& rtu = file.attach.modbus_rtu) {
    const SerialSettings line = serial_settings(*rtu);
    modbus.attachment = line;
    set_unit(*rtu, "/attach/modbus_rtu", modbus.device, report);
    description.kind = "modbus-rtu";
    description.attached_to = "Modbus RTU " + line.path + ", " + line_words(line) + ", unit " +
                              std::to_string(rtu->unit_id);
  } else if (const auto& behind = file.attach.modbus_rtu_tcp) {
    modbus.attachment = modbus::RtuOverTcp{{behind->host, behind->tcp_port}, behind->baud};
    set_unit(*behind, "/attach/modbus_rtu_tcp", modbus.device, report);
    description.kind = "modbus-rtu-tcp";
    description.attached_to = "Modbus RTU over TCP " + connection_name(modbus.attachment) +
                              ", unit " + std::to_string(behind->unit_id);
  }
  modbus.device.tags = modbus_tags(file.tags, report);
  check_limits(modbus.device, report);
  check_broadcasts(modbus, report);
  check_function_23(modbus.device, "/attach/" + attach_kind(file.attach), report);
  if (report.clean("/attach")) part.attached = std::move(modbus);
}

void attach_lines(const DeviceFile& file, FileReport& report, DevicePart& part) {
  SerialPart device;
  auto& description = part.description;
  const SerialProtocolFields* lines = nullptr;
  if (const auto& serial = file.attach.serial) {
    const SerialSettings line = serial_settings(*serial);
    device.attachment = line;
    lines = &*serial;
    description.attached_to = "Serial " + line.path + ", " + line_words(line);
  } else if (const auto& tcp = file.attach.serial_tcp) {
    device.attachment = TcpEndpoint{tcp->host, tcp->tcp_port};
    device.baud_behind = tcp->line_baud;
    lines = &*tcp;
    description.attached_to = "Serial lines at " + connection_name(device.attachment);
  }
  description.kind = "serial";
  describe_serial(file, *lines, device.device, report);
  if (!lines->address.empty()) description.attached_to += ", address " + lines->address;
  // How often it is asked is how often it answers, unless its file expects otherwise.
  if (!lines->requests.empty() && !description.expected_messages_per_minute) {
    double a_minute = 0;
    for (const auto& request : lines->requests) {
      a_minute += 60'000.0 / static_cast<double>(request.interval.count());
    }
    description.expected_messages_per_minute = a_minute;
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

std::string connection_name(const modbus::Attachment& attachment) {
  using Common = std::variant<TcpEndpoint, SerialSettings>;
  if (const auto* line = std::get_if<SerialSettings>(&attachment)) {
    return connection_name(Common(*line));
  }
  if (const auto* converter = std::get_if<modbus::RtuOverTcp>(&attachment)) {
    return connection_name(Common(converter->endpoint));
  }
  return connection_name(Common(std::get<TcpEndpoint>(attachment)));
}

void attach_device(const DeviceFile& file, const GatewayPart* gateway, FileReport& report,
                   DevicePart& part) {
  if (file.attach.modbus_tcp || file.attach.modbus_rtu || file.attach.modbus_rtu_tcp) {
    attach_modbus(file, report, part);
  } else if (file.attach.serial || file.attach.serial_tcp) {
    attach_lines(file, report, part);
  } else if (file.attach.mqtt) {
    attach_mqtt(file, gateway, report, part);
  }
}

}  // namespace hubward::config
