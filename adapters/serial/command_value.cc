#include "adapters/serial/command_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hubward::serial {
namespace {

constexpr std::size_t kTextMax = 64;

tl::unexpected<Error> refuse(ErrorCode code, std::string why) {
  return failure(code, ErrorKind::Permanent, std::move(why));
}

std::string with_zeros(std::string number, std::size_t width) {
  if (number.size() >= width) return number;
  const std::size_t sign = number.starts_with('-') ? 1 : 0;
  return number.insert(sign, width - number.size(), '0');
}

std::string number_text(double number, std::optional<unsigned> decimals) {
  std::array<char, 400> text{};
  char* end = text.data() + text.size();
  const auto written = decimals ? std::to_chars(text.data(), end, number, std::chars_format::fixed,
                                                static_cast<int>(*decimals))
                                : std::to_chars(text.data(), end, number, std::chars_format::fixed);
  return written.ec == std::errc{} ? std::string(text.data(), written.ptr) : std::string();
}

Result<std::string> number_value(const TagSettings& tag, double wanted) {
  const WriteSettings& write = *tag.write;
  const double raw = (wanted - tag.offset) / tag.scale;
  std::string text = std::isfinite(raw) ? number_text(raw, write.decimals) : std::string();
  if (text.empty()) return refuse(ErrorCode::BadValue, "no number that can be written");
  if (text.starts_with('-') && text.find_first_of("123456789") == std::string::npos) {
    text.erase(0, 1);  // what was rounded to nothing has no sign
  }
  if (tag.form.decimal_comma) std::replace(text.begin(), text.end(), '.', ',');
  text = with_zeros(std::move(text), write.width);
  if (text.size() > (write.width != 0 ? write.width : kTextMax)) {
    return refuse(ErrorCode::OutOfRange, text + " is longer than the command has room for");
  }
  return text;
}

Result<std::string> text_value(const std::string& text) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (text.empty() || text.size() > kTextMax || !printable) {
    return refuse(ErrorCode::BadValue, "a text to write has 1 to 64 printable ASCII characters");
  }
  return text;
}

// As it is read: in hexadecimal digits, of which 31 and "31" are two different numbers.
Result<std::string> hex_value(const TagSettings& tag, const TagValue& value) {
  std::optional<std::uint64_t> number;
  if (const auto* whole = std::get_if<std::int64_t>(&value); whole != nullptr && *whole >= 0) {
    number = static_cast<std::uint64_t>(*whole);
  } else if (const auto* large = std::get_if<std::uint64_t>(&value)) {
    number = *large;
  }
  if (!number) return refuse(ErrorCode::BadValue, "a whole number from 0 on is needed");
  std::array<char, 16> digits{};
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), *number, 16).ptr;
  std::string text(digits.data(), end);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  text = with_zeros(std::move(text), tag.write->width);
  if (tag.write->width != 0 && text.size() > tag.write->width) {
    return refuse(ErrorCode::OutOfRange, text + " is longer than the command has room for");
  }
  return text;
}

}  // namespace

Result<std::string> command_value(const TagSettings& tag, const TagValue& value) {
  using Type = TagSettings::Type;
  if (tag.type == Type::DegreesMinutes) {
    return refuse(ErrorCode::BadValue, "degrees and minutes are only read");
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? tag.write->on : tag.write->off;
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (tag.type == Type::Text) return text_value(*text);
    return refuse(ErrorCode::BadValue,
                  "a number is needed; texts are written to tags of type text");
  }
  if (tag.type == Type::Hex) return hex_value(tag, value);
  if (const auto* number = std::get_if<double>(&value)) return number_value(tag, *number);
  const auto* whole = std::get_if<std::int64_t>(&value);
  const auto* large = std::get_if<std::uint64_t>(&value);
  const bool exact = tag.scale == 1 && tag.offset == 0 && !tag.write->decimals;
  if (exact) {
    std::string text = whole != nullptr ? std::to_string(*whole) : std::to_string(*large);
    text = with_zeros(std::move(text), tag.write->width);
    if (tag.write->width == 0 || text.size() <= tag.write->width) return text;
  }
  return number_value(tag,
                      whole != nullptr ? static_cast<double>(*whole) : static_cast<double>(*large));
}

bool is_order(const TagValue& value) { return value == TagValue(true); }

}  // namespace hubward::serial
