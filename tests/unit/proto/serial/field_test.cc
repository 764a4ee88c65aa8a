#include "proto/serial/field.h"

#include <doctest/doctest.h>

#include <limits>
#include <optional>

using namespace hubward;
using namespace hubward::serial;

TEST_CASE("numbers are read as devices print them, and nothing else is read as a number") {
  struct Row {
    const char* why;
    std::string_view text;
    std::optional<double> number;
  };
  const Row rows[] = {
      {"plain", "12.5", 12.5},
      {"scale: sign, blanks, leading zeros", "+  012.345", 12.345},
      {"minus apart from its digits", "-  0.5", -0.5},
      {"blanks and tabs around it", "\t 7 ", 7.0},
      {"no digit before the point", ".25", 0.25},
      {"point at the end", "5.", 5.0},
      {"exponent", "1.5e3", 1500.0},
      {"smallest that still counts", "1e-300", 1e-300},
      {"empty", "", std::nullopt},
      {"only blanks", "   ", std::nullopt},
      {"only a sign", "+", std::nullopt},
      {"two signs", "+-5", std::nullopt},
      {"decimal comma", "12,5", std::nullopt},
      {"unit left over", "12.5kg", std::nullopt},
      {"two points", "1.2.3", std::nullopt},
      {"blank inside", "1 2", std::nullopt},
      {"hexadecimal", "0x10", std::nullopt},
      {"infinity is no measurement", "inf", std::nullopt},
      {"nor is NaN", "nan", std::nullopt},
      {"larger than a double", "1e400", std::nullopt},
      {"a NUL byte", std::string_view("1\0", 2), std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto number = parse_number(row.text);
    CHECK(number.has_value() == row.number.has_value());
    if (number && row.number) CHECK(*number == doctest::Approx(*row.number).epsilon(1e-15));
    if (!number) CHECK(number.error().code == ErrorCode::BadValue);
  }
}

TEST_CASE("integers are exact up to 64 bits with a sign and refused beyond") {
  struct Row {
    const char* why;
    std::string_view text;
    std::optional<std::int64_t> number;
  };
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const Row rows[] = {
      {"counter with leading zeros", "00000123", 123},
      {"negative", "- 5", -5},
      {"over 2^53: a double would lose the end", "9007199254740993", 9007199254740993},
      {"largest", "9223372036854775807", kMax},
      {"one more", "9223372036854775808", std::nullopt},
      {"smallest", "-9223372036854775808", kMin},
      {"one less", "-9223372036854775809", std::nullopt},
      {"over 64 bits", "99999999999999999999", std::nullopt},
      {"a fraction", "1.0", std::nullopt},
      {"empty", "", std::nullopt},
      {"letters", "12a", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto number = parse_integer(row.text);
    CHECK(number.has_value() == row.number.has_value());
    if (number && row.number) CHECK(*number == *row.number);
  }
}

TEST_CASE("text from a device is trimmed and made printable") {
  CHECK(printable_text("  ST \t") == "ST");
  CHECK(printable_text("21\xb0"
                       "C\x1b[2J") == "21?C?[2J");
  CHECK(printable_text("") == "");
}

TEST_CASE("an error quotes a bounded, printable piece of what was there") {
  const auto number = parse_number(std::string(5000, '\x07'));
  REQUIRE(!number);
  CHECK(number.error().context.size() < 80);
  CHECK(number.error().context.find('\x07') == std::string::npos);
}
