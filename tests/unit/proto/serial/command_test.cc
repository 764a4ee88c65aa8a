#include "proto/serial/command.h"

#include <doctest/doctest.h>

#include <optional>

using namespace hubward;
using namespace hubward::serial;
using namespace std::string_literals;

TEST_CASE("a command is its bytes, the value and the check in their places") {
  const CheckSettings nmea{
      .kind = CheckKind::Xor, .form = CheckSettings::Form::Hex, .skip_first = 1, .skip_last = 1};
  const CheckSettings rtu{.kind = CheckKind::Crc16Modbus, .byte_order = ByteOrder::LowFirst};
  struct Row {
    std::string text;
    const CheckSettings* check;
    std::optional<std::string> bytes;
  };
  const Row rows[] = {
      {"S\\r\\n", nullptr, "S\r\n"},
      {"SP {value}\\r", nullptr, "SP 12.5\r"},
      {"{value}{value}", nullptr, "12.512.5"},
      {"{{{value}}}", nullptr, "{12.5}"},
      // NMEA: PMTK605 has the checksum 31 (MTK command packet manual).
      {"$PMTK605*{check}\\r\\n", &nmea, "$PMTK605*31\r\n"},
      {"\\x02\\x07{check}", &rtu, "\x02\x07\x41\x12"},
      {"{check}", &nmea, "00"},
      {"\\x7B\\x00", nullptr, "{\0"s},
      {"", nullptr, ""},
      {"{valu}", nullptr, std::nullopt},
      {"a{", nullptr, std::nullopt},
      {"a}", nullptr, std::nullopt},
      {"\\q", nullptr, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto command = CommandTemplate::parse(row.text);
    REQUIRE(command.has_value() == row.bytes.has_value());
    if (!command) continue;
    CHECK(command->bytes("12.5", row.check) == *row.bytes);
    CHECK(command->takes_check() == (row.check != nullptr));
  }
}
