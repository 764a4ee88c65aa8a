#include "proto/modbus/value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "proto/modbus/text_value.h"

namespace hubward::modbus {
namespace {

tl::unexpected<Error> bad_value(std::string why) {
  return failure(ErrorCode::BadValue, ErrorKind::Permanent, std::move(why));
}
tl::unexpected<Error> out_of_range(std::string why = "the register type cannot hold this value") {
  return failure(ErrorCode::OutOfRange, ErrorKind::Permanent, std::move(why));
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

std::string in_hex(std::uint64_t bits) {
  std::array<char, 18> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), bits, 16).ptr;
  std::string out(text.data(), end);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return "0x" + out;
}

// --- Bits

// How many bits the raw value has, and where they begin in what join() makes.
struct RawBits {
  unsigned first = 0;
  unsigned count = 16;
  bool is_signed = false;
};
RawBits raw_bits(const ValueFormat& format) {
  const bool is_signed = format.type == ValueType::Int8 || format.type == ValueType::Int16 ||
                         format.type == ValueType::Int32 || format.type == ValueType::Int48 ||
                         format.type == ValueType::Int64;
  switch (format.type) {
    case ValueType::Int8:
    case ValueType::Uint8:
      return {format.first_bit, 8, is_signed};
    case ValueType::Bool:
    case ValueType::Int16:
    case ValueType::Uint16:
      if (format.bit_count > 0) return {format.first_bit, format.bit_count, is_signed};
      break;
    default:
      break;
  }
  return {0, width(format) * 16U, is_signed};
}
std::uint64_t mask_of(unsigned count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

std::uint16_t in_order(std::uint16_t word, ByteOrder order) {
  return order == ByteOrder::HighFirst ? word : static_cast<std::uint16_t>(word << 8 | word >> 8);
}
std::uint64_t join(std::span<const std::uint16_t> registers, const ValueFormat& format) {
  std::uint64_t bits = 0;
  const bool high_first = format.word_order == WordOrder::HighFirst;
  for (std::size_t i = 0; i < registers.size(); ++i) {
    const std::uint16_t word = registers[high_first ? i : registers.size() - 1 - i];
    bits = bits << 16 | in_order(word, format.byte_order);
  }
  const RawBits raw = raw_bits(format);
  return bits >> raw.first & mask_of(raw.count);
}
std::vector<std::uint16_t> split(std::uint64_t bits, const ValueFormat& format) {
  bits <<= raw_bits(format).first;
  const std::size_t count = width(format);
  std::vector<std::uint16_t> registers(count);
  for (std::size_t i = 0; i < count; ++i) {
    registers[format.word_order == WordOrder::LowFirst ? i : count - 1 - i] =
        in_order(static_cast<std::uint16_t>(bits & 0xFFFFU), format.byte_order);
    bits >>= 16;
  }
  return registers;
}
std::int64_t signed_value(std::uint64_t bits, unsigned count) {
  return static_cast<std::int64_t>(bits << (64 - count)) >> (64 - count);
}

// --- From raw numbers to values

double rounded(double value, std::uint8_t decimals) {
  const double step = std::pow(10.0, decimals);
  const double result = std::round(value * step) / step;
  return std::isfinite(result) ? result : value;
}

Result<Value> real(double raw, const ValueFormat& format) {
  if (!std::isfinite(raw)) return bad_value("the device sends no number (NaN or infinity)");
  double value = is_plain(format) ? raw : scaled(raw, format);
  if (!std::isfinite(value)) return bad_value("too large for a number");
  if (format.clamp_min) value = std::max(value, *format.clamp_min);
  if (format.clamp_max) value = std::min(value, *format.clamp_max);
  if (format.decimals) value = rounded(value, *format.decimals);
  return Value{value};
}

template <class Int>
Result<Value> integer(Int raw, const ValueFormat& format) {
  if (!format.names.empty()) {
    for (const auto& [number, name] : format.names) {
      if (std::cmp_equal(number, raw)) return Value{name};
    }
    if (format.unnamed_is_bad) return bad_value(std::to_string(raw) + " has no name");
    return Value{std::to_string(raw)};
  }
  const auto as_real = static_cast<double>(raw);
  const bool clamped = (format.clamp_min && as_real < *format.clamp_min) ||
                       (format.clamp_max && as_real > *format.clamp_max);
  if (!is_plain(format) || clamped) return real(as_real, format);
  return Value{raw};
}

Result<Value> decimal_digits(std::uint64_t bits, const ValueFormat& format) {
  std::uint64_t number = 0;
  for (unsigned shift = width(format) * 16U; shift > 0; shift -= 4) {
    const std::uint64_t digit = bits >> (shift - 4) & 0xF;
    if (digit > 9) return bad_value(in_hex(bits) + " holds more than decimal digits");
    number = number * 10 + digit;
  }
  return integer(number, format);
}

Result<Value> truth(std::uint64_t bits, const ValueFormat& format) {
  if (format.names.empty()) return Value{bits != 0};
  return integer(std::uint64_t{bits != 0}, format);
}

// --- From values to raw numbers

bool is_number(const Value& value) {
  const auto* real = std::get_if<double>(&value);
  return real != nullptr ? std::isfinite(*real)
                         : std::holds_alternative<std::int64_t>(value) ||
                               std::holds_alternative<std::uint64_t>(value);
}
double as_real(const Value& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*u);
  if (const auto* d = std::get_if<double>(&value)) return *d;
  return std::numeric_limits<double>::quiet_NaN();
}

// The bits of the integer nearest to what should stand in the register; exact where no scaling is
// involved. `largest` is the type's, if not all its bits may be used.
Result<std::uint64_t> to_integer(const Value& value, const ValueFormat& format, RawBits bits,
                                 std::optional<std::uint64_t> largest = std::nullopt) {
  const std::uint64_t most =
      largest.value_or(mask_of(bits.is_signed ? bits.count - 1 : bits.count));
  const std::int64_t least = bits.is_signed ? -static_cast<std::int64_t>(most) - 1 : 0;
  const auto exact = [&](auto number) -> Result<std::uint64_t> {
    if (std::cmp_less(number, least) || std::cmp_greater(number, most)) return out_of_range();
    return static_cast<std::uint64_t>(number) & mask_of(bits.count);
  };
  if (is_plain(format)) {
    if (const auto* i = std::get_if<std::int64_t>(&value)) return exact(*i);
    if (const auto* u = std::get_if<std::uint64_t>(&value)) return exact(*u);
  }
  const double raw = std::round(unscaled(as_real(value), format));
  if (std::isnan(raw)) return bad_value("not a number");
  // Two to the power of the value bits: exactly representable, unlike the largest number below it.
  if (raw < static_cast<double>(least) || raw >= std::ldexp(1.0, 64)) return out_of_range();
  return raw < 0 ? exact(static_cast<std::int64_t>(raw)) : exact(static_cast<std::uint64_t>(raw));
}

Result<double> to_real(const Value& value, const ValueFormat& format) {
  const double raw = unscaled(as_real(value), format);
  if (!std::isfinite(raw)) return out_of_range();
  return raw;
}

Result<std::uint64_t> to_bool(const Value& value) {
  if (const auto* b = std::get_if<bool>(&value)) return std::uint64_t{*b};
  if (is_number(value) && (as_real(value) == 0 || as_real(value) == 1)) {
    return std::uint64_t{as_real(value) == 1};
  }
  return bad_value("true or false, 1 or 0");
}

Result<std::uint64_t> to_digits(const Value& value, const ValueFormat& format) {
  const bool small = format.type == ValueType::Bcd16;
  return to_integer(value, format, raw_bits(format), small ? 9'999U : 99'999'999U)
      .map([](std::uint64_t number) {
        std::uint64_t bits = 0;
        for (unsigned shift = 0; number > 0; shift += 4, number /= 10) bits |= number % 10 << shift;
        return bits;
      });
}

Result<std::uint64_t> to_float(const Value& value, const ValueFormat& format) {
  return to_real(value, format).and_then([](double raw) -> Result<std::uint64_t> {
    // A double beyond the range has no defined conversion to float, so look first.
    if (std::abs(raw) > static_cast<double>(std::numeric_limits<float>::max())) {
      return out_of_range();
    }
    return std::bit_cast<std::uint32_t>(static_cast<float>(raw));
  });
}

// Where numbers have names, only those can be written: by name, or by the number that has one.
Result<Value> number_of(const Value& value, const ValueFormat& format) {
  std::string known;
  for (const auto& [number, name] : format.names) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* on = std::get_if<bool>(&value);
    if (text != nullptr ? *text == name
                        : as_real(value) == static_cast<double>(number) ||
                              (on != nullptr && number == std::int64_t{*on})) {
      return Value{number};
    }
    if (known.size() < 100) known += (known.empty() ? "" : ", ") + name;
  }
  return bad_value("one of: " + known);
}

Result<std::uint64_t> raw_of(const Value& value, const ValueFormat& format) {
  if (format.type == ValueType::Bool) return to_bool(value);
  if (!is_number(value)) return bad_value("a number is needed");
  switch (format.type) {
    case ValueType::Bcd16:
    case ValueType::Bcd32:
      return to_digits(value, format);
    case ValueType::Float32:
      return to_float(value, format);
    case ValueType::Float64:
      return to_real(value, format).map([](double raw) {
        return std::bit_cast<std::uint64_t>(raw);
      });
    default:
      return to_integer(value, format, raw_bits(format));
  }
}

}  // namespace

