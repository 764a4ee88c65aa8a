#include "gateway/config/site_rules.h"

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "adapters/serial/line_need.h"
#include "gateway/config/line_need.h"
#include "gateway/config/topic_overlap.h"

namespace hubward::config {
namespace {

std::string at(const DevicePart& other) { return other.whole.file; }

void check_ids(const std::vector<DevicePart>& devices, std::vector<Problem>& problems) {
  std::map<std::string, const DevicePart*> seen;
  for (const auto& device : devices) {
    if (device.description.id.empty()) continue;
    const auto [place, fresh] = seen.emplace(device.description.id, &device);
    if (fresh) continue;
    problems.push_back(problem_at(device.id, "duplicate-id",
                                  quoted(device.description.id) + " is already the id in " +
                                      at(*place->second) + "; each device needs its own"));
  }
}

// What one connection is used for by the first device that uses it.
struct Connection {
  const DevicePart* first = nullptr;
  const DevicePart* says_baud = nullptr;            // the first that says `line_baud`
  std::map<std::uint8_t, const DevicePart*> units;  // Modbus
};

std::optional<std::string> connection_of(const DevicePart& device) {
  if (const auto* modbus = std::get_if<ModbusPart>(&device.attached)) {
    return connection_name(modbus->attachment);
  }
  if (const auto* lines = std::get_if<SerialPart>(&device.attached)) {
    return connection_name(lines->attachment);
  }
  return std::nullopt;
}

// Serial devices that speak only when they are asked.
bool both_polled(const DevicePart& one, const DevicePart& other) {
  const auto* first = std::get_if<SerialPart>(&one.attached);
  const auto* second = std::get_if<SerialPart>(&other.attached);
  return first != nullptr && second != nullptr && !first->device.requests.empty() &&
         !second->device.requests.empty();
}

void check_sharing(const DevicePart& device, Connection& connection, const std::string& name,
                   std::vector<Problem>& problems) {
  const auto* modbus = std::get_if<ModbusPart>(&device.attached);
  const auto* first = std::get_if<ModbusPart>(&connection.first->attached);
  if (both_polled(device, *connection.first)) {
    const auto& one = std::get<SerialPart>(device.attached);
    const DevicePart* other = nullptr;
    if (one.attachment != std::get<SerialPart>(connection.first->attached).attachment) {
      other = connection.first;
    } else if (one.baud_behind && connection.says_baud != nullptr &&
               one.baud_behind !=
                   std::get<SerialPart>(connection.says_baud->attached).baud_behind) {
      other = connection.says_baud;
    }
    if (other == nullptr) return;
    problems.push_back(problem_at(device.attach, "line-settings",
                                  "the line settings of " + name + " differ from those in " +
                                      at(*other) + "; all devices on one line need the same"));
    return;
  }
  if (modbus == nullptr || first == nullptr) {
    problems.push_back(problem_at(device.attach, "port-taken",
                                  name + " is already used by " + at(*connection.first) +
                                      "; only Modbus devices, or serial devices that all have "
                                      "\"requests\", can share a line"));
    return;
  }
  if (modbus->attachment == first->attachment) return;
  const bool both_serial = std::holds_alternative<SerialSettings>(modbus->attachment) &&
                           std::holds_alternative<SerialSettings>(first->attachment);
  problems.push_back(problem_at(
      device.attach, "line-settings",
      (both_serial ? "baud, parity, stop_bits and rs485 of " : "the kind or the baud of ") + name +
          " differ from those in " + at(*connection.first) +
          "; all devices on one line need the same"));
}

void check_connections(const std::vector<DevicePart>& devices, std::vector<Problem>& problems) {
  std::map<std::string, Connection> connections;
  for (const auto& device : devices) {
    const auto found = connection_of(device);
    if (!found) continue;
    const std::string& name = *found;
    Connection& connection = connections[name];
    if (connection.first == nullptr) {
      connection.first = &device;
    } else {
      check_sharing(device, connection, name, problems);
    }
    const auto* serial = std::get_if<SerialPart>(&device.attached);
    if (serial != nullptr && serial->baud_behind && connection.says_baud == nullptr) {
      connection.says_baud = &device;
    }
    const auto* modbus = std::get_if<ModbusPart>(&device.attached);
    if (modbus == nullptr) continue;
    const auto [unit, fresh] = connection.units.emplace(modbus->device.unit_id, &device);
    if (!fresh) {
      problems.push_back(problem_at(device.unit_id, "duplicate-unit",
                                    "unit id " + std::to_string(modbus->device.unit_id) + " at " +
                                        name + " is already that of " + at(*unit->second) +
                                        "; each device on a line needs its own"));
    }
  }
}

void check_topics(const std::vector<DevicePart>& devices, std::vector<Problem>& problems) {
  TopicOverlap overlap;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const DevicePart& device = devices[i];
    if (device.topic_filter.empty()) continue;
    const auto other = overlap.add(device.topic_filter, i);
    if (!other) continue;
    problems.push_back(problem_at(device.topic, "topic-overlap",
                                  "a message can match both " + quoted(device.topic_filter) +
                                      " and " + quoted(devices[*other].topic_filter) + " of " +
                                      at(devices[*other]) +
                                      "; each message should belong to one device"));
  }
}

void check_load(const std::vector<DevicePart>& devices, std::vector<Problem>& problems) {
  for (const auto& bus : group_buses(devices)) {
    // How fast a network's devices answer is not known.
    const modbus::BusTiming timing = modbus::timing_of(bus.attachment);
    if (!timing.serial) continue;
    const double load = line_need(bus, timing).share;
    if (load <= 1) continue;
    const auto* line = std::get_if<SerialSettings>(&bus.attachment);
    const auto* converter = std::get_if<modbus::RtuOverTcp>(&bus.attachment);
    const DevicePart& first = devices[bus.devices.front().device.value];
    problems.push_back(problem_at(
        first.attach, "line-load",
        "reading everything on " + connection_name(bus.attachment) + " as often as asked takes " +
            number_text(std::ceil(load * 100)) + " % of the time at " +
            std::to_string(line != nullptr ? line->baud : converter->baud) +
            " baud: cannot fit; tags will be read later than \"interval_ms\" says: lengthen it, or "
            "raise the baud rate; hubward plan shows each request",
        Problem::Severity::Warning));
  }
}

void check_polling(const std::vector<DevicePart>& devices, std::vector<Problem>& problems) {
  for (const auto& line : group_lines(devices)) {
    const auto share = least_polling_share(line);
    if (!share || *share <= 1) continue;
    const auto* port = std::get_if<SerialSettings>(&line.attachment);
    const DevicePart& first = devices[line.devices.front().device.value];
    problems.push_back(
        problem_at(first.attach, "line-load",
                   "all requests on " + connection_name(line.attachment) + " take at least " +
                       number_text(std::ceil(*share * 100)) + " % of the time at " +
                       std::to_string(port != nullptr ? port->baud : *line.baud_behind) +
                       " baud, with the shortest answers and " +
                       std::to_string(serial::kLeastPauseBeforeAnswer.count()) +
                       " ms before each: cannot fit; the devices will be asked less often than "
                       "\"interval_ms\" says: lengthen it, or raise the baud rate",
                   Problem::Severity::Warning));
  }
}

}  // namespace

