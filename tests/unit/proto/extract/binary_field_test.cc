#include "proto/extract/binary_field.h"

#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <string>

using namespace hubward;
using namespace hubward::extract;
using namespace std::string_literals;

TEST_CASE("numbers are read from bytes by type, order, bit and mask") {
  using T = BinaryType;
  constexpr auto kLow = ByteOrder::LowFirst;
  struct Row {
    std::string why;
    BinaryField field;
    std::string bytes;
    std::optional<BinaryNumber> number;
  };
  const auto u = [](std::uint64_t value) { return BinaryNumber{value}; };
  const auto i = [](std::int64_t value) { return BinaryNumber{value}; };
  const Row rows[] = {
      {"uint8", {1, T::Uint8}, "\x00\xFF"s, u(255)},
      {"int8", {1, T::Int8}, "\x00\xFF"s, i(-1)},
      {"uint16", {0, T::Uint16}, "\x12\x34", u(0x1234)},
      {"uint16, low first", {0, T::Uint16, kLow}, "\x12\x34", u(0x3412)},
      {"int16", {0, T::Int16}, "\x80\x00"s, i(-32768)},
      {"uint24", {0, T::Uint24}, "\x01\x02\x03", u(0x010203)},
      {"int24, low first", {0, T::Int24, kLow}, "\xFE\xFF\xFF", i(-2)},
      {"int32", {0, T::Int32}, "\xFF\xFF\xFF\xFD", i(-3)},
      {"uint64", {0, T::Uint64}, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", u(~0ULL)},
      {"int64", {0, T::Int64}, "\x80\0\0\0\0\0\0\0"s, i(std::numeric_limits<std::int64_t>::min())},
      // IEEE 754: 12.375 is 41460000.
      {"float32", {0, T::Float32}, "\x41\x46\0\0"s, BinaryNumber{12.375}},
      {"float64, low first",
       {0, T::Float64, kLow},
       "\0\0\0\0\0\xC0\x28\x40"s,
       BinaryNumber{12.375}},
      {"NaN is no measurement", {0, T::Float32}, "\x7F\xC0\0\0"s, std::nullopt},
      {"nor is infinity", {0, T::Float64}, "\x7F\xF0\0\0\0\0\0\0"s, std::nullopt},
      {"bcd", {0, T::Bcd16}, "\x12\x34", u(1234)},
      {"bcd, low first", {0, T::Bcd32, kLow}, "\x78\x56\x34\x12", u(12345678)},
      {"no digit", {0, T::Bcd8}, "\x1A", std::nullopt},
      {"a bit", {0, T::Uint16, ByteOrder::HighFirst, 8U}, "\x01\x00"s, BinaryNumber{true}},
      {"a bit that is not set",
       {0, T::Uint8, ByteOrder::HighFirst, 1U},
       "\x05",
       BinaryNumber{false}},
      {"a mask", {.type = T::Uint8, .mask = 0x30}, "\xEF", u(2)},
      {"the frame ends before it", {1, T::Uint16}, "\x12\x34", std::nullopt},
      {"far before it",
       {std::numeric_limits<std::size_t>::max(), T::Uint16},
       "\x12\x34",
       std::nullopt},
      {"nothing", {0, T::Uint8}, "", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto number = read_binary(row.field, row.bytes);
    REQUIRE(number.has_value() == row.number.has_value());
    if (number) CHECK((*number == *row.number));
  }
}
