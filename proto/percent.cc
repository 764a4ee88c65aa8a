#include "proto/percent.h"

#include <charconv>

namespace hubward {
namespace {

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return std::nullopt;
}

}  // namespace

void append_percent_encoded(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::size_t plain = 0;  // characters before `i` that need no encoding and are not in `out` yet
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_unreserved(text[i])) {
      ++plain;
      continue;
    }
    out += text.substr(i - plain, plain);
    plain = 0;
    const auto byte = static_cast<unsigned char>(text[i]);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0x0F];
  }
  out += text.substr(text.size() - plain);
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  append_percent_encoded(encoded, text);
  return encoded;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return failure(ErrorCode::Malformed, ErrorKind::Corrupt,
                     "% without two hexadecimal digits at byte " + std::to_string(i));
    }
    decoded += static_cast<char>(static_cast<unsigned char>(*high << 4 | *low));
    i += 2;
  }
  return decoded;
}

Result<std::vector<RawPair>> split_bag(std::string_view text) {
  std::vector<RawPair> pairs;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (part.empty()) continue;
    if (pairs.size() == kMaxBagPairs) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt,
                     "more than " + std::to_string(kMaxBagPairs) + " properties in a topic");
    }
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) {
      pairs.push_back({part, std::nullopt});
    } else {
      pairs.push_back({part.substr(0, equals), part.substr(equals + 1)});
    }
  }
  return pairs;
}

std::optional<std::string_view> find_raw(const std::vector<RawPair>& pairs, std::string_view key) {
  for (const auto& pair : pairs) {
    if (pair.key == key) return pair.value;
  }
  return std::nullopt;
}

Result<std::vector<BagPair>> parse_bag(std::string_view text) {
  const auto raw = split_bag(text);
  if (!raw) return tl::unexpected(raw.error());
  std::vector<BagPair> pairs;
  pairs.reserve(raw->size());
  for (const auto& part : *raw) {
    auto key = percent_decode(part.key);
    if (!key) return tl::unexpected(key.error());
    BagPair pair{std::move(*key), std::nullopt};
    if (part.value) {
      auto value = percent_decode(*part.value);
      if (!value) return tl::unexpected(value.error());
      pair.value = std::move(*value);
    }
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.front() == '-') return std::nullopt;
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace hubward
