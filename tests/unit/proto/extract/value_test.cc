#include "proto/extract/value.h"

#include <doctest/doctest.h>

#include <optional>

using namespace hubward;
using namespace hubward::extract;

TEST_CASE("text becomes the value that its form says, or is bad") {
  struct Row {
    const char* why;
    std::string_view text;
    ValueForm form;
    std::optional<Value> value;
  };
  const Row rows[] = {
      {"number", " 21.50 ", {}, 21.5},
      {"scaled", "215", {.scale = 0.1, .offset = 1}, 22.5},
      {"decimal comma", "21,5", {.number = {.decimal_comma = true}}, 21.5},
      {"with its unit", "21.5 C", {.number = {.unit = "C"}}, 21.5},
      {"another unit", "21.5 F", {.number = {.unit = "C"}}, std::nullopt},
      {"no number", "warm", {}, std::nullopt},
      {"infinite by scaling", "1e300", {.scale = 1e300}, std::nullopt},
      {"integer", "-17", {.type = TextType::Integer}, std::int64_t{-17}},
      {"word", " running\r\n", {.type = TextType::Text, .utf8 = true}, std::string("running")},
      {"UTF-8", "läuft", {.type = TextType::Text, .utf8 = true}, std::string("läuft")},
      {"UTF-8 where it is not known", "ä", {.type = TextType::Text}, std::string("??")},
      {"no UTF-8", "\xff!", {.type = TextType::Text, .utf8 = true}, std::string("?!")},
      {"a control character",
       "a\x1b[2J",
       {.type = TextType::Text, .utf8 = true},
       std::string("a?[2J")},
      {"truth", "ON", {.type = TextType::Boolean}, true},
      {"hexadecimal", "1F", {.type = TextType::Hex}, std::int64_t{31}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto value = value_of(row.text, row.form);
    CHECK(value.has_value() == row.value.has_value());
    if (value && row.value) CHECK((*value == *row.value));
    if (!value) CHECK(value.error().code == ErrorCode::BadValue);
  }
}

TEST_CASE("a number of bytes stays exact unless it is scaled") {
  CHECK((*value_of(BinaryNumber{std::uint64_t{1} << 63}, {}) == Value{std::uint64_t{1} << 63}));
  CHECK((*value_of(BinaryNumber{std::int64_t{-5}}, {}) == Value{std::int64_t{-5}}));
  CHECK((*value_of(BinaryNumber{std::int64_t{-5}}, {.scale = 0.5}) == Value{-2.5}));
  CHECK((*value_of(BinaryNumber{true}, {.scale = 0.5}) == Value{true}));
}

TEST_CASE("a JSON member is read by its form, also where it is a text") {
  const auto read = [](std::string_view text, const ValueForm& form) {
    const auto document = json::parse(text);
    REQUIRE(document);
    return value_of(*document, form);
  };
  CHECK((*read("\"21.5\"", {}) == Value{21.5}));
  CHECK((*read("215", {.scale = 0.1}) == Value{21.5}));
  CHECK((*read("true", {.type = TextType::Boolean}) == Value{true}));
  CHECK((*read("17", {.type = TextType::Text}) == Value{std::string("17")}));
  CHECK_FALSE(read("true", {}));
  CHECK_FALSE(read("[1]", {}));
  CHECK_FALSE(read("1.5", {.type = TextType::Integer}));
}
