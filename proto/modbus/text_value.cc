#include "proto/modbus/text_value.h"

#include "proto/utf8.h"

namespace hubward::modbus {
namespace {

// Where the character at `at` stands: which register, and how far it is shifted there.
struct Place {
  std::size_t word;
  unsigned shift;
};
Place place_of(std::size_t at, const ValueFormat& format) {
  const std::size_t word = at / 2;
  const bool high = (at % 2 == 0) == (format.byte_order == ByteOrder::HighFirst);
  return {format.word_order == WordOrder::HighFirst ? word : width(format) - 1U - word,
          high ? 8U : 0U};
}

bool is_filler(char c) { return c == ' ' || c == '\xFF'; }

}  // namespace

Result<Value> decode_text(std::span<const std::uint16_t> registers, const ValueFormat& format) {
  std::string text;
  text.reserve(format.text_bytes);
  for (std::size_t i = 0; i < format.text_bytes; ++i) {
    const Place place = place_of(i, format);
    const char c = static_cast<char>(registers[place.word] >> place.shift & 0xFF);
    if (c == '\0') break;
    text += c;
  }
  while (!text.empty() && is_filler(text.back())) text.pop_back();
  if (!is_valid_text(text)) {
    return failure(ErrorCode::BadValue, ErrorKind::Permanent, "these characters are not UTF-8");
  }
  return Value{std::move(text)};
}

Result<std::vector<std::uint16_t>> encode_text(std::string_view text, const ValueFormat& format) {
  if (text.size() > format.text_bytes) {
    return failure(
        ErrorCode::OutOfRange, ErrorKind::Permanent,
        "the text is longer than the " + std::to_string(format.text_bytes) + " bytes there are");
  }
  if (!is_valid_text(text)) {
    return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                   "the text has a zero in it or is not UTF-8");
  }
  std::vector<std::uint16_t> registers(width(format));
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Place place = place_of(i, format);
    const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[i]));
    registers[place.word] = static_cast<std::uint16_t>(registers[place.word] | byte << place.shift);
  }
  return registers;
}

}  // namespace hubward::modbus
