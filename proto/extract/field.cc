#include "proto/extract/field.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hubward::extract {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::size_t kQuotedMax = 40;

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

tl::unexpected<Error> no_number(std::string_view text) {
  return failure(ErrorCode::BadValue, ErrorKind::Corrupt,
                 "\"" + printable_text(text.substr(0, kQuotedMax)) + "\" is no number");
}

// std::from_chars wants no plus, no blanks and a minus directly in front of the digits.
struct SignAndDigits {
  bool negative = false;
  std::string_view digits;
};

SignAndDigits split(std::string_view text) {
  text = without_blanks(text);
  SignAndDigits parts;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    parts.negative = text.front() == '-';
    text = without_blanks(text.substr(1));
  }
  parts.digits = text;
  return parts;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool begins_like_a_number(std::string_view digits) {
  return !digits.empty() && (is_digit(digits.front()) || digits.front() == '.');
}

// A number's end or another one's beginning is no unit: half of a number would pass for one.
bool may_be_unit(std::string_view text) {
  constexpr std::string_view kOfNumbers = ".,+-";
  return !is_digit(text.front()) && kOfNumbers.find(text.front()) == std::string_view::npos;
}

bool fits(std::string_view rest, const NumberForm& form) {
  rest = without_blanks(rest);
  if (form.unit == kAnyUnit) return rest.empty() || may_be_unit(rest);
  return rest == form.unit;
}

// With `.` as decimal point; empty if it has one where a comma should be.
std::string with_point(std::string_view digits) {
  std::string out(digits);
  if (out.find('.') != std::string::npos) return "";
  if (const auto comma = out.find(','); comma != std::string::npos) out[comma] = '.';
  return out;
}

}  // namespace

Result<double> parse_number(std::string_view text, const NumberForm& form) {
  const auto [negative, digits] = split(text);
  const std::string number = form.decimal_comma ? with_point(digits) : std::string(digits);
  if (!begins_like_a_number(number)) return no_number(text);
  double value = 0;
  const char* end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  if (error != std::errc{} || !fits(rest, form) || !std::isfinite(value)) return no_number(text);
  return negative ? -value : value;
}

Result<std::int64_t> parse_integer(std::string_view text, const NumberForm& form) {
  const auto [negative, digits] = split(text);
  if (!begins_like_a_number(digits)) return no_number(text);
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, magnitude);
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (error != std::errc{} || !fits(rest, form) || magnitude > kLimit - (negative ? 0 : 1)) {
    return no_number(text);
  }
  return static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude);
}

Result<std::int64_t> parse_hex(std::string_view text) {
  const std::string_view digits = without_blanks(text);
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
  // from_chars takes a minus here as well.
  if (error != std::errc{} || stop != end || digits.starts_with('-')) return no_number(text);
  return value;
}

Result<bool> parse_boolean(std::string_view text) {
  std::string word(without_blanks(text));
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view yes : {"1", "true", "on", "yes"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"0", "false", "off", "no"}) {
    if (word == no) return false;
  }
  return failure(
      ErrorCode::BadValue, ErrorKind::Corrupt,
      "\"" + printable_text(text.substr(0, kQuotedMax)) + "\" is neither true nor false");
}

Result<double> parse_degrees_minutes(std::string_view text) {
  std::string_view number = without_blanks(text);
  bool negative = false;
  if (!number.empty() && !is_digit(number.back()) && number.back() != '.') {
    const char side = number.back();
    if (side != 'N' && side != 'E' && side != 'S' && side != 'W') return no_number(text);
    negative = side == 'S' || side == 'W';
    number = without_blanks(number.substr(0, number.size() - 1));
    if (number.ends_with(',')) number = without_blanks(number.substr(0, number.size() - 1));
  }
  const std::size_t point = std::min(number.find('.'), number.size());
  for (std::size_t i = 0; i < number.size(); ++i) {
    if (i != point && !is_digit(number[i])) return no_number(text);
  }
  if (point < 3 || point > 5) return no_number(text);
  const auto degrees = parse_number(number.substr(0, point - 2));
  const auto minutes = parse_number(number.substr(point - 2));
  if (!degrees || !minutes || *minutes >= 60 || *degrees > 180) return no_number(text);
  const double value = *degrees + *minutes / 60;
  return negative ? -value : value;
}

std::string printable_text(std::string_view text) {
  std::string out(without_blanks(text));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

}  // namespace hubward::extract
