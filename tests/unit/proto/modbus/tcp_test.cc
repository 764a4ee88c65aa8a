#include "proto/modbus/tcp.h"

#include <doctest/doctest.h>

#include "tests/support/hex.h"

namespace hubward::modbus {
namespace {

using test::bytes;
using test::hex;

std::vector<TcpFrame> read_all(TcpFrameReader& reader) {
  std::vector<TcpFrame> out;
  for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
    out.push_back(**frame);
  }
  return out;
}

TEST_CASE("a frame carries transaction, protocol 0, length, unit and PDU") {
  CHECK(hex(encode_tcp(0x1501, 0xFF, bytes("03 00 04 00 01"))) ==
        "15 01 00 00 00 06 FF 03 00 04 00 01");
}

TEST_CASE("any split of a stream yields the same frames") {
  std::vector<std::byte> stream;
  std::vector<TcpFrame> frames;
  for (unsigned i = 0; i < 4; ++i) {
    TcpFrame frame{static_cast<std::uint16_t>(0xFFFE + i), static_cast<std::uint8_t>(i + 1),
                   std::vector<std::byte>(i == 3 ? kPduBytesMax : i + 1, std::byte{0x5A})};
    const auto wire = encode_tcp(frame.transaction, frame.unit, frame.pdu);
    stream.insert(stream.end(), wire.begin(), wire.end());
    frames.push_back(std::move(frame));
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    CAPTURE(piece);
    TcpFrameReader reader;
    std::vector<TcpFrame> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.push(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (auto& frame : read_all(reader)) got.push_back(std::move(frame));
    }
    CHECK(got == frames);
    CHECK(reader.rest().empty());
  }
}

TEST_CASE("a stream that is not Modbus TCP stays refused until it is begun anew") {
  struct Row {
    const char* why;
    std::string_view stream;
  };
  const Row rows[] = {
      {"protocol is not 0", "00 01 00 01 00 06 01"},
      {"length 1 leaves no PDU", "00 01 00 00 00 01 01"},
      {"length 255 is over the largest PDU", "00 01 00 00 00 FF 01"},
      {"HTTP", "48 54 54 50 2F 31 2E 31"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    TcpFrameReader reader;
    reader.push(bytes(row.stream));
    auto frame = reader.next();
    REQUIRE_FALSE(frame);
    CHECK(frame.error().code == ErrorCode::BadFrame);
    reader.push(bytes("00 01 00 00 00 03 01 83 02"));
    CHECK_FALSE(reader.next());
    reader.reset();
    reader.push(bytes("00 01 00 00 00 03 01 83 02"));
    CHECK(read_all(reader).size() == 1);
  }
}

TEST_CASE("a good frame before a broken one is still handed out") {
  TcpFrameReader reader;
  reader.push(bytes("00 01 00 00 00 03 01 83 02 00 02 00 07"));
  CHECK(reader.next().value().has_value());
  CHECK_FALSE(reader.next());
}

}  // namespace
}  // namespace hubward::modbus
