#include "proto/serial/checksum.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward::serial;
using namespace std::string_literals;

TEST_CASE("every checksum gives what its source says") {
  struct Row {
    std::string source;
    CheckKind kind;
    std::string bytes;
    std::uint32_t value;
  };
  // CRCs: the "check" column of Cook's "Catalogue of parametrised CRC algorithms".
  const std::string digits = "123456789";
  const Row rows[] = {
      {"CRC-8/SMBUS", CheckKind::Crc8, digits, 0xF4},
      {"CRC-8/MAXIM-DOW", CheckKind::Crc8Maxim, digits, 0xA1},
      {"CRC-8/ROHC", CheckKind::Crc8Rohc, digits, 0xD0},
      {"CRC-8/SAE-J1850", CheckKind::Crc8SaeJ1850, digits, 0x4B},
      {"CRC-8/NRSC-5", CheckKind::Crc8Sensirion, digits, 0xF7},
      {"Sensirion SHT3x data sheet, section 4.12", CheckKind::Crc8Sensirion, "\xBE\xEF", 0x92},
      {"CRC-16/MODBUS", CheckKind::Crc16Modbus, digits, 0x4B37},
      {"CRC-16/ARC", CheckKind::Crc16Arc, digits, 0xBB3D},
      {"CRC-16/IBM-3740", CheckKind::Crc16CcittFalse, digits, 0x29B1},
      {"CRC-16/XMODEM", CheckKind::Crc16Xmodem, digits, 0x31C3},
      {"CRC-16/KERMIT", CheckKind::Crc16Kermit, digits, 0x2189},
      {"CRC-16/IBM-SDLC", CheckKind::Crc16X25, digits, 0x906E},
      {"CRC-16/SPI-FUJITSU", CheckKind::Crc16AugCcitt, digits, 0xE5CC},
      {"CRC-16/DNP", CheckKind::Crc16Dnp, digits, 0xEA82},
      {"CRC-16/USB", CheckKind::Crc16Usb, digits, 0xB4C8},
      {"CRC-16/MAXIM-DOW", CheckKind::Crc16Maxim, digits, 0x44C2},
      {"CRC-16/GENIBUS", CheckKind::Crc16Genibus, digits, 0xD64E},
      {"CRC-32/ISO-HDLC", CheckKind::Crc32, digits, 0xCBF43926},
      {"CRC-32/ISCSI", CheckKind::Crc32c, digits, 0xE3069283},
      {"CRC-32/MPEG-2", CheckKind::Crc32Mpeg2, digits, 0x0376E6E7},
      {"CRC-32/BZIP2", CheckKind::Crc32Bzip2, digits, 0xFC891918},
      // Modbus over Serial Line V1.02, section 2.5.1.2 with 6.2.1: 02 07 has 41 12 on the wire.
      {"Modbus, low byte first on the wire", CheckKind::Crc16Modbus, "\x02\x07", 0x1241},
      {"NMEA 0183: $GPGGA of the SiRF manual", CheckKind::Xor,
       "GPGGA,161229.487,3723.2475,N,12158.3416,W,1,07,1.0,9.0,M,,,,0000", 0x18},
      // Modbus ASCII request 11 03 006B 0003, LRC 7E.
      {"LRC of Modbus ASCII", CheckKind::Sum8Negated, "\x11\x03\x00\x6B\x00\x03"s, 0x7E},
      // Intel HEX 1988, end of file record 00 0000 01 FF.
      {"Intel HEX", CheckKind::Sum8Negated, "\x00\x00\x00\x01"s, 0xFF},
      // Allen-Bradley 1770-6.5.16, DF1: 08 09 06 00 02 04 03 has BCC E0.
      {"BCC of DF1", CheckKind::Sum8Negated, "\x08\x09\x06\x00\x02\x04\x03"s, 0xE0},
      {"sum of 8 bits wraps", CheckKind::Sum8, "\xFF\x02", 0x01},
      {"its ones' complement", CheckKind::Sum8Inverted, "\xFF\x02", 0xFE},
      {"sum of 16 bits", CheckKind::Sum16, "\xFF\xFF\x02", 0x0200},
      {"its two's complement", CheckKind::Sum16Negated, "\xFF\xFF\x02", 0xFE00},
      {"nothing at all", CheckKind::Sum16Negated, "", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source);
    CHECK(checksum(row.kind, row.bytes) == row.value);
    CHECK((width_bytes(row.kind) == 4 || row.value >> (8 * width_bytes(row.kind)) == 0));
  }
}

TEST_CASE("a check is found and held at its place in the frame") {
  using Form = CheckSettings::Form;
  struct Row {
    std::string why;
    CheckSettings settings;
    std::string frame;
    bool holds;
  };
  const CheckSettings nmea{
      .kind = CheckKind::Xor, .form = Form::Hex, .end_offset = 2, .skip_first = 1, .skip_last = 1};
  const CheckSettings rtu{.kind = CheckKind::Crc16Modbus, .byte_order = ByteOrder::LowFirst};
  const Row rows[] = {
      {"NMEA", nmea, "$GPGGA,161229.487,3723.2475,N,12158.3416,W,1,07,1.0,9.0,M,,,,0000*18\r\n",
       true},
      {"one digit changed", nmea,
       "$GPGGA,161229.487,3723.2475,N,12158.3416,W,1,07,1.0,9.1,M,,,,0000*18\r\n", false},
      {"lower case", nmea, "$PX,1*6f\r\n", checksum(CheckKind::Xor, "PX,1") == 0x6F},
      {"no digits", nmea, "$PX,1*zz\r\n", false},
      {"too short to hold one", nmea, "$*\r\n", false},
      {"shortest that can", nmea, "$*00\r\n", true},
      {"Modbus RTU", rtu, "\x02\x07\x41\x12", true},
      {"its bytes exchanged", rtu, "\x02\x07\x12\x41", false},
      {"behind ETX, STX not covered",
       {.kind = CheckKind::Xor, .skip_first = 1},
       "\x02"
       "12\x03\x00"s,
       true},
      {"nibbles",
       {.kind = CheckKind::Sum8, .form = Form::Nibbles},
       "\x8E\x30"
       "\x3B\x3E"s,
       true},
      {"nibbles that are letters",
       {.kind = CheckKind::Sum8, .form = Form::Nibbles},
       "\x8E\x30"
       "BE"s,
       false},
      {"nothing covered, nothing there", {.kind = CheckKind::Xor}, "", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(check_holds(row.settings, row.frame) == row.holds);
  }
}

TEST_CASE("what is written as a check is taken as one") {
  using Form = CheckSettings::Form;
  for (const Form form : {Form::Binary, Form::Hex, Form::Nibbles}) {
    for (const ByteOrder order : {ByteOrder::HighFirst, ByteOrder::LowFirst}) {
      for (const CheckKind kind : {CheckKind::Xor, CheckKind::Sum16, CheckKind::Crc32}) {
        const CheckSettings settings{.kind = kind, .form = form, .byte_order = order};
        const std::string text = check_text(settings, "SP 12.5");
        CHECK(text.size() == check_length(settings));
        CHECK(check_holds(settings, "SP 12.5" + text));
        CHECK(!check_holds(settings, "SP 12.6" + text));
      }
    }
  }
}
