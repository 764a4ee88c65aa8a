#include "proto/serial/framing.h"

#include <doctest/doctest.h>

#include "proto/serial/framer.h"

using namespace hubward;
using namespace hubward::serial;

TEST_CASE("the shortest frame that holds so much is told, marks and check included") {
  const CheckSettings crc{.kind = CheckKind::Crc16Modbus};
  CheckSettings before_etx{.kind = CheckKind::Xor, .form = CheckSettings::Form::Hex};
  before_etx.end_offset = 1;
  struct Row {
    const char* why;
    FrameSettings frames;
    std::size_t content;
    std::size_t bytes;
  };
  const Row rows[] = {
      {"a line", {Delimited{}}, 5, 7},
      {"between marks", {Delimited{"\x02", "\x03", 0}}, 5, 7},
      {"a check behind the end", {Delimited{"\x02", "\x03", 1}, CheckSettings{}}, 5, 8},
      {"a check in front of the end", {Delimited{"\x02", "\x03", 0}, before_etx}, 5, 9},
      {"of one length, whatever is in it", {FixedLength{"", 20}}, 5, 20},
      {"a length and a CRC", {LengthPrefixed{.offset = 1, .width = 2}, crc}, 5, 7},
      {"no shorter than its length", {LengthPrefixed{.offset = 4, .width = 4}, crc}, 5, 10},
      {"DLE STX data DLE ETX", {Stuffed{}}, 5, 9},
      {"STX data ETX and a check",
       {Stuffed{.marks_escaped = false, .bytes_after_end = 1}, CheckSettings{}},
       5,
       8},
      {"between silences", {Gap{}, crc}, 5, 7},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(least_frame_bytes(row.frames, row.content) == row.bytes);
  }
}
