// Packets beside their bytes, as a version of the specification has them, and what must hold for
// them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/packet_reader.h"
#include "tests/unit/proto/mqtt/bytes.h"

namespace hubward::mqtt::test {

struct PacketVector {
  const char* why;
  Packet packet;
  std::string_view bytes;
};

inline constexpr std::size_t kPacketLimit = 300'000;

inline PacketReader strict_reader(Version version, std::size_t limit = kPacketLimit) {
  return PacketReader(limit, PacketReader::BadPublish::EndStream, version);
}

inline void check_written_and_read_back(const std::vector<PacketVector>& vectors, Version version) {
  for (const auto& row : vectors) {
    CAPTURE(row.why);
    const auto written = encode(row.packet, version);
    REQUIRE(written);
    CHECK(*written == bytes_of(row.bytes));
    PacketReader reader = strict_reader(version);
    reader.feed(bytes_of(row.bytes));
    const auto packet = reader.next();
    REQUIRE(packet);
    REQUIRE(*packet);
    CHECK(**packet == row.packet);
    CHECK(reader.bytes_waiting() == 0);
  }
}

inline void check_any_split(const std::vector<PacketVector>& vectors, Version version) {
  std::vector<std::byte> stream;
  for (const auto& row : vectors) REQUIRE(encode_to(row.packet, stream, version));
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    CAPTURE(piece);
    PacketReader reader = strict_reader(version);
    std::size_t seen = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (;;) {
        auto packet = reader.next();
        REQUIRE(packet);
        if (!*packet) break;
        REQUIRE(seen < vectors.size());
        CHECK(**packet == vectors[seen++].packet);
      }
    }
    CHECK(seen == vectors.size());
    CHECK(reader.bytes_waiting() == 0);
  }
}

}  // namespace hubward::mqtt::test