bool is_part(const ValueFormat& format) { return raw_bits(format).count < 16; }

std::uint16_t write_mask(const ValueFormat& format) {
  if (!is_part(format)) return 0xFFFF;
  const RawBits raw = raw_bits(format);
  return in_order(static_cast<std::uint16_t>(mask_of(raw.count) << raw.first), format.byte_order);
}

Result<Value> decode(std::span<const std::uint16_t> registers, const ValueFormat& format) {
  if (registers.size() != width(format)) return bad_value("wrong number of registers");
  if (format.type == ValueType::Text) return decode_text(registers, format);
  const std::uint64_t bits = join(registers, format);
  if (std::ranges::find(format.bad_raw, bits) != format.bad_raw.end()) {
    return failure(ErrorCode::NoValue, ErrorKind::Permanent,
                   in_hex(bits) + " stands for \"no value\"");
  }
  switch (format.type) {
    case ValueType::Bool:
      return truth(bits, format);
    case ValueType::Float32:
      return real(shortest(std::bit_cast<float>(static_cast<std::uint32_t>(bits))), format);
    case ValueType::Float64:
      return real(std::bit_cast<double>(bits), format);
    case ValueType::Bcd16:
    case ValueType::Bcd32:
      return decimal_digits(bits, format);
    default:
      break;
  }
  const RawBits raw = raw_bits(format);
  return raw.is_signed ? integer(signed_value(bits, raw.count), format) : integer(bits, format);
}

Result<std::vector<std::uint16_t>> encode(const Value& value, const ValueFormat& format) {
  if (format.type == ValueType::Text) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return bad_value("a text is needed");
    return encode_text(*text, format);
  }
  Result<Value> number = format.names.empty() ? Result<Value>(value) : number_of(value, format);
  return number.and_then([&](const Value& wanted) { return raw_of(wanted, format); })
      .and_then([&](std::uint64_t bits) -> Result<std::vector<std::uint16_t>> {
        if (std::ranges::find(format.bad_raw, bits) != format.bad_raw.end()) {
          return out_of_range("this value would stand for \"no value\" in the device");
        }
        return split(bits, format);
      });
}

}  // namespace hubward::modbus
