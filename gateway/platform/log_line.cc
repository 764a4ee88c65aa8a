#include "gateway/platform/log_line.h"

#include <array>

namespace hubward::platform {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-:/+@%,$").find(c) != std::string_view::npos;
}

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

// The length of the well-formed, harmless character at the front; 0: escape its first byte.
std::size_t printable_length(std::string_view text) {
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  unsigned code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = byte_at(text, i);
    if ((next & 0xC0U) != 0x80U) return 0;
    code = code << 6U | (next & 0x3FU);
  }
  constexpr std::array<unsigned, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest.at(length) || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
    return 0;
  }
  const bool control = code < 0xA0;
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
                         code == 0x200E || code == 0x200F || code == 0x061C;
  return control || separator || direction ? 0 : length;
}

void append_value(std::string& line, std::string_view value) {
  const bool cut = value.size() > kLogValueBytesMax;
  if (cut) value = value.substr(0, kLogValueBytesMax);
  bool plain = !value.empty() && !cut;
  for (const char c : value) plain = plain && is_plain(c);
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  while (!value.empty()) {
    const std::size_t length = printable_length(value);
    if (length == 0) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const unsigned byte = byte_at(value, 0);
      switch (byte) {
        case '\n':
          line += "\\n";
          break;
        case '\r':
          line += "\\r";
          break;
        case '\t':
          line += "\\t";
          break;
        default:
          line += "\\x";
          line += kDigits[byte >> 4U];
          line += kDigits[byte & 15U];
      }
      value.remove_prefix(1);
      continue;
    }
    if (value.front() == '"' || value.front() == '\\') line += '\\';
    line += value.substr(0, length);
    value.remove_prefix(length);
  }
  line += cut ? "...\"" : "\"";
}

}  // namespace

std::string log_line(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) {
  std::string line(kLevels.at(static_cast<std::size_t>(level)));
  line += " event=";
  append_value(line, event);
  for (const LogField& field : fields) {
    if (field.value.empty()) continue;  // says nothing
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  return line;
}

}  // namespace hubward::platform
