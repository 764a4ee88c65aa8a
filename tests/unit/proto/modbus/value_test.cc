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

// One value of every kind in all four orders, as manuals call them: ABCD, CDAB, BADC, DCBA.
TEST_CASE("every word order goes with every byte order") {
  struct Row {
    const char* name;
    WordOrder words;
    ByteOrder bytes;
    Registers of_32_bits;
    Registers of_64_bits;
    Registers of_48_bits;
    Registers of_text;  // "Pump 7" in four registers
  };
  const Row rows[] = {
      {"ABCD",
       kHigh,
       ByteOrder::HighFirst,
       {0x1122, 0x3344},
       {0x1122, 0x3344, 0x5566, 0x7788},
       {0x1122, 0x3344, 0x5566},
       {0x5075, 0x6D70, 0x2037, 0x0000}},
      {"CDAB",
       kLow,
       ByteOrder::HighFirst,
       {0x3344, 0x1122},
       {0x7788, 0x5566, 0x3344, 0x1122},
       {0x5566, 0x3344, 0x1122},
       {0x0000, 0x2037, 0x6D70, 0x5075}},
      {"BADC",
       kHigh,
       ByteOrder::LowFirst,
       {0x2211, 0x4433},
       {0x2211, 0x4433, 0x6655, 0x8877},
       {0x2211, 0x4433, 0x6655},
       {0x7550, 0x706D, 0x3720, 0x0000}},
      {"DCBA",
       kLow,
       ByteOrder::LowFirst,
       {0x4433, 0x2211},
       {0x8877, 0x6655, 0x4433, 0x2211},
       {0x6655, 0x4433, 0x2211},
       {0x0000, 0x3720, 0x706D, 0x7550}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto both_ways = [&](ValueType type, const Registers& registers, const Value& value) {
      ValueFormat format{type, row.words};
      format.byte_order = row.bytes;
      format.text_bytes = 8;
      CHECK(decode(registers, format).value() == value);
      CHECK(encode(value, format).value() == registers);
    };
    both_ways(Uint32, row.of_32_bits, u(0x11223344));
    both_ways(Int32, row.of_32_bits, i(0x11223344));
    both_ways(Bcd32, row.of_32_bits, u(11223344));
    both_ways(Uint64, row.of_64_bits, u(0x1122334455667788));
    both_ways(Uint48, row.of_48_bits, u(0x112233445566));
    both_ways(Text, row.of_text, Value{std::string("Pump 7")});
  }
}

ValueFormat part(ValueType type, std::uint8_t first_bit, std::uint8_t bit_count = 0) {
  ValueFormat format{type};
  format.first_bit = first_bit;
  format.bit_count = bit_count;
  return format;
}

TEST_CASE("a part of a register is read alone, and written without the other bits") {
  struct Row {
    const char* why;
    ValueFormat format;
    std::uint16_t reg;
    Value value;
    std::uint16_t mask;
  };
  const Row rows[] = {
      {"lowest bit", part(Bool, 0, 1), 0x0001, Value{true}, 0x0001},
      {"highest bit", part(Bool, 15, 1), 0x8000, Value{true}, 0x8000},
      {"a bit that is not set", part(Bool, 3, 1), 0xFFF7, Value{false}, 0x0008},
      {"low half", part(Uint8, 0), 0x12F0, u(0xF0), 0x00FF},
      {"high half", part(Uint8, 8), 0x12F0, u(0x12), 0xFF00},
      {"low half with a sign", part(Int8, 0), 0x12F0, i(-16), 0x00FF},
      {"high half with a sign", part(Int8, 8), 0x8012, i(-128), 0xFF00},
      {"a field of three bits", part(Uint16, 4, 3), 0xFFDF, u(5), 0x0070},
      {"a field with a sign", part(Int16, 4, 3), 0xFFDF, i(-3), 0x0070},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(decode(Registers{row.reg}, row.format).value() == row.value);
    CHECK(write_mask(row.format) == row.mask);
    CHECK(is_part(row.format));
    CHECK(encode(row.value, row.format).value() ==
          Registers{static_cast<std::uint16_t>(row.reg & row.mask)});
  }
  CHECK_FALSE(is_part({Uint16}));
  CHECK(encode(u(8), part(Uint16, 4, 3)).error().code == ErrorCode::OutOfRange);
  CHECK(encode(i(-129), part(Int8, 0)).error().code == ErrorCode::OutOfRange);
  CHECK(encode(i(200), part(Int8, 8)).error().code == ErrorCode::OutOfRange);
}

TEST_CASE("decimal digits are read as digits, and anything else is bad") {
  CHECK(decode(Registers{0x1234}, {Bcd16}).value() == u(1234));
  CHECK(decode(Registers{0x0912, 0x3456}, {Bcd32, kHigh, 0.01}).value() == d(91234.56));
  CHECK(encode(u(9999), {Bcd16}).value() == Registers{0x9999});
  CHECK(encode(u(10000), {Bcd16}).error().code == ErrorCode::OutOfRange);
  CHECK(encode(i(-1), {Bcd32}).error().code == ErrorCode::OutOfRange);
  const auto letter = decode(Registers{0x12A4}, {Bcd16});
  CHECK(letter.error().code == ErrorCode::BadValue);
  CHECK(letter.error().context == "0x12A4 holds more than decimal digits");
  CHECK(decode(Registers{0xFFFF, 0x0000}, {Bcd32}).error().code == ErrorCode::BadValue);
}

TEST_CASE("48 bits hold their extremes") {
  CHECK(decode(Registers{0x8000, 0, 0}, {Int48}).value() == i(-(std::int64_t{1} << 47)));
  CHECK(encode(i(-1), {Int48}).value() == Registers{0xFFFF, 0xFFFF, 0xFFFF});
  CHECK(encode(i(std::int64_t{1} << 47), {Int48}).error().code == ErrorCode::OutOfRange);
  CHECK(encode(u(std::uint64_t{1} << 48), {Uint48}).error().code == ErrorCode::OutOfRange);
}

TEST_CASE("text loses its padding and nothing else, and is never invalid") {
  ValueFormat format{Text};
  format.text_bytes = 5;
  const auto text = [](const char* words) { return Value{std::string(words)}; };
  CHECK(decode(Registers{0x4142, 0x4344, 0x4546}, format).value() == text("ABCDE"));
  CHECK(decode(Registers{0x4142, 0x2020, 0x2020}, format).value() == text("AB"));
  CHECK(decode(Registers{0x2041, 0x0042, 0x4300}, format).value() == text(" A"));
  CHECK(decode(Registers{0xFFFF, 0xFFFF, 0xFFFF}, format).value() == text(""));
  CHECK(decode(Registers{0x41C3, 0xA400, 0}, format).value() == text("A\u00E4"));
  CHECK(decode(Registers{0x41E4, 0x4200, 0}, format).error().code == ErrorCode::BadValue);
  CHECK(encode(text("ABCDE"), format).value() == Registers{0x4142, 0x4344, 0x4500});
  CHECK(encode(text(""), format).value() == Registers{0, 0, 0});
  CHECK(encode(text("ABCDEF"), format).error().code == ErrorCode::OutOfRange);
  CHECK(encode(text("\xE4"), format).error().code == ErrorCode::BadValue);
  CHECK(encode(u(5), format).error().code == ErrorCode::BadValue);
  CHECK(encode(text("5"), {Uint16}).error().code == ErrorCode::BadValue);
}

TEST_CASE("a raw number with a name is its name, in both directions") {
  ValueFormat format{Int16};
  format.names = {{-1, "fault"}, {0, "off"}, {1, "running"}};
  CHECK(decode(Registers{0xFFFF}, format).value() == Value{std::string("fault")});
  CHECK(decode(Registers{7}, format).value() == Value{std::string("7")});
  CHECK(encode(Value{std::string("running")}, format).value() == Registers{1});
  CHECK(encode(i(-1), format).value() == Registers{0xFFFF});
  const auto unknown = encode(Value{std::string("Running")}, format);
  CHECK(unknown.error().code == ErrorCode::BadValue);
  CHECK(unknown.error().context == "one of: fault, off, running");
  CHECK(encode(i(7), format).error().code == ErrorCode::BadValue);
  CHECK(encode(Value{std::string("7")}, format).error().code == ErrorCode::BadValue);
  format.unnamed_is_bad = true;
  CHECK(decode(Registers{7}, format).error().context == "7 has no name");

  ValueFormat door = part(Bool, 2, 1);
  door.names = {{0, "closed"}, {1, "open"}};
  CHECK(decode(Registers{0x0004}, door).value() == Value{std::string("open")});
  CHECK(encode(Value{std::string("open")}, door).value() == Registers{0x0004});
  CHECK(encode(Value{true}, door).value() == Registers{0x0004});
}

TEST_CASE("what the device sends for 'no value' is no number, whatever it would be worth") {
  ValueFormat format{Int16, kHigh, 0.1};
  format.bad_raw = {0x8000, 0x7FFF};
  const auto none = decode(Registers{0x8000}, format);
  CHECK(none.error().code == ErrorCode::NoValue);
  CHECK(none.error().context == "0x8000 stands for \"no value\"");
  CHECK(decode(Registers{0x8001}, format).value() == d(-3276.7));
  CHECK(encode(d(3276.7), format).error().code == ErrorCode::OutOfRange);
  ValueFormat real{Float32, kLow};
  real.bad_raw = {0xC61C3C00};  // -9999
  CHECK(decode(Registers{0x3C00, 0xC61C}, real).error().code == ErrorCode::NoValue);
}

TEST_CASE("readings are clamped, then rounded; writes are neither") {
  ValueFormat format{Int16, kHigh, 0.01};
  format.clamp_min = 0;
  format.clamp_max = 100;
  format.decimals = 1;
  CHECK(decode(Registers{0xFFFF}, format).value() == d(0));
  CHECK(decode(Registers{10001}, format).value() == d(100));
  CHECK(decode(Registers{1234}, format).value() == d(12.3));
  CHECK(decode(Registers{1235}, format).value() == d(12.4));
  CHECK(encode(d(-0.01), format).value() == Registers{0xFFFF});
  CHECK(encode(d(12.34), format).value() == Registers{1234});
  ValueFormat counter{Uint64};
  counter.decimals = 2;
  counter.clamp_min = 0;
  CHECK(decode(Registers{0x0020, 0, 0, 1}, counter).value() == u(9007199254740993));
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
