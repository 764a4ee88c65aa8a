#include "gateway/config/modbus_tags.h"

#include "gateway/config/addresses.h"
#include "gateway/config/modbus_value.h"

namespace hubward::config {
namespace {

void check_table(const TagFields& tag, const RegisterAddress& address, std::uint16_t width,
                 const std::string& pointer, FileReport& report) {
  const bool bits = modbus::holds_bits(address.table);
  if (bits && tag.modbus_type != modbus::ValueType::Bool) {
    report.error(pointer + "/type", "type",
                 "a " +
                     std::string(address.table == modbus::Table::Coil ? "coil" : "discrete input") +
                     " is a single bit; its type should be \"bool\"");
  }
  if (bits && tag.register_bit) {
    report.error(pointer + "/bit", "type", "it is a single bit by itself; leave \"bit\" out");
  }
  const std::uint32_t end = std::uint32_t{address.address} + width;
  if (!bits && end > 65536) {
    report.error(pointer + "/address", "address",
                 to_text(address) + " leaves no room for " + std::to_string(width) +
                     " registers; addresses end at 65535");
  }
  if (tag.writable && !modbus::is_writable(address.table)) {
    report.error(pointer + "/writable", "read-only",
                 to_text(address) +
                     " can only be read; only coils and holding registers can be "
                     "written");
  }
  // Somebody copied the manual's number behind the wire's notation.
  if (!tag.address.starts_with("manual:") && address.address >= 40000 &&
      address.table == modbus::Table::HoldingRegister && address.address < 50000) {
    report.warning(pointer + "/address", "manual-address",
                   quoted(tag.address) + " is the address " + std::to_string(address.address) +
                       " on the wire; if it is the number in the manual, write \"manual:" +
                       std::to_string(address.address) + "\"");
  }
}

void check_writes(const TagFields& tag, const std::string& pointer, FileReport& report) {
  if (!tag.writable && (tag.verify || tag.pulse || tag.no_replay || tag.broadcast)) {
    const char* key = tag.verify      ? "verify"
                      : tag.pulse     ? "pulse_ms"
                      : tag.no_replay ? "no_replay_s"
                                      : "broadcast";
    report.error(pointer + "/" + key, "not-writable",
                 quoted(key) + " belongs to a tag that is \"writable\"");
  } else if (tag.pulse && (tag.modbus_type != modbus::ValueType::Bool || !tag.names.empty())) {
    report.error(pointer + "/pulse_ms", "pulse",
                 "only a bool without \"names\" can be written as a pulse");
  }
  if (tag.broadcast && (tag.verify || tag.pulse)) {
    report.error(pointer + "/broadcast", "broadcast",
                 "nobody answers a write to all units, so that it can neither be verified nor end "
                 "a pulse for sure; leave \"verify\" and \"pulse_ms\" out");
  }
}

// Whether a unit can do it, nobody would say.
void check_broadcast(const modbus::TagSettings& tag, const std::string& pointer,
                     FileReport& report) {
  if (!tag.broadcast || tag.table != modbus::Table::HoldingRegister || !is_part(tag)) return;
  report.error(pointer + "/broadcast", "broadcast",
               "only whole registers and coils are written to all units: a bit or a half of a "
               "register needs a function that not every device has");
}

void check_range(const TagFields& tag, const std::string& pointer, FileReport& report) {
  const bool is_bool = tag.modbus_type == modbus::ValueType::Bool;
  const bool is_number =
      !is_bool && tag.modbus_type != modbus::ValueType::Text && tag.names.empty();
  if (tag.scale == 0) {
    report.error(pointer + "/scale", "scale", "a scale of 0 makes every value the same");
  }
  if (tag.modbus_type == modbus::ValueType::Text && (tag.scale != 1 || tag.offset != 0)) {
    report.error(pointer, "scale", "text cannot be scaled; leave \"scale\" and \"offset\" out");
  }
  if (!is_number && (tag.min || tag.max)) {
    report.error(pointer + (tag.min ? "/min" : "/max"), "range",
                 "\"min\" and \"max\" bound numbers, and this tag is none; leave them out");
  }
  if (is_bool && (tag.scale != 1 || tag.offset != 0)) {
    report.error(pointer, "scale", "a bool cannot be scaled; leave \"scale\" and \"offset\" out");
  }
  if (tag.min && tag.max && *tag.min > *tag.max) {
    report.error(pointer + "/min", "range",
                 "\"min\" is " + number_text(*tag.min) + ", more than \"max\", " +
                     number_text(*tag.max) + "; exchange them");
  }
  if (is_number && (tag.min || tag.max) && !tag.writable) {
    report.warning(pointer + (tag.min ? "/min" : "/max"), "range",
                   "\"min\" and \"max\" bound what the cloud may write, and this tag is not "
                   "\"writable\"");
  }
  if (tag.writable && is_number && !(tag.min && tag.max)) {
    report.warning(pointer + "/writable", "no-range",
                   "the cloud may write any value to " + quoted(tag.name) +
                       "; give \"min\" and \"max\" what the machine can bear");
  }
}

}  // namespace

std::vector<modbus::TagSettings> modbus_tags(const std::vector<TagFields>& tags,
                                             FileReport& report) {
  std::vector<modbus::TagSettings> out;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const TagFields& tag = tags[i];
    const std::string pointer = "/tags/" + std::to_string(i);
    modbus::TagSettings settings;
    settings.tag = TagIndex{static_cast<std::uint16_t>(i)};
    static_cast<modbus::ValueFormat&>(settings) = value_format(tag, pointer, report);
    settings.interval = tag.interval;
    settings.verify = tag.verify;
    settings.pulse = tag.pulse;
    settings.broadcast = tag.broadcast;
    if (report.clean(pointer)) {
      check_range(tag, pointer, report);
      check_writes(tag, pointer, report);
      if (const auto address = parse_register_address(tag.address)) {
        settings.table = address->table;
        settings.address = address->address;
        check_table(tag, *address, modbus::width(settings), pointer, report);
        check_broadcast(settings, pointer, report);
      } else {
        report.error(pointer + "/address", "address",
                     quoted(tag.address) +
                         " is no address; on the wire they go from 0 to 65535 (\"holding:12\"), in "
                         "manuals from 1 to 65536 after a first digit 0, 1, 3 or 4 "
                         "(\"manual:40013\")");
      }
    }
    out.push_back(std::move(settings));
  }
  return out;
}

}  // namespace hubward::config
