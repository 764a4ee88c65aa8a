// A value to write, as the text that a command takes.
#pragma once

#include <string>

#include "adapters/serial/settings.h"

namespace hubward::serial {

// Scale and offset undone, with the tag's decimals, width and decimal comma. Error BadValue: a text
// for a tag whose type is not text, or one that is empty, over 64 characters or not printable (it
// could end the command and begin another), or no number; OutOfRange: longer than the width.
[[nodiscard]] Result<std::string> command_value(const TagSettings& tag, const TagValue& value);

// Only true gives a command that takes no value: who sends 5 thinks that the 5 means something.
[[nodiscard]] bool is_order(const TagValue& value);

}  // namespace hubward::serial
