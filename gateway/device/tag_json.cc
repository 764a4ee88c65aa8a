#include "gateway/device/tag_json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "proto/json.h"

namespace hubward::device {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

std::string short_number(double number) {
  std::string text;
  append_number(text, number);
  return text;
}

Status check_range(const TagDescription& tag, double number) {
  if (tag.write_min && number < *tag.write_min) {
    return failure(ErrorCode::OutOfRange, ErrorKind::Permanent,
                   tag.name + " takes no less than " + short_number(*tag.write_min));
  }
  if (tag.write_max && number > *tag.write_max) {
    return failure(ErrorCode::OutOfRange, ErrorKind::Permanent,
                   tag.name + " takes no more than " + short_number(*tag.write_max));
  }
  return {};
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json(std::string& out, const TagValue& value) {
  struct Append {
    std::string& out;
    void operator()(bool on) const { out += on ? "true" : "false"; }
    void operator()(std::int64_t number) const { append_number(out, number); }
    void operator()(std::uint64_t number) const { append_number(out, number); }
    void operator()(double number) const {
      if (std::isfinite(number)) {
        append_number(out, number);
      } else {
        out += "null";
      }
    }
    void operator()(const std::string& text) const { append_json_string(out, text); }
  };
  std::visit(Append{out}, value);
}

std::string to_json(const TagValue& value) {
  std::string out;
  append_json(out, value);
  return out;
}

Result<TagValue> value_to_write(const TagDescription& tag, std::string_view json) {
  if (!tag.writable) {
    return failure(ErrorCode::NotWritable, ErrorKind::Permanent, tag.name + " is not writable");
  }
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                   tag.name + " takes a single value, and none came with it");
  }
  const auto document = json::parse(json, {.bytes_max = 4096, .depth_max = 4});
  if (!document) {
    return failure(
        ErrorCode::BadValue, ErrorKind::Permanent,
        tag.name + " takes a single value; this is not JSON: " + document.error().context);
  }
  // The bare value, or {"value": x}, the form in which requests are often modelled.
  const json::Value* value = json::find(*document, "value");
  if (value == nullptr) value = &*document;
  // Bounds are bounds of a number. A text that says one ("9999") must not pass them by, whatever
  // the adapter makes of texts.
  if ((tag.write_min || tag.write_max) && !json::as_double(value)) {
    return failure(ErrorCode::BadValue, ErrorKind::Permanent, tag.name + " takes a number");
  }
  if (const auto on = json::as_bool(value)) return TagValue(*on);
  if (const auto text = json::as_string(value)) return TagValue(std::string(*text));
  if (const auto number = json::as_double(value)) {
    if (const auto in_range = check_range(tag, *number); !in_range) {
      return tl::unexpected(in_range.error());
    }
    if (const auto integer = json::as_int(value)) return TagValue(*integer);
    if (value->IsUint64()) return TagValue(std::uint64_t{value->GetUint64()});
    return TagValue(*number);
  }
  return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                 tag.name + " takes a number, true, false or a text");
}

}  // namespace hubward::device
