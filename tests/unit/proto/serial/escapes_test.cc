#include "proto/serial/escapes.h"

#include <doctest/doctest.h>

#include <optional>

using namespace hubward;
using namespace hubward::serial;
using namespace std::string_literals;

TEST_CASE("bytes are written as characters and escapes") {
  struct Row {
    std::string text;
    std::optional<std::string> bytes;
  };
  const Row rows[] = {{"S\\r\\n", "S\r\n"},
                      {"\\x02\\xaB\\x00", "\x02\xAB\0"s},
                      {"a\\\\b\\t", "a\\b\t"},
                      {"\r\n", "\r\n"},
                      {"", ""},
                      {"\\q", std::nullopt},
                      {"\\", std::nullopt},
                      {"\\x1", std::nullopt},
                      {"\\x1G", std::nullopt},
                      {"\xC2\xB0", std::nullopt}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto bytes = bytes_from_text(row.text);
    REQUIRE(bytes.has_value() == row.bytes.has_value());
    if (bytes) CHECK(*bytes == *row.bytes);
  }
}

TEST_CASE("what is written of bytes is read as the same bytes") {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  CHECK(bytes_from_text(text_from_bytes(all)).value() == all);
  CHECK(text_from_bytes("S\r\n\x02\\") == "S\\r\\n\\x02\\\\");
}
