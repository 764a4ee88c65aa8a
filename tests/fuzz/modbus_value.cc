// Arbitrary registers in arbitrary formats. What decodes is finite and well-formed text, and where
// nothing is lost on the way it encodes to the same bits again.
#include <cmath>
#include <cstdlib>
#include <span>

#include "proto/modbus/value.h"
#include "proto/utf8.h"

using namespace hubward::modbus;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> data) : data_(data) {}
  std::uint8_t next() {
    if (data_.empty()) return 0;
    const std::uint8_t byte = data_.front();
    data_ = data_.subspan(1);
    return byte;
  }
  std::uint16_t word() { return static_cast<std::uint16_t>(next() << 8 | next()); }

 private:
  std::span<const std::uint8_t> data_;
};

ValueFormat format_from(Bytes& bytes) {
  ValueFormat format;
  format.type = static_cast<ValueType>(bytes.next() % (static_cast<unsigned>(ValueType::Text) + 1));
  const unsigned options = bytes.next();
  format.word_order = (options & 1) != 0 ? WordOrder::LowFirst : WordOrder::HighFirst;
  format.byte_order = (options & 2) != 0 ? ByteOrder::LowFirst : ByteOrder::HighFirst;
  if (format.type == ValueType::Int8 || format.type == ValueType::Uint8) {
    format.first_bit = (options & 4) != 0 ? 8 : 0;
  } else if ((options & 4) != 0) {
    format.first_bit = static_cast<std::uint8_t>(bytes.next() % 16);
    format.bit_count = static_cast<std::uint8_t>(1 + bytes.next() % (16 - format.first_bit));
  }
  if ((options & 8) != 0) format.scale = 0.1;
  if ((options & 16) != 0) format.names = {{-1, "minus"}, {0, "off"}, {1, "on"}};
  if ((options & 32) != 0) format.bad_raw = {bytes.word(), 0x8000};
  if ((options & 64) != 0) {
    format.clamp_min = -100;
    format.clamp_max = 1e6;
    format.decimals = static_cast<std::uint8_t>(bytes.next() % 13);
  }
  format.unnamed_is_bad = (options & 128) != 0;
  format.text_bytes = static_cast<std::uint16_t>(bytes.next() % (kTextBytesMax + 1));
  return format;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(std::span(data, size));
  const ValueFormat format = format_from(bytes);
  std::vector<std::uint16_t> registers(width(format));
  for (auto& word : registers) word = bytes.word();
  const auto value = decode(registers, format);
  if (!value) return 0;
  if (const auto* number = std::get_if<double>(&*value)) require(std::isfinite(*number));
  if (const auto* text = std::get_if<std::string>(&*value)) {
    require(hubward::is_valid_text(*text));
  }
  const auto again = encode(*value, format);
  const bool plain = format.scale == 1 && format.names.empty() && !format.clamp_min;
  const bool whole_bool = format.type == ValueType::Bool && format.bit_count == 0;
  if (!again || !plain || whole_bool) return 0;
  require(again->size() == registers.size());
  // The same value again; the same bits too where no padding and no sign of zero is lost.
  require(decode(*again, format).value() == *value);
  return 0;
}
