#include "proto/base64.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;

namespace {

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

TEST_CASE("the examples of RFC 4648 hold in both directions") {
  const std::pair<std::string, std::string> rows[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string("\xfb\xff\xfe", 3), "+//+"},
  };
  for (const auto& row : rows) {
    const auto& plain = row.first;
    const auto& encoded = row.second;
    CAPTURE(encoded);
    CHECK(base64_encode(bytes(plain)) == encoded);
    const auto decoded = base64_decode(encoded);
    REQUIRE(decoded);
    CHECK(std::string(reinterpret_cast<const char*>(decoded->data()), decoded->size()) == plain);
  }
}

TEST_CASE("every length and byte survives a round trip") {
  for (std::size_t length = 0; length < 300; ++length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(i * 7 + length);
    const auto decoded = base64_decode(base64_encode(bytes(text)));
    REQUIRE(decoded);
    CHECK(base64_encode(*decoded) == base64_encode(bytes(text)));
    CHECK(decoded->size() == length);
  }
}

TEST_CASE("text that is not exactly base64 is refused, without showing it") {
  struct Row {
    const char* why;
    std::string text;
  };
  const Row rows[] = {
      {"padding missing", "Zg"},
      {"too short", "Z"},
      {"three times padding", "Z==="},
      {"only padding", "===="},
      {"padding in the middle", "Zg==Zg=="},
      {"padding inside a group", "Z=g="},
      {"line feed at the end", "Zm9v\n"},
      {"blank", "Zm 9v9v9"},
      {"URL alphabet", "-__-"},
      {"bits behind the last byte", "Zh=="},
      {"bits behind the last two bytes", "Zm9="},
      {"NUL", std::string("Zm9\0", 4)},
      {"beyond ASCII", "Zm9\xc3"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto decoded = base64_decode(row.text);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::Malformed);
    CHECK(decoded.error().context.find(row.text) == std::string::npos);
  }
}
