#include "gateway/observe/plain_words.h"

#include <algorithm>
#include <cctype>

namespace hubward::observe {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The length of the well-formed UTF-8 sequence at `at`, or 0 (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t offset) {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  const auto tail = [&](std::size_t offset) { return (byte(offset) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return tail(1) ? 2 : 0;
  if (lead >= 0xE0U && lead <= 0xEFU) {
    if (lead == 0xE0U && byte(1) < 0xA0U) return 0;  // overlong
    if (lead == 0xEDU && byte(1) > 0x9FU) return 0;  // surrogates
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0U && lead <= 0xF4U) {
    if (lead == 0xF0U && byte(1) < 0x90U) return 0;  // overlong
    if (lead == 0xF4U && byte(1) > 0x8FU) return 0;  // past U+10FFFF
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string count_words(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, 1, ',');
  return digits;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return count_words(count) + " " + std::string(count == 1 ? one : many);
}

std::string shown_text(std::string_view foreign) {
  std::string shown;
  shown.reserve(foreign.size());
  for (std::size_t at = 0; at < foreign.size();) {
    const std::size_t length = sequence_length(foreign, at);
    if (length == 0) {
      shown += kReplacement;
      ++at;
      continue;
    }
    const auto lead = static_cast<unsigned char>(foreign[at]);
    const auto second = length == 2 ? static_cast<unsigned char>(foreign[at + 1]) : 0U;
    const bool control = lead < 0x20U || lead == 0x7FU || (lead == 0xC2U && second < 0xA0U);
    if (control) {
      shown += ' ';
    } else {
      shown += foreign.substr(at, length);
    }
    at += length;
  }
  return shown;
}

std::string lower_first(std::string text) {
  if (text.size() > 1 && !std::isupper(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

}  // namespace hubward::observe
