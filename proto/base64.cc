#include "proto/base64.h"

#include <cstdint>
#include <optional>

namespace hubward {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::uint32_t> sextet(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0') + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, std::move(why));
}

}  // namespace

std::string base64_encode(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= count ? kAlphabet[group >> (18 - 6 * k) & 0x3F] : '=';
    }
  }
  return text;
}

Result<std::vector<std::byte>> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return malformed("base64 text is not a multiple of 4 characters long");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t missing = i + 4 == text.size() ? padding : 0;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto bits = k < 4 - missing ? sextet(text[i + k]) : std::optional<std::uint32_t>(0);
      if (!bits) {
        return malformed("character " + std::to_string(i + k + 1) + " does not belong to base64");
      }
      group = group << 6 | *bits;
    }
    for (std::size_t k = 0; k < 3 - missing; ++k) {
      bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * k) & 0xFF));
    }
    if (missing != 0 && (group & ((1U << (8 * missing)) - 1)) != 0) {
      return malformed("base64 text ends in bits that belong to no byte");
    }
  }
  return bytes;
}

}  // namespace hubward
