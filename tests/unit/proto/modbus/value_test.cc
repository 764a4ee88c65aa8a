#include "proto/modbus/value.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>

namespace hubward::modbus {
namespace {

using Registers = std::vector<std::uint16_t>;
using enum ValueType;
constexpr auto kHigh = WordOrder::HighFirst;
constexpr auto kLow = WordOrder::LowFirst;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Value i(std::int64_t v) { return Value{v}; }
Value u(std::uint64_t v) { return Value{v}; }
Value d(double v) { return Value{v}; }

TEST_CASE("registers and values belong together in both directions") {
  struct Row {
    const char* why;
    ValueFormat format;
    Registers registers;
    Value value;
  };
  const Row rows[] = {
      {"coil on", {Bool}, {1}, Value{true}},
      {"coil off", {Bool}, {0}, Value{false}},
      {"smallest int16", {Int16}, {0x8000}, i(-32768)},
      {"largest uint16", {Uint16}, {0xFFFF}, u(65535)},
      {"int32, high word first", {Int32, kHigh}, {0xFFFE, 0x1DC0}, i(-123456)},
      {"int32, low word first", {Int32, kLow}, {0x1DC0, 0xFFFE}, i(-123456)},
      {"uint32", {Uint32, kHigh}, {0x0001, 0xE240}, u(123456)},
      {"int64 low first", {Int64, kLow}, {0, 0, 0, 0x8000}, i(INT64_MIN)},
      {"uint64 beyond double", {Uint64}, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, u(UINT64_MAX)},
      {"float32 1.5", {Float32, kHigh}, {0x3FC0, 0x0000}, d(1.5)},
      {"float32 reads as people wrote it", {Float32, kLow}, {0x6666, 0x41AA}, d(21.3)},
      {"float64", {Float64, kHigh}, {0x4009, 0x21FB, 0x5444, 0x2D18}, d(3.141592653589793)},
      {"float64 low first",
       {Float64, kLow},
       {0x2D18, 0x5444, 0x21FB, 0x4009},
       d(3.141592653589793)},
      {"a tenth is a division", {Int16, kHigh, 0.1}, {3}, d(0.3)},
      {"negative, hundredth", {Int16, kHigh, 0.01}, {0xFFFF}, d(-0.01)},
      {"scale and offset", {Uint16, kHigh, 0.5, -40}, {200}, d(60)},
      {"negative scale", {Uint16, kHigh, -2.0}, {21}, d(-42)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(decode(row.registers, row.format).value() == row.value);
    CHECK(encode(row.value, row.format).value() == row.registers);
  }
}

TEST_CASE("what is no number is a bad value, never a number") {
  CHECK(decode(Registers{0x7FC0, 0}, {Float32}).error().code == ErrorCode::BadValue);
  CHECK(decode(Registers{0x7F80, 0}, {Float32}).error().code == ErrorCode::BadValue);
  CHECK(decode(Registers{0x7FF0, 0, 0, 0}, {Float64}).error().code == ErrorCode::BadValue);
  CHECK(decode(Registers{0x7FEF, 0, 0, 0}, {Float64, kHigh, 1e10}).error().code ==
        ErrorCode::BadValue);
  CHECK(decode(Registers{1}, {Int32}).error().code == ErrorCode::BadValue);
  CHECK(decode(Registers{}, {Bool}).error().code == ErrorCode::BadValue);
}

TEST_CASE("a write is rounded to the nearest step and never cut off") {
  struct Row {
    const char* why;
    ValueFormat format;
    Value value;
    std::optional<Registers> registers;
    ErrorCode code = ErrorCode::OutOfRange;
  };
  const Row rows[] = {
      {"rounds down", {Uint16, kHigh, 0.1}, d(21.24), Registers{212}},
      {"rounds up", {Uint16, kHigh, 0.1}, d(21.26), Registers{213}},
      {"half goes away from zero", {Int16}, d(-2.5), Registers{0xFFFD}},
      {"0.3 is three tenths", {Uint16, kHigh, 0.1}, d(0.3), Registers{3}},
      {"just fits after rounding", {Uint16}, d(65535.4), Registers{0xFFFF}},
      {"does not fit after rounding", {Uint16}, d(65535.5), {}},
      {"negative into unsigned", {Uint16}, i(-1), {}},
      {"tiny negative rounds to zero", {Uint16}, d(-0.4), Registers{0}},
      {"int16 too large", {Int16}, u(32768), {}},
      {"int16 smallest", {Int16}, d(-32768), Registers{0x8000}},
      {"scaled beyond", {Int16, kHigh, 0.1}, d(3276.8), {}},
      {"int64 exact", {Int64}, i(INT64_MAX), Registers{0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}},
      {"two to the 63rd as double", {Int64}, d(9223372036854775808.0), {}},
      {"two to the 64th as double", {Uint64}, d(18446744073709551616.0), {}},
      {"uint64 into int64", {Int64}, u(UINT64_MAX), {}},
      {"float32 beyond its range", {Float32}, d(1e39), {}},
      {"float32 beyond its range by offset", {Float32, kHigh, 1e-300}, d(1e300), {}},
      {"integer into float", {Float32}, i(3), Registers{0x4040, 0}},
      {"NaN", {Float32}, d(kNaN), {}, ErrorCode::BadValue},
      {"infinity", {Uint16}, d(kInfinity), {}, ErrorCode::BadValue},
      {"text", {Uint16}, Value{std::string("5")}, {}, ErrorCode::BadValue},
      {"true is no number", {Uint16}, Value{true}, {}, ErrorCode::BadValue},
      {"1 switches a coil on", {Bool}, i(1), Registers{1}},
      {"1.0 too", {Bool}, d(1), Registers{1}},
      {"2 is neither on nor off", {Bool}, u(2), {}, ErrorCode::BadValue},
      {"text is neither on nor off", {Bool}, Value{std::string("on")}, {}, ErrorCode::BadValue},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto registers = encode(row.value, row.format);
    CHECK(registers.has_value() == row.registers.has_value());
    if (registers && row.registers) CHECK(*registers == *row.registers);
    if (!registers) CHECK(registers.error().code == row.code);
  }
}

TEST_CASE("every 16-bit raw value survives the way through common scales") {
  for (const double scale : {1.0, 0.1, 0.01, 0.001, 0.5, 0.25, 10.0, 1.0 / 3.0, 0.0245, -0.1}) {
    for (const double offset : {0.0, -40.0, 273.15}) {
      const ValueFormat format{Int16, kHigh, scale, offset};
      for (unsigned raw = 0; raw < 0x10000; raw += 7) {
        const Registers registers{static_cast<std::uint16_t>(raw)};
        REQUIRE(encode(decode(registers, format).value(), format).value() == registers);
      }
    }
  }
}

}  // namespace
}  // namespace hubward::modbus
