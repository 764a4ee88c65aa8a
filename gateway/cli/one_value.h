// What the commands for one-off reads and writes have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/cli/modbus_target.h"
#include "gateway/cli/modbus_way.h"
#include "gateway/config/addresses.h"

namespace hubward::cli {

[[nodiscard]] Outcome misuse(std::string why);
[[nodiscard]] Outcome problem(std::string why);
// Adds to standard error which way it went, or was tried; standard output is the same both ways.
[[nodiscard]] Outcome say_way(Outcome outcome, const ModbusWay& way);
[[nodiscard]] std::string words_of(const Error& error);
// The same, and what somebody can look at who has asked once at that place: nothing of a device's
// file, and of the line what it is.
[[nodiscard]] std::string words_of(const Error& error, const ModbusWay& way);

// The registers that a read brought, or why not in words.
[[nodiscard]] Result<std::vector<std::uint16_t>> values_in(const Result<modbus::Answer>& answer);

// One value: where, and as what.
struct Wanted {
  config::RegisterAddress address;
  modbus::ValueFormat format;
  const KnownTag* tag = nullptr;  // that says so
};
struct ValueWords {
  std::string_view address;  // or the name of one of the tags
  std::string_view type;     // empty: as the tag there says, else uint16
  bool words_low_first = false;
  bool bytes_low_first = false;
};
[[nodiscard]] Result<Wanted> wanted(const ValueWords& words, const std::vector<KnownTag>& tags);
template <class Command>
[[nodiscard]] Result<Wanted> wanted(const Command& command, const std::vector<KnownTag>& tags) {
  return wanted(
      ValueWords{command.address, command.type, command.words_low_first, command.bytes_low_first},
      tags);
}

// "true", a number, or the text itself.
[[nodiscard]] modbus::Value value_from(const std::string& text);

}  // namespace hubward::cli
