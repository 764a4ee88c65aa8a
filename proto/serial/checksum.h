// Checksums of serial protocols by their names, and how they stand in a frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/extract/byte_order.h"

namespace hubward::serial {

// Each is named after what its devices' manuals call it; the catalogue's name of a CRC stands in
// checksum.cc.
enum class CheckKind : std::uint8_t {
  Xor,           // BCC, "LRC" of ISO 1155
  Sum8,          // low eight bits of the sum
  Sum8Inverted,  // ones' complement of it
  Sum8Negated,   // two's complement of it: LRC of Modbus ASCII, Intel HEX
  Sum16,
  Sum16Negated,
  Crc8,
  Crc8Maxim,
  Crc8Rohc,
  Crc8SaeJ1850,
  Crc8Sensirion,
  Crc16Modbus,
  Crc16Arc,
  Crc16CcittFalse,
  Crc16Xmodem,
  Crc16Kermit,
  Crc16X25,
  Crc16AugCcitt,
  Crc16Dnp,
  Crc16Usb,
  Crc16Maxim,
  Crc16Genibus,
  Crc32,
  Crc32c,
  Crc32Mpeg2,
  Crc32Bzip2,
};

[[nodiscard]] std::size_t width_bytes(CheckKind kind);  // 1, 2 or 4
[[nodiscard]] std::uint32_t checksum(CheckKind kind, std::string_view bytes);

using extract::ByteOrder;

// Where a check stands in a frame, what it covers and how it is written. Places are counted in the
// whole frame as it is on the wire, marks included, stuffing undone.
struct CheckSettings {
  CheckKind kind = CheckKind::Xor;
  enum class Form : std::uint8_t {
    Binary,
    Hex,      // two digits a byte; lower case is taken too
    Nibbles,  // as Hex with 0x30 added to each four bits: 0123456789:;<=>?
  } form = Form::Binary;
  ByteOrder byte_order = ByteOrder::HighFirst;
  std::size_t end_offset = 0;  // bytes of the frame behind the check, e.g. 2 for CR LF
  std::size_t skip_first = 0;  // bytes at the beginning that it does not cover
  std::size_t skip_last = 0;   // bytes directly in front of the check that it does not cover
};

// Bytes that the check takes in a frame.
[[nodiscard]] std::size_t check_length(const CheckSettings& settings);
// The check as it is written for these bytes, which are those covered.
[[nodiscard]] std::string check_text(const CheckSettings& settings, std::string_view covered);

// Where the check and the bytes skipped in front of it begin; nothing if the frame is too short to
// hold them.
[[nodiscard]] std::optional<std::size_t> check_place(const CheckSettings& settings,
                                                     std::size_t frame_bytes);
// The frame holds the check it should.
[[nodiscard]] bool check_holds(const CheckSettings& settings, std::string_view frame);

}  // namespace hubward::serial
