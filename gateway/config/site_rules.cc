#include "gateway/config/site_rules.h"

#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "gateway/config/line_load.h"
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
  std::map<std::uint8_t, const DevicePart*> units;  // Modbus
};

const std::variant<TcpEndpoint, SerialSettings>* attachment_of(const DevicePart& device) {
  if (const auto* modbus = std::get_if<ModbusPart>(&device.attached)) return &modbus->attachment;
  if (const auto* lines = std::get_if<serial::DeviceSettings>(&device.attached)) {
    return &lines->attachment;
  }
  return nullptr;
}

void check_sharing(const DevicePart& device, Connection& connection, const std::string& name,
                   std::vector<Problem>& problems) {
  const auto* modbus = std::get_if<ModbusPart>(&device.attached);
  const auto* first = std::get_if<ModbusPart>(&connection.first->attached);
  if (modbus == nullptr || first == nullptr) {
    problems.push_back(problem_at(device.attach, "port-taken",
                                  name + " is already used by " + at(*connection.first) +
                                      "; only Modbus devices can share a line"));
    return;
  }
  const auto* line = std::get_if<SerialSettings>(&modbus->attachment);
  const auto* first_line = std::get_if<SerialSettings>(&first->attachment);
  if (line != nullptr && first_line != nullptr && *line != *first_line) {
    problems.push_back(problem_at(device.attach, "line-settings",
                                  "baud, parity, stop_bits and rs485 of " + name +
                                      " differ from those in " + at(*connection.first) +
                                      "; all devices on one line need the same"));
  }
}

void check_connections(const std::vector<DevicePart>& devices, std::vector<Problem>& problems) {
  std::map<std::string, Connection> connections;
  for (const auto& device : devices) {
    const auto* attachment = attachment_of(device);
    if (attachment == nullptr) continue;
    const std::string name = connection_name(*attachment);
    Connection& connection = connections[name];
    if (connection.first == nullptr) {
      connection.first = &device;
    } else {
      check_sharing(device, connection, name, problems);
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
    const auto* line = std::get_if<SerialSettings>(&bus.attachment);
    if (line == nullptr) continue;
    const double load = line_load(*line, bus.devices);
    if (load <= 1) continue;
    const DevicePart& first = devices[bus.devices.front().device.value];
    problems.push_back(problem_at(
        first.attach, "line-load",
        "reading everything on " + line->path + " as often as asked would take " +
            number_text(std::ceil(load * 100)) + " % of the time at " + std::to_string(line->baud) +
            " baud; tags will be read later than \"interval_ms\" says: lengthen it, or raise the "
            "baud rate",
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

}  // namespace hubward::config
