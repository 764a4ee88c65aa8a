#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/cli/command.h"
#include "gateway/cli/perform.h"

namespace hubward::cli {

// What the configuration says of one tag.
struct KnownTag {
  modbus::TagSettings where;
  TagDescription what;
  std::string device{};  // its id
};

struct ModbusPlace {
  modbus::Attachment attachment;
  std::uint8_t unit = 1;
  std::chrono::milliseconds response_timeout{1000};
  std::string device{};          // the configuration's, if it has one there
  std::vector<KnownTag> tags{};  // of it; for all units of a line those of all its devices
  // There is a configuration, and it has errors or may not be read: tags may be missing above.
  bool tags_unknown = false;
};

// All units of a serial line, which only writes can be for: unit 0.
[[nodiscard]] bool is_everybody(const ModbusPlace& place);

// Where the command line says the device is, and what the configuration knows of it. The error's
// context is a sentence.
[[nodiscard]] Result<ModbusPlace> find_target(const ModbusTarget& target,
                                              const Surroundings& world);

// "pressure", or "component*pressure" of another than the default component.
[[nodiscard]] const KnownTag* find_tag(const std::vector<KnownTag>& tags, std::string_view name);
[[nodiscard]] std::string full_name(const TagDescription& tag);

// "tcp://host:port", "rtu://host:port" (a converter) or a path, with the line settings left at
// their defaults.
[[nodiscard]] Result<modbus::Attachment> attachment_of(std::string_view text);

// "1-20,33" in rising order, each once; empty: not of this form, or past `most`.
[[nodiscard]] std::vector<std::uint32_t> numbers_in(std::string_view text, std::uint32_t most);

// By its name in the configuration.
[[nodiscard]] std::optional<modbus::ValueFormat> format_of_type(std::string_view name);

}  // namespace hubward::cli
