#include "proto/extract/value.h"

#include <algorithm>
#include <cmath>

#include "proto/utf8.h"

namespace hubward::extract {
namespace {

tl::unexpected<Error> refuse(const char* why) {
  return failure(ErrorCode::BadValue, ErrorKind::Corrupt, why);
}

Result<Value> scaled(double raw, const ValueForm& form) {
  const double value = raw * form.scale + form.offset;
  if (!std::isfinite(value)) return refuse("it is too large for a number");
  return value;
}

template <class T>
Result<Value> as_value(const Result<T>& value) {
  if (!value) return tl::unexpected(value.error());
  return Value{*value};
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

std::string plain_text(std::string_view text, const ValueForm& form) {
  if (form.utf8 && is_valid_text(text)) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    text = text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
    if (!has_control_characters(text)) return std::string(text);
  }
  return printable_text(text);
}

}  // namespace

Result<Value> value_of(std::string_view text, const ValueForm& form) {
  switch (form.type) {
    case TextType::Text:
      return Value{plain_text(text, form)};
    case TextType::Integer:
      return as_value(parse_integer(text, form.number));
    case TextType::Hex:
      return as_value(parse_hex(text));
    case TextType::Boolean:
      return as_value(parse_boolean(text));
    case TextType::DegreesMinutes:
      return as_value(parse_degrees_minutes(text));
    case TextType::Number:
      break;
  }
  const auto number = parse_number(text, form.number);
  if (!number) return tl::unexpected(number.error());
  return scaled(*number, form);
}

Result<Value> value_of(const BinaryNumber& number, const ValueForm& form) {
  if (const auto* flag = std::get_if<bool>(&number)) return Value{*flag};
  const auto* with_sign = std::get_if<std::int64_t>(&number);
  const auto* without_sign = std::get_if<std::uint64_t>(&number);
  if (form.scale == 1 && form.offset == 0) {
    if (with_sign != nullptr) return Value{*with_sign};
    if (without_sign != nullptr) return Value{*without_sign};
  }
  if (with_sign != nullptr) return scaled(static_cast<double>(*with_sign), form);
  if (without_sign != nullptr) return scaled(static_cast<double>(*without_sign), form);
  return scaled(std::get<double>(number), form);
}

Result<Value> value_of(const json::Value& member, const ValueForm& form) {
  if (const auto text = json::as_string(&member)) return value_of(*text, form);
  if (member.IsBool() && form.type == TextType::Boolean) return Value{member.GetBool()};
  if (!member.IsNumber()) return refuse("it is of another type");
  if (form.type == TextType::Number) return scaled(member.GetDouble(), form);
  if (form.type == TextType::Integer && member.IsInt64()) {
    return Value{std::int64_t{member.GetInt64()}};
  }
  if (form.type == TextType::Text) return Value{json::to_text(member)};
  return refuse("it is of another type");
}

}  // namespace hubward::extract
