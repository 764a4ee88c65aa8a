#include "gateway/config/frame_words.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::config;

namespace {

serial::FrameSettings frames_of(const FrameWords& words) {
  serial::FrameSettings frames;
  frames.bytes_max = 65536;
  const Status added = add_frame_words(words, frames);
  CHECK_MESSAGE(added, (added ? "" : added.error().context));
  return frames;
}

std::string problem_of(const FrameWords& words) {
  serial::FrameSettings frames;
  const Status added = add_frame_words(words, frames);
  return added ? "" : added.error().context;
}

}  // namespace

TEST_CASE("a length is said with the keys of a device's file") {
  const auto frames = frames_of(
      {.length = "start=\\x02,offset=1,width=2,byte_order=low_first,counts=frame,add=-1"});
  const auto& length = std::get<serial::LengthPrefixed>(frames.framing);
  CHECK(length.start == "\x02");
  CHECK(length.offset == 1);
  CHECK(length.width == 2);
  CHECK(length.byte_order == serial::ByteOrder::LowFirst);
  CHECK(length.counts == serial::LengthPrefixed::Counts::Frame);
  CHECK(length.add == -1);
  CHECK(frames.bytes_max == 65536);
  CHECK_FALSE(frames.check);
}

TEST_CASE("stuffing is said so, or is as usual") {
  CHECK(std::get<serial::Stuffed>(frames_of({.stuffed = ""}).framing).marks_escaped);
  const auto frames = frames_of({.stuffed = "escape=1,marks_escaped=false,escape_xor=32"});
  const auto& stuffed = std::get<serial::Stuffed>(frames.framing);
  CHECK(stuffed.escape == '1');  // a character, not a number
  CHECK_FALSE(stuffed.marks_escaped);
  CHECK(stuffed.escape_xor == 32);
}

TEST_CASE("a check is said with any framing, its type first or by its key") {
  const auto first = frames_of({.check = "crc16_modbus,byte_order=low_first"});
  REQUIRE(first.check);
  CHECK(first.check->kind == serial::CheckKind::Crc16Modbus);
  CHECK(first.check->byte_order == serial::ByteOrder::LowFirst);
  CHECK(std::holds_alternative<serial::Delimited>(first.framing));
  const auto key = frames_of({.length = "offset=0", .check = "end_offset=2,type=xor,form=hex"});
  REQUIRE(key.check);
  CHECK(key.check->kind == serial::CheckKind::Xor);
  CHECK(key.check->end_offset == 2);
  CHECK(std::holds_alternative<serial::LengthPrefixed>(key.framing));
}

TEST_CASE("what is wrong is said as of a device's file") {
  struct Row {
    const char* why;
    FrameWords words;
    const char* says;
  };
  const Row rows[] = {
      {"both framings", {.length = "offset=1", .stuffed = ""}, "not both"},
      {"no key", {.length = "offset"}, "\"offset\" is no key=value"},
      {"a key that is missing", {.length = "width=2"}, "offset"},
      {"a key that does not exist", {.length = "ofset=1"}, "offset"},
      {"a number that is none", {.length = "offset=one"}, "offset"},
      {"a number out of bounds", {.length = "offset=1,width=9"}, "width"},
      {"a length of three bytes", {.length = "offset=1,width=3"}, "1, 2 or 4"},
      {"an unknown check", {.check = "crc17"}, "crc16"},
      {"a mark of two bytes", {.stuffed = "escape=ab"}, "one byte"},
      {"quotes do not get out of their text", {.check = "xor\",\"form\":\"hex"}, "no key=value"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const std::string problem = problem_of(row.words);
    CAPTURE(problem);
    CHECK(problem.find(row.says) != std::string::npos);
  }
}
