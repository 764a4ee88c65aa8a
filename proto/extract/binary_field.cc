#include "proto/extract/binary_field.h"

#include <bit>
#include <cmath>

namespace hubward::extract {
namespace {

tl::unexpected<Error> refuse(const char* why) {
  return failure(ErrorCode::BadValue, ErrorKind::Corrupt, why);
}

std::uint64_t assemble(std::string_view bytes, ByteOrder order) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t place = order == ByteOrder::HighFirst ? i : bytes.size() - 1 - i;
    value = value << 8 | static_cast<std::uint8_t>(bytes[place]);
  }
  return value;
}

std::int64_t with_sign(std::uint64_t value, std::size_t width) {
  const std::size_t above = 64 - 8 * width;
  return static_cast<std::int64_t>(value << above) >> above;
}

Result<BinaryNumber> from_bcd(std::uint64_t value, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t i = 2 * width; i-- > 0;) {
    const std::uint64_t digit = value >> (4 * i) & 0xFU;
    if (digit > 9) return refuse("a digit of a BCD number is none");
    number = number * 10 + digit;
  }
  return number;
}

Result<BinaryNumber> finite(double value) {
  if (!std::isfinite(value)) return refuse("no number (NaN or infinity)");
  return value;
}

BinaryNumber part_of(std::uint64_t value, const BinaryField& field) {
  if (field.bit) return *field.bit < 64 && (value >> *field.bit & 1U) != 0;
  if (field.mask == 0) return value;
  return (value & field.mask) >> std::countr_zero(field.mask);
}

}  // namespace

std::size_t width_bytes(BinaryType type) {
  switch (type) {
    case BinaryType::Uint8:
    case BinaryType::Int8:
    case BinaryType::Bcd8:
      return 1;
    case BinaryType::Uint16:
    case BinaryType::Int16:
    case BinaryType::Bcd16:
      return 2;
    case BinaryType::Uint24:
    case BinaryType::Int24:
      return 3;
    case BinaryType::Uint32:
    case BinaryType::Int32:
    case BinaryType::Float32:
    case BinaryType::Bcd32:
      return 4;
    case BinaryType::Uint64:
    case BinaryType::Int64:
    case BinaryType::Float64:
      return 8;
  }
  return 8;
}

Result<BinaryNumber> read_binary(const BinaryField& field, std::string_view bytes) {
  const std::size_t width = width_bytes(field.type);
  if (bytes.size() < width || bytes.size() - width < field.offset) {
    return refuse("the frame ends before it");
  }
  const std::uint64_t raw = assemble(bytes.substr(field.offset, width), field.byte_order);
  switch (field.type) {
    case BinaryType::Int8:
    case BinaryType::Int16:
    case BinaryType::Int24:
    case BinaryType::Int32:
    case BinaryType::Int64:
      return with_sign(raw, width);
    case BinaryType::Float32:
      return finite(std::bit_cast<float>(static_cast<std::uint32_t>(raw)));
    case BinaryType::Float64:
      return finite(std::bit_cast<double>(raw));
    case BinaryType::Bcd8:
    case BinaryType::Bcd16:
    case BinaryType::Bcd32:
      return from_bcd(raw, width);
    default:
      return part_of(raw, field);
  }
}

}  // namespace hubward::extract
