#include "adapters/modbus/settings_check.h"

#include <cmath>
#include <set>

namespace hubward::modbus {
namespace {

tl::unexpected<Error> invalid(const DeviceSettings& device, const std::string& why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                 "unit " + std::to_string(device.unit_id) + ": " + why);
}

Status check(const DeviceSettings& device, bool serial) {
  if (serial && (device.unit_id == kBroadcastUnit || device.unit_id > kLineUnitMax)) {
    return invalid(device, "a unit on a serial line has an id from 1 to 247");
  }
  if (device.response_timeout <= std::chrono::milliseconds{0}) {
    return invalid(device, "the response time-out must be more than 0 ms");
  }
  for (const TagSettings& tag : device.tags) {
    const std::string name = "tag at address " + std::to_string(tag.address) + ": ";
    if (std::uint32_t{tag.address} + width(tag) > 0x10000) {
      return invalid(device, name + "reaches past address 65535");
    }
    if (holds_bits(tag.table) && tag.type != ValueType::Bool) {
      return invalid(device, name + "coils and discrete inputs are of type bool");
    }
    if (tag.interval <= std::chrono::milliseconds{0}) {
      return invalid(device, name + "the interval must be more than 0 ms");
    }
    if (!std::isfinite(tag.scale) || tag.scale == 0 || !std::isfinite(tag.offset)) {
      return invalid(device, name + "scale must be a number other than 0, offset a number");
    }
    if (tag.broadcast && (!serial || is_part(tag) || tag.verify || tag.pulse)) {
      return invalid(device,
                     name + "only whole values go to all units, of a serial line, for good");
    }
  }
  return {};
}

}  // namespace

Status check(const BusSettings& settings) {
  std::set<std::uint8_t> units;
  for (const DeviceSettings& device : settings.devices) {
    if (!units.insert(device.unit_id).second) return invalid(device, "two devices have this id");
    const bool serial = timing_of(settings.attachment).serial.has_value();
    if (auto status = check(device, serial); !status) return status;
  }
  return {};
}

}  // namespace hubward::modbus
