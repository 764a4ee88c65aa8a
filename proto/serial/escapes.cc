#include "proto/serial/escapes.h"

#include <optional>

namespace hubward::serial {
namespace {

tl::unexpected<Error> refuse(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

Result<std::string> bytes_from_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) > 0x7F) {
      return refuse("only ASCII characters have one byte; write others as \\xHH");
    }
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    const char kind = ++i < text.size() ? text[i] : '\0';
    if (kind == 'r') {
      out.push_back('\r');
    } else if (kind == 'n') {
      out.push_back('\n');
    } else if (kind == 't') {
      out.push_back('\t');
    } else if (kind == '\\') {
      out.push_back('\\');
    } else {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (kind != 'x' || !high || !low) {
        return refuse(
            "behind a backslash comes r, n, t, another one, or x and two hexadecimal "
            "digits");
      }
      out.push_back(static_cast<char>(*high << 4 | *low));
      i += 2;
    }
  }
  return out;
}

std::string text_from_bytes(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (c >= ' ' && c <= '~') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 0xFU]);
    }
  }
  return out;
}

}  // namespace hubward::serial
