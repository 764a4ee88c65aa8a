#include "proto/modbus/value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace hubward::modbus {
namespace {

tl::unexpected<Error> bad_value(const char* why) {
  return failure(ErrorCode::BadValue, ErrorKind::Permanent, why);
}
tl::unexpected<Error> out_of_range() {
  return failure(ErrorCode::OutOfRange, ErrorKind::Permanent,
                 "the register type cannot hold this value");
}

bool is_plain(const ValueFormat& format) { return format.scale == 1.0 && format.offset == 0.0; }

// 1/scale where that is a whole number, as with 0.1 or 0.01. Dividing by it gives the decimal that
// people expect (3 * 0.1 is 0.30000000000000004, 3 / 10 is 0.3).
std::optional<double> whole_divisor(double scale) {
  const double divisor = std::round(1.0 / scale);
  if (std::abs(divisor) >= 2.0 && std::abs(divisor) < 1e15 && 1.0 / divisor == scale) {
    return divisor;
  }
  return std::nullopt;
}
double scaled(double raw, const ValueFormat& format) {
  const auto divisor = whole_divisor(format.scale);
  return (divisor ? raw / *divisor : raw * format.scale) + format.offset;
}
double unscaled(double value, const ValueFormat& format) {
  const auto divisor = whole_divisor(format.scale);
  return divisor ? (value - format.offset) * *divisor : (value - format.offset) / format.scale;
}

double shortest(float value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  double result = static_cast<double>(value);
  if (error == std::errc{}) std::from_chars(text.data(), end, result);
  return result;
}

std::uint64_t join(std::span<const std::uint16_t> registers, WordOrder order) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < registers.size(); ++i) {
    bits = bits << 16 | registers[order == WordOrder::HighFirst ? i : registers.size() - 1 - i];
  }
  return bits;
}
std::vector<std::uint16_t> split(std::uint64_t bits, std::size_t count, WordOrder order) {
  std::vector<std::uint16_t> registers(count);
  for (std::size_t i = 0; i < count; ++i) {
    registers[order == WordOrder::LowFirst ? i : count - 1 - i] =
        static_cast<std::uint16_t>(bits & 0xFFFFU);
    bits >>= 16;
  }
  return registers;
}

template <class Number>
Result<Value> number(Number raw, const ValueFormat& format) {
  if (is_plain(format)) {
    if constexpr (std::is_floating_point_v<Number>) {
      return Value{static_cast<double>(raw)};
    } else if constexpr (std::is_signed_v<Number>) {
      return Value{static_cast<std::int64_t>(raw)};
    } else {
      return Value{static_cast<std::uint64_t>(raw)};
    }
  }
  const double value = scaled(static_cast<double>(raw), format);
  if (!std::isfinite(value)) return bad_value("not a number");
  return Value{value};
}

Result<Value> real(double raw, const ValueFormat& format) {
  if (!std::isfinite(raw)) return bad_value("the device sends no number (NaN or infinity)");
  return number(raw, format);
}

// The integer nearest to what should stand in the register; exact where no scaling is involved.
template <class Int>
Result<Int> to_integer(const Value& value, const ValueFormat& format) {
  if (is_plain(format)) {
    if (const auto* exact = std::get_if<std::int64_t>(&value)) {
      if (!std::in_range<Int>(*exact)) return out_of_range();
      return static_cast<Int>(*exact);
    }
    if (const auto* exact = std::get_if<std::uint64_t>(&value)) {
      if (!std::in_range<Int>(*exact)) return out_of_range();
      return static_cast<Int>(*exact);
    }
  }
  double wanted = 0;
  if (const auto* i = std::get_if<std::int64_t>(&value)) wanted = static_cast<double>(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) wanted = static_cast<double>(*u);
  if (const auto* d = std::get_if<double>(&value)) wanted = *d;
  const double raw = std::round(unscaled(wanted, format));
  // Two to the power of the type's value bits: exactly representable, unlike the type's maximum.
  const double limit = std::ldexp(1.0, std::numeric_limits<Int>::digits);
  const double lowest = std::is_signed_v<Int> ? -limit : 0.0;
  if (std::isnan(raw)) return bad_value("not a number");
  if (raw < lowest || raw >= limit) return out_of_range();
  return static_cast<Int>(raw);
}

