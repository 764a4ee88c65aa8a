#include "proto/serial/checksum.h"

#include <array>

namespace hubward::serial {
namespace {

// A CRC by the parameters of Williams' "A painless guide to CRC error detection algorithms"; the
// values are those of Cook's "Catalogue of parametrised CRC algorithms".
struct Crc {
  unsigned bits;
  std::uint32_t polynomial;
  std::uint32_t initial;
  bool reflected;  // both ways: no CRC here has them differ
  std::uint32_t final_xor;
};

Crc parameters(CheckKind kind) {
  switch (kind) {
    case CheckKind::Crc8:  // CRC-8/SMBUS
      return {8, 0x07, 0x00, false, 0x00};
    case CheckKind::Crc8Maxim:  // CRC-8/MAXIM-DOW, 1-Wire
      return {8, 0x31, 0x00, true, 0x00};
    case CheckKind::Crc8Rohc:
      return {8, 0x07, 0xFF, true, 0x00};
    case CheckKind::Crc8SaeJ1850:
      return {8, 0x1D, 0xFF, false, 0xFF};
    case CheckKind::Crc8Sensirion:  // CRC-8/NRSC-5
      return {8, 0x31, 0xFF, false, 0x00};
    case CheckKind::Crc16Modbus:
      return {16, 0x8005, 0xFFFF, true, 0x0000};
    case CheckKind::Crc16Arc:  // CRC-16, CRC-IBM
      return {16, 0x8005, 0x0000, true, 0x0000};
    case CheckKind::Crc16CcittFalse:  // CRC-16/IBM-3740
      return {16, 0x1021, 0xFFFF, false, 0x0000};
    case CheckKind::Crc16Xmodem:
      return {16, 0x1021, 0x0000, false, 0x0000};
    case CheckKind::Crc16Kermit:  // CRC-CCITT
      return {16, 0x1021, 0x0000, true, 0x0000};
    case CheckKind::Crc16X25:  // CRC-16/IBM-SDLC, HDLC
      return {16, 0x1021, 0xFFFF, true, 0xFFFF};
    case CheckKind::Crc16AugCcitt:  // CRC-16/SPI-FUJITSU
      return {16, 0x1021, 0x1D0F, false, 0x0000};
    case CheckKind::Crc16Dnp:
      return {16, 0x3D65, 0x0000, true, 0xFFFF};
    case CheckKind::Crc16Usb:
      return {16, 0x8005, 0xFFFF, true, 0xFFFF};
    case CheckKind::Crc16Maxim:  // CRC-16/MAXIM-DOW
      return {16, 0x8005, 0x0000, true, 0xFFFF};
    case CheckKind::Crc16Genibus:
      return {16, 0x1021, 0xFFFF, false, 0xFFFF};
    case CheckKind::Crc32c:  // CRC-32/ISCSI
      return {32, 0x1EDC6F41, 0xFFFFFFFF, true, 0xFFFFFFFF};
    case CheckKind::Crc32Mpeg2:
      return {32, 0x04C11DB7, 0xFFFFFFFF, false, 0x00000000};
    case CheckKind::Crc32Bzip2:
      return {32, 0x04C11DB7, 0xFFFFFFFF, false, 0xFFFFFFFF};
    case CheckKind::Crc32:  // CRC-32/ISO-HDLC
    default:
      return {32, 0x04C11DB7, 0xFFFFFFFF, true, 0xFFFFFFFF};
  }
}

std::uint32_t reversed(std::uint32_t value, unsigned bits) {
  std::uint32_t out = 0;
  for (unsigned i = 0; i < bits; ++i) {
    if ((value >> i & 1U) != 0) out |= std::uint32_t{1} << (bits - 1 - i);
  }
  return out;
}

// Bit by bit: a frame of a serial line is short, and this has no tables to get wrong.
std::uint32_t crc(const Crc& of, std::string_view bytes) {
  const std::uint32_t mask = of.bits == 32 ? 0xFFFFFFFFU : (1U << of.bits) - 1;
  std::uint32_t value = of.initial;
  if (of.reflected) {
    const std::uint32_t polynomial = reversed(of.polynomial, of.bits);
    for (const char c : bytes) {
      value ^= static_cast<std::uint8_t>(c);
      for (int i = 0; i < 8; ++i) value = (value >> 1) ^ ((value & 1U) != 0 ? polynomial : 0);
    }
  } else {
    const std::uint32_t top = 1U << (of.bits - 1);
    for (const char c : bytes) {
      value ^= std::uint32_t{static_cast<std::uint8_t>(c)} << (of.bits - 8);
      for (int i = 0; i < 8; ++i) value = (value << 1) ^ ((value & top) != 0 ? of.polynomial : 0);
    }
  }
  return (value ^ of.final_xor) & mask;
}

std::uint32_t sum(std::string_view bytes) {
  std::uint32_t total = 0;
  for (const char c : bytes) total += static_cast<std::uint8_t>(c);
  return total;
}

char digit(unsigned nibble, CheckSettings::Form form) {
  if (form == CheckSettings::Form::Nibbles) return static_cast<char>('0' + nibble);
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return kDigits[nibble];
}

char upper(char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

std::size_t width_bytes(CheckKind kind) {
  switch (kind) {
    case CheckKind::Xor:
    case CheckKind::Sum8:
    case CheckKind::Sum8Inverted:
    case CheckKind::Sum8Negated:
      return 1;
    case CheckKind::Sum16:
    case CheckKind::Sum16Negated:
      return 2;
    default:
      return parameters(kind).bits / 8;
  }
}

std::uint32_t checksum(CheckKind kind, std::string_view bytes) {
  switch (kind) {
    case CheckKind::Xor: {
      unsigned all = 0;
      for (const char c : bytes) all ^= static_cast<std::uint8_t>(c);
      return all;
    }
    case CheckKind::Sum8:
      return sum(bytes) & 0xFF;
    case CheckKind::Sum8Inverted:
      return ~sum(bytes) & 0xFF;
    case CheckKind::Sum8Negated:
      return (0U - sum(bytes)) & 0xFF;
    case CheckKind::Sum16:
      return sum(bytes) & 0xFFFF;
    case CheckKind::Sum16Negated:
      return (0U - sum(bytes)) & 0xFFFF;
    default:
      return crc(parameters(kind), bytes);
  }
}

std::size_t check_length(const CheckSettings& settings) {
  return width_bytes(settings.kind) * (settings.form == CheckSettings::Form::Binary ? 1 : 2);
}

std::string check_text(const CheckSettings& settings, std::string_view covered) {
  const std::uint32_t value = checksum(settings.kind, covered);
  const std::size_t width = width_bytes(settings.kind);
  std::string out;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t place = settings.byte_order == ByteOrder::HighFirst ? width - 1 - i : i;
    const unsigned byte = value >> (8 * place) & 0xFFU;
    if (settings.form == CheckSettings::Form::Binary) {
      out.push_back(static_cast<char>(byte));
    } else {
      out.push_back(digit(byte >> 4, settings.form));
      out.push_back(digit(byte & 0xFU, settings.form));
    }
  }
  return out;
}

std::optional<std::size_t> check_place(const CheckSettings& settings, std::size_t frame_bytes) {
  const std::size_t behind = settings.end_offset + check_length(settings) + settings.skip_last;
  if (frame_bytes < behind || frame_bytes - behind < settings.skip_first) return std::nullopt;
  return frame_bytes - behind;
}

bool check_holds(const CheckSettings& settings, std::string_view frame) {
  const auto place = check_place(settings, frame.size());
  if (!place) return false;
  const std::string_view covered = frame.substr(settings.skip_first, *place - settings.skip_first);
  std::string there(frame.substr(*place + settings.skip_last, check_length(settings)));
  if (settings.form == CheckSettings::Form::Hex) {
    for (char& c : there) c = upper(c);
  }
  return there == check_text(settings, covered);
}

}  // namespace hubward::serial
