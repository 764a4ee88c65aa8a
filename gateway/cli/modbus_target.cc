#include "gateway/cli/modbus_target.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <set>

#include "gateway/cli/modbus_way.h"
#include "gateway/config/addresses.h"
#include "gateway/config/value_types.h"

namespace hubward::cli {
namespace {

constexpr std::uint16_t kModbusPort = 502;

tl::unexpected<Error> says(std::string sentence) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(sentence));
}

Parity parity_of(std::string_view name) {
  return name == "none" ? Parity::None : name == "odd" ? Parity::Odd : Parity::Even;
}

// The gateway names its ports by their whole paths.
std::string path_of(std::string_view text) {
  std::error_code ignored;
  const auto whole = std::filesystem::absolute(text, ignored);
  return ignored ? std::string(text) : whole.lexically_normal().string();
}

// HOST:PORT, behind which a converter passes RTU frames on; a path has slashes.
std::optional<modbus::RtuOverTcp> converter_at(std::string_view text) {
  if (text.find('/') != std::string_view::npos) return std::nullopt;
  const auto endpoint = config::parse_host_and_port(text, 0);
  if (!endpoint) return std::nullopt;
  modbus::RtuOverTcp converter;
  converter.endpoint = {endpoint->host, endpoint->port};
  return converter;
}

ModbusPlace place_of(const config::SiteSettings& site, const modbus::BusSettings& bus,
                     const modbus::DeviceSettings& device) {
  const DeviceDescription& described = site.devices[device.device.value];
  ModbusPlace place{bus.attachment, device.unit_id, device.response_timeout, described.id, {}};
  for (const auto& tag : device.tags) {
    place.tags.push_back({tag, described.tags[tag.tag.value], described.id});
  }
  return place;
}

// A folder that does not exist is empty.
bool has_configuration(const std::string& folder, const Surroundings& world) {
  const auto names = world.files.list(folder);
  return !names || std::ranges::find(*names, "gateway.json") != names->end();
}

// Without a configuration, or with one that has errors, nothing is known.
void add_what_is_known(ModbusPlace& place, const ModbusTarget& target, const Surroundings& world) {
  const auto site = config::load_site(target.folder, world.files, AnySecret());
  place.tags_unknown = !site.settings && has_configuration(target.folder, world);
  if (!site.settings) return;
  for (const auto& bus : site.settings->modbus_buses) {
    if (!is_same_place(bus.attachment, place.attachment)) continue;
    // The command line's host and port may be a converter's, behind which unit 0 is everybody.
    if (std::holds_alternative<modbus::RtuOverTcp>(bus.attachment)) {
      place.attachment = bus.attachment;
    }
    for (const auto& device : bus.devices) {
      if (device.unit_id != place.unit && !is_everybody(place)) continue;
      ModbusPlace known = place_of(*site.settings, bus, device);
      if (!is_everybody(place)) place.device = std::move(known.device);
      std::ranges::move(known.tags, std::back_inserter(place.tags));
    }
  }
}

Result<ModbusPlace> find_device(const ModbusTarget& target, const Surroundings& world) {
  const auto site = config::load_site(target.folder, world.files, AnySecret());
  if (!site.settings) {
    return says("the configuration in " + target.folder +
                " has problems; hubward check shows them");
  }
  for (const auto& bus : site.settings->modbus_buses) {
    for (const auto& device : bus.devices) {
      if (site.settings->devices[device.device.value].id != target.device) continue;
      return place_of(*site.settings, bus, device);
    }
  }
  for (const auto& device : site.settings->devices) {
    if (device.id != target.device) continue;
    return says(
        target.device +
        " is no Modbus device, and only those are read by hand; hubward status and the page "
        "show what it last said");
  }
  return says("no device of the configuration has the id \"" + target.device + "\"");
}

}  // namespace

bool is_everybody(const ModbusPlace& place) {
  return place.unit == modbus::kBroadcastUnit &&
         !std::holds_alternative<TcpEndpoint>(place.attachment);
}