Result<double> to_real(const Value& value, const ValueFormat& format) {
  double wanted = 0;
  if (const auto* i = std::get_if<std::int64_t>(&value)) wanted = static_cast<double>(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) wanted = static_cast<double>(*u);
  if (const auto* d = std::get_if<double>(&value)) wanted = *d;
  const double raw = unscaled(wanted, format);
  if (!std::isfinite(raw)) return out_of_range();
  return raw;
}

Result<bool> to_bool(const Value& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b;
  if (const auto* i = std::get_if<std::int64_t>(&value); i && (*i == 0 || *i == 1)) return *i == 1;
  if (const auto* u = std::get_if<std::uint64_t>(&value); u && *u <= 1) return *u == 1;
  if (const auto* d = std::get_if<double>(&value); d && (*d == 0 || *d == 1)) return *d == 1;
  return bad_value("true or false, 1 or 0");
}

template <class Int>
Result<std::vector<std::uint16_t>> integer_registers(const Value& value,
                                                     const ValueFormat& format) {
  return to_integer<Int>(value, format).map([&](Int raw) {
    return split(static_cast<std::uint64_t>(raw), sizeof(Int) / 2, format.word_order);
  });
}

bool is_number(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr ? std::isfinite(*real)
                         : std::holds_alternative<std::int64_t>(value) ||
                               std::holds_alternative<std::uint64_t>(value);
}

}  // namespace

Result<Value> decode(std::span<const std::uint16_t> registers, const ValueFormat& format) {
  if (registers.size() != width(format.type)) return bad_value("wrong number of registers");
  const std::uint64_t bits = join(registers, format.word_order);
  switch (format.type) {
    case ValueType::Bool:
      return Value{bits != 0};
    case ValueType::Int16:
      return number(static_cast<std::int16_t>(bits), format);
    case ValueType::Uint16:
      return number(static_cast<std::uint16_t>(bits), format);
    case ValueType::Int32:
      return number(static_cast<std::int32_t>(bits), format);
    case ValueType::Uint32:
      return number(static_cast<std::uint32_t>(bits), format);
    case ValueType::Int64:
      return number(static_cast<std::int64_t>(bits), format);
    case ValueType::Uint64:
      return number(bits, format);
    case ValueType::Float32:
      return real(shortest(std::bit_cast<float>(static_cast<std::uint32_t>(bits))), format);
    case ValueType::Float64:
      return real(std::bit_cast<double>(bits), format);
  }
  return bad_value("unknown type");
}

Result<std::vector<std::uint16_t>> encode(const Value& value, const ValueFormat& format) {
  if (format.type == ValueType::Bool) {
    return to_bool(value).map(
        [](bool on) { return std::vector<std::uint16_t>{static_cast<std::uint16_t>(on)}; });
  }
  if (!is_number(value)) return bad_value("a number is needed");
  switch (format.type) {
    case ValueType::Bool:
      break;
    case ValueType::Int16:
      return integer_registers<std::int16_t>(value, format);
    case ValueType::Uint16:
      return integer_registers<std::uint16_t>(value, format);
    case ValueType::Int32:
      return integer_registers<std::int32_t>(value, format);
    case ValueType::Uint32:
      return integer_registers<std::uint32_t>(value, format);
    case ValueType::Int64:
      return integer_registers<std::int64_t>(value, format);
    case ValueType::Uint64:
      return integer_registers<std::uint64_t>(value, format);
    case ValueType::Float32: {
      const auto raw = to_real(value, format);
      if (!raw) return tl::unexpected(raw.error());
      // A double beyond the range has no defined conversion to float, so look first.
      if (std::abs(*raw) > static_cast<double>(std::numeric_limits<float>::max())) {
        return out_of_range();
      }
      return split(std::bit_cast<std::uint32_t>(static_cast<float>(*raw)), 2, format.word_order);
    }
    case ValueType::Float64:
      return to_real(value, format).map([&](double raw) {
        return split(std::bit_cast<std::uint64_t>(raw), 4, format.word_order);
      });
  }
  return bad_value("unknown type");
}

}  // namespace hubward::modbus
