#include "proto/modbus/rtu.h"

#include <doctest/doctest.h>

#include "proto/modbus/crc16.h"
#include "tests/support/hex.h"

namespace hubward::modbus {
namespace {

using test::bytes;
using test::hex;
using namespace std::chrono_literals;

TEST_CASE("the checksum is that of the specification") {
  // MODBUS over Serial Line V1.02, section 6.2.2: unit 2, function 7.
  CHECK(hex(encode_rtu(2, bytes("07"))) == "02 07 41 12");
  CHECK(crc16(bytes("02 07 41 12")) == 0);
  // CRC-16/MODBUS check value of "123456789".
  CHECK(crc16(bytes("31 32 33 34 35 36 37 38 39")) == 0x4B37);
  CHECK(crc16({}) == 0xFFFF);
}

TEST_CASE("silence between frames follows the baud rate up to 19200 and is fixed above") {
  CHECK(RtuTiming::at(9600, 11).t3_5 == 4010415ns);
  CHECK(RtuTiming::at(19200, 11).t3_5 == 2005206ns);
  CHECK(RtuTiming::at(38400, 11).t3_5 == 1750us);
  CHECK(RtuTiming::at(115200, 10).t3_5 == 1750us);
  CHECK(RtuTiming::at(1200, 10).character == 8333333ns);
  CHECK(RtuTiming::at(9600, 10).time_for(256) == 256 * 1041666ns);
  CHECK(RtuTiming::at(0, 11).character == RtuTiming::at(9600, 11).character);
}

TEST_CASE("the length of an answer follows from its beginning") {
  struct Row {
    const char* why;
    std::string_view begin;
    std::optional<std::size_t> total;
  };
  const Row rows[] = {
      {"unit alone", "01", std::nullopt},
      {"read without byte count", "01 03", std::nullopt},
      {"three registers", "01 03 06", 11},
      {"largest read", "01 04 FA", 255},
      {"bits", "01 01 03", 8},
      {"byte count over a frame", "01 03 FC", 0},
      {"exception", "01 83", 5},
      {"coil", "01 05", 8},
      {"registers", "01 10", 8},
      {"mask write", "01 16", 10},
      {"registers read and written at once", "01 17 02", 7},
      {"identification without its number of objects", "01 2B 0E 01 01 00 00", std::nullopt},
      {"identification without objects", "01 2B 0E 01 01 00 00 00", 10},
      {"an object without its length", "01 2B 0E 01 01 00 00 01 00", std::nullopt},
      {"one object of four bytes", "01 2B 0E 01 01 00 00 01 00 04", 16},
      {"an object over a frame", "01 2B 0E 01 01 00 00 01 00 F7", 0},
      {"another encapsulated interface", "01 2B 0D 01 01 00 00 01", 0},
      {"function not known", "01 2A", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(answer_frame_bytes(bytes(row.begin)) == row.total);
  }
}

TEST_CASE("any split of the line's bytes yields the same frames") {
  std::vector<std::byte> stream;
  for (const std::string_view pdu :
       {"03 06 02 2B 00 00 00 64", "83 02", "05 00 AC FF 00", "01 03 CD 6B 05", "10 00 01 00 02"}) {
    const auto frame = encode_rtu(17, bytes(pdu));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    CAPTURE(piece);
    RtuAnswerReader reader;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.push(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (auto frame = reader.next(); frame.value(); frame = reader.next()) {
        CHECK((*frame)->unit == 17);
        got.push_back(hex((*frame)->pdu));
      }
    }
    CHECK(got == std::vector<std::string>{"03 06 02 2B 00 00 00 64", "83 02", "05 00 AC FF 00",
                                          "01 03 CD 6B 05", "10 00 01 00 02"});
    CHECK_FALSE(reader.inside_frame());
  }
}

TEST_CASE("any single changed bit makes the frame bad, and nothing is read until the reset") {
  const auto good = encode_rtu(1, bytes("03 06 02 2B 00 00 00 64"));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    CAPTURE(bit);
    auto frame = good;
    frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    CHECK_FALSE(parse_rtu(frame));
    RtuAnswerReader reader;
    reader.push(frame);
    const auto answer = reader.next();
    CHECK((!answer || !*answer));  // bad, or waiting for more than will come
    if (answer) continue;
    reader.push(good);
    CHECK_FALSE(reader.next());
    reader.reset();
    reader.push(good);
    CHECK(reader.next().value().has_value());
  }
}

TEST_CASE("direction switching leaves 00 and FF before a frame, which cost nothing") {
  RtuAnswerReader reader;
  reader.push(bytes("00 FF"));
  CHECK_FALSE(reader.next().value().has_value());
  reader.push(bytes("00"));
  reader.push(encode_rtu(1, bytes("83 02")));
  CHECK(reader.next().value().value().pdu == bytes("83 02"));
}

TEST_CASE("endless noise is held in bounds") {
  RtuAnswerReader reader;
  const std::vector<std::byte> noise(1000, std::byte{0x55});
  for (int i = 0; i < 100; ++i) {
    reader.push(noise);
    CHECK_FALSE(reader.next());
    CHECK(reader.rest().size() <= kRtuFrameBytesMax);
  }
}

TEST_CASE("a server's frame is checked whole") {
  CHECK(parse_rtu(bytes("02 07 41 12")).value() == RtuFrame{2, bytes("07")});
  for (const std::string_view bad : {"", "02 07 41", "02 07 12 41", "02 08 41 12"}) {
    CHECK(parse_rtu(bytes(bad)).error().code == ErrorCode::BadFrame);
  }
}

}  // namespace
}  // namespace hubward::modbus