Result<ModbusPlace> find_target(const ModbusTarget& target, const Surroundings& world) {
  const int told = !target.device.empty() + !target.tcp.empty() + !target.rtu.empty();
  if (told != 1) return says("say where the device is with one of --device, --tcp and --rtu");
  if (!target.device.empty()) return find_device(target, world);
  ModbusPlace place;
  place.unit = target.unit;
  place.response_timeout = std::chrono::milliseconds{target.timeout_ms};
  if (!target.rtu.empty()) {
    if (target.unit > modbus::kLineUnitMax) {
      return says("a unit on a serial line has an id from 1 to 247; 0 is all of them, for writes");
    }
    if (auto converter = converter_at(target.rtu)) {
      place.attachment = std::move(*converter);
    } else {
      place.attachment = SerialSettings{path_of(target.rtu),      target.baud,      8,
                                        parity_of(target.parity), target.stop_bits, false};
    }
    add_what_is_known(place, target, world);
    return place;
  }
  const bool has_scheme = target.tcp.starts_with("tcp://");
  auto endpoint = attachment_of(has_scheme ? target.tcp : "tcp://" + target.tcp);
  if (!endpoint) return tl::unexpected(endpoint.error());
  place.attachment = std::move(*endpoint);
  add_what_is_known(place, target, world);
  return place;
}

std::string full_name(const TagDescription& tag) {
  return tag.component.empty() ? tag.name : tag.component + "*" + tag.name;
}

const KnownTag* find_tag(const std::vector<KnownTag>& tags, std::string_view name) {
  for (const KnownTag& tag : tags) {
    if (full_name(tag.what) == name) return &tag;
  }
  return nullptr;
}

Result<modbus::Attachment> attachment_of(std::string_view text) {
  constexpr std::string_view kTcp = "tcp://";
  constexpr std::string_view kRtu = "rtu://";
  if (text.starts_with(kTcp)) {
    const auto endpoint = config::parse_host_and_port(text.substr(kTcp.size()), kModbusPort);
    if (!endpoint) return says("\"" + std::string(text) + "\" names no host and port");
    return TcpEndpoint{endpoint->host, endpoint->port};
  }
  if (text.starts_with(kRtu)) {
    auto converter = converter_at(text.substr(kRtu.size()));
    if (!converter) return says("\"" + std::string(text) + "\" names no host and port");
    return std::move(*converter);
  }
  if (text.find('/') != std::string_view::npos) {
    SerialSettings line;
    line.path = path_of(text);
    return line;
  }
  const std::string name(text);
  return says("\"" + name + "\" is no place to look at: write tcp://" + name +
              " for Modbus TCP, rtu://HOST:PORT for a converter that passes RTU frames on as they "
              "are, or the path of a serial port (/dev/... or ./" +
              name + ")");
}

std::vector<std::uint32_t> numbers_in(std::string_view text, std::uint32_t most) {
  std::set<std::uint32_t> numbers;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(','));
    text = entry.size() == text.size() ? std::string_view{} : text.substr(entry.size() + 1);
    std::uint32_t first = 0;
    const char* const end = entry.data() + entry.size();
    auto read = std::from_chars(entry.data(), end, first);
    std::uint32_t last = first;
    if (read.ec == std::errc{} && read.ptr != end && *read.ptr == '-') {
      read = std::from_chars(read.ptr + 1, end, last);
    }
    if (read.ec != std::errc{} || read.ptr != end || last < first || last > most) return {};
    if (last - first > 1000) return {};
    for (std::uint32_t number = first; number <= last; ++number) numbers.insert(number);
  }
  return {numbers.begin(), numbers.end()};
}

std::optional<modbus::ValueFormat> format_of_type(std::string_view name) {
  for (const auto& [known, type] : config::kValueTypes) {
    if (known != name) continue;
    modbus::ValueFormat format;
    format.type = type;
    return format;
  }
  return std::nullopt;
}

}  // namespace hubward::cli
