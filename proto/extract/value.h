// What was found at a tag's place to the tag's value, as the device's file says it is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "proto/extract/binary_field.h"
#include "proto/extract/field.h"
#include "proto/json.h"
#include "proto/result.h"

namespace hubward::extract {

enum class TextType : std::uint8_t { Number, Integer, Text, Hex, Boolean, DegreesMinutes };

struct ValueForm {
  TextType type = TextType::Number;  // a binary field has a type of its own
  double scale = 1.0;                // numbers only: value = raw * scale + offset
  double offset = 0.0;
  NumberForm number{};
  // TextType::Text: well-formed UTF-8 without control characters stays as it is. Else every byte
  // that is not printable ASCII becomes `?`: on a serial line nobody knows what it stands for.
  bool utf8 = false;
};

using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

// Error BadValue: it is not what the form says, or becomes infinite by scaling.
[[nodiscard]] Result<Value> value_of(std::string_view text, const ValueForm& form);
[[nodiscard]] Result<Value> value_of(const BinaryNumber& number, const ValueForm& form);
// A member that is a text is read like any other text.
[[nodiscard]] Result<Value> value_of(const json::Value& member, const ValueForm& form);

}  // namespace hubward::extract
