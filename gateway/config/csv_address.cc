#include "gateway/config/csv_address.h"

#include <algorithm>
#include <charconv>

namespace hubward::config {
namespace {

tl::unexpected<Error> wrong(const char* why) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, why);
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint32_t> small_number(std::string_view text) {
  std::uint32_t value = 0;
  if (!all_digits(text) || text.size() > 5) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<CsvAddress> read_csv_address(std::string_view text) {
  CsvAddress place;
  if (text.find(':') != std::string_view::npos) {  // the configuration's own notation
    place.address = text;
    return place;
  }
  if (const auto mark = text.find('!'); mark != std::string_view::npos) {
    place.unit = std::string(text.substr(0, mark));
    if (!all_digits(*place.unit)) return wrong("has no unit id in front of its \"!\"");
    text.remove_prefix(mark + 1);
  }
  const auto point = text.find('.');
  const std::string_view number = text.substr(0, point);
  if (!all_digits(number)) {
    return wrong("is no address; write holding:12, or manual:40013, or 40013 as manuals do");
  }
  if ((number.size() != 5 && number.size() != 6) ||
      std::string_view("0134").find(number.front()) == std::string_view::npos) {
    return wrong(
        "names no table, and may count from 0 or from 1; write holding:12 (from 0), or the five or "
        "six digits of a manual (from 1)");
  }
  place.address = "manual:" + std::string(number);
  if (point == std::string_view::npos) return place;
  std::string_view more = text.substr(point + 1);
  const bool is_text = more.ends_with('H') || more.ends_with('h');
  if (is_text) more.remove_suffix(1);
  const auto count = small_number(more);
  if (!count) return wrong("ends in something that is neither a bit nor the length of a text");
  (is_text ? place.length : place.bit) = count;
  return place;
}

}  // namespace hubward::config
