#pragma once

#include <variant>
#include <vector>

#include "gateway/cli/command.h"

namespace hubward::cli {

// A command, or what to print instead: help (status 0), or what is wrong with the line (status 2).
// `arguments` is without the program's name.
[[nodiscard]] std::variant<Command, Outcome> parse_command_line(
    const std::vector<std::string>& arguments);

}  // namespace hubward::cli
