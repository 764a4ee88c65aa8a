// Tag values as JSON text and back: what telemetry, reported properties and commands carry.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/device_description.h"
#include "gateway/api/reading.h"
#include "proto/result.h"

namespace hubward::device {

// Appends the value; a number that JSON has no word for (NaN, infinity) becomes null.
void append_json(std::string& out, const TagValue& value);
[[nodiscard]] std::string to_json(const TagValue& value);
void append_json_string(std::string& out, std::string_view text);

// What the cloud asks to write: a bare JSON scalar, checked against the tag.
// Errors: NotWritable, BadValue (no scalar, or no number where the tag has bounds), OutOfRange. The
// context is a sentence for the caller.
[[nodiscard]] Result<TagValue> value_to_write(const TagDescription& tag, std::string_view json);

}  // namespace hubward::device