std::vector<Problem> check_site(const std::vector<DevicePart>& devices) {
  std::vector<Problem> problems;
  check_ids(devices, problems);
  check_connections(devices, problems);
  check_topics(devices, problems);
  check_load(devices, problems);
  check_polling(devices, problems);
  return problems;
}

std::vector<modbus::BusSettings> group_buses(const std::vector<DevicePart>& devices) {
  std::vector<modbus::BusSettings> buses;
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto* modbus = std::get_if<ModbusPart>(&devices[i].attached);
    if (modbus == nullptr) continue;
    const auto [bus, fresh] = by_name.emplace(connection_name(modbus->attachment), buses.size());
    if (fresh) buses.push_back({modbus->attachment, {}});
    auto& device = buses[bus->second].devices.emplace_back(modbus->device);
    device.device = DeviceIndex{static_cast<std::uint32_t>(i)};
  }
  return buses;
}

std::vector<serial::LineSettings> group_lines(const std::vector<DevicePart>& devices) {
  std::vector<serial::LineSettings> lines;
  std::map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const auto* part = std::get_if<SerialPart>(&devices[i].attached);
    if (part == nullptr) continue;
    const auto [line, fresh] = by_name.emplace(connection_name(part->attachment), lines.size());
    if (fresh) lines.push_back({part->attachment, {}});
    if (part->baud_behind) lines[line->second].baud_behind = part->baud_behind;
    auto& device = lines[line->second].devices.emplace_back(part->device);
    device.device = DeviceIndex{static_cast<std::uint32_t>(i)};
  }
  return lines;
}

}  // namespace hubward::config
