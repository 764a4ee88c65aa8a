#include "proto/extract/field.h"

#include <doctest/doctest.h>

#include <limits>
#include <optional>

using namespace hubward;
using namespace hubward::extract;

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

TEST_CASE("a decimal comma and a unit are taken where the form says so") {
  const NumberForm comma{.decimal_comma = true};
  const NumberForm kg{.unit = "kg"};
  const NumberForm any{.unit = "*"};
  struct Row {
    std::string why;
    std::string_view text;
    NumberForm form;
    std::optional<double> number;
  };
  const Row rows[] = {
      {"comma", "12,5", comma, 12.5},
      {"no comma", "12", comma, 12.0},
      {"a point then is none of ours", "12.5", comma, std::nullopt},
      {"thousands apart", "1.234,5", comma, std::nullopt},
      {"two commas", "1,2,3", comma, std::nullopt},
      {"comma in front", ",5", comma, 0.5},
      {"the unit", "12.5 kg", kg, 12.5},
      {"the unit without a blank", "+ 12.5kg ", kg, 12.5},
      {"another unit is another quantity", "12.5 lb", kg, std::nullopt},
      {"the unit in capitals is another one", "12.5 KG", kg, std::nullopt},
      {"no unit", "12.5", kg, std::nullopt},
      {"half a unit", "12.5 k", kg, std::nullopt},
      {"any unit",
       "21.5\xB0"
       "C",
       any, 21.5},
      {"none of any", "21.5", any, 21.5},
      {"a unit that begins like an exponent", "5 eV", any, 5.0},
      {"a second number is no unit", "12.5 30", any, std::nullopt},
      {"nor is the rest of one", "1.2.3", any, std::nullopt},
      {"both", "12,5 kg", {.decimal_comma = true, .unit = "kg"}, 12.5},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto number = parse_number(row.text, row.form);
    CHECK(number.has_value() == row.number.has_value());
    if (number && row.number) CHECK(*number == doctest::Approx(*row.number));
  }
  CHECK(parse_integer("42 pcs", {.unit = "pcs"}).value() == 42);
  CHECK(!parse_integer("42,5", {.decimal_comma = true}));
  CHECK(!parse_integer("42.5", any));
}

TEST_CASE("hexadecimal digits, truth and degrees are read in their one form") {
  CHECK(parse_hex(" 1aF0 ").value() == 0x1AF0);
  CHECK(parse_hex("7FFFFFFFFFFFFFFF").value() == std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", "-1", "0x10", "G", "12 34", "8000000000000000"}) {
    CHECK(!parse_hex(text));
  }
  for (const char* text : {"1", " on", "TRUE", "Yes"}) CHECK(parse_boolean(text).value());
  for (const char* text : {"0", "Off ", "false", "NO"}) CHECK(!parse_boolean(text).value());
  for (const char* text : {"", "2", "tru", "1.0"}) CHECK(!parse_boolean(text));

  struct Row {
    std::string text;
    std::optional<double> degrees;
  };
  // 37 degrees 23.2475 minutes: SiRF NMEA reference manual, table 1-3.
  const Row rows[] = {{"3723.2475,N", 37 + 23.2475 / 60},
                      {"12158.3416,W", -(121 + 58.3416 / 60)},
                      {"3723.2475", 37 + 23.2475 / 60},
                      {"0000.0000 S", 0.0},
                      {"959", 9 + 59.0 / 60},
                      {"", std::nullopt},
                      {",N", std::nullopt},
                      {"23.2475,N", std::nullopt},
                      {"3760.0,N", std::nullopt},
                      {"3723.2475,X", std::nullopt},
                      {"-3723.2475,N", std::nullopt},
                      {"18159.9999,E", std::nullopt},
                      {"3723.2.4,N", std::nullopt},
                      {"1233723.24,N", std::nullopt}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto degrees = parse_degrees_minutes(row.text);
    CHECK(degrees.has_value() == row.degrees.has_value());
    if (degrees && row.degrees) CHECK(*degrees == doctest::Approx(*row.degrees));
  }
}
