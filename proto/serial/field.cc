#include "proto/serial/field.h"

#include <charconv>
#include <cmath>

namespace hubward::serial {
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

bool begins_like_a_number(std::string_view digits) {
  return !digits.empty() &&
         ((digits.front() >= '0' && digits.front() <= '9') || digits.front() == '.');
}

}  // namespace

Result<double> parse_number(std::string_view text) {
  const auto [negative, digits] = split(text);
  if (!begins_like_a_number(digits)) return no_number(text);
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return no_number(text);
  return negative ? -value : value;
}

Result<std::int64_t> parse_integer(std::string_view text) {
  const auto [negative, digits] = split(text);
  if (!begins_like_a_number(digits)) return no_number(text);
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, magnitude);
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (error != std::errc{} || stop != end || magnitude > kLimit - (negative ? 0 : 1)) {
    return no_number(text);
  }
  return static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude);
}

std::string printable_text(std::string_view text) {
  std::string out(without_blanks(text));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

}  // namespace hubward::serial
