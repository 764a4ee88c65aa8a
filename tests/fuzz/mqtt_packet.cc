// Arbitrary bytes as an MQTT stream: the first byte says how they are split and, by its bit 4, that
// they are MQTT 5. Whatever is read must not depend on the split, and must survive being written
// and read again. What is passed over must be found again however it comes.
#include <cstdlib>
#include <span>

#include "proto/mqtt/packet_reader.h"

using namespace hubward;
using namespace hubward::mqtt;

namespace {

constexpr std::size_t kPacketBytesMax = 4096;

void require(bool holds) {
  if (!holds) std::abort();
}

// The packets, and whether the stream ended in an error.
std::pair<std::vector<Packet>, bool> read_all(
    std::span<const std::byte> bytes, std::size_t piece, Version version,
    std::size_t bytes_max = kPacketBytesMax,
    PacketReader::BadPublish bad_publish = PacketReader::BadPublish::EndStream) {
  PacketReader reader(bytes_max, bad_publish, version);
  std::vector<Packet> packets;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    for (;;) {
      auto packet = reader.next();
      if (!packet) return {std::move(packets), true};
      if (!*packet) break;
      packets.push_back(std::move(**packet));
    }
  }
  return {std::move(packets), false};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{1} + data[0] % 16;
  const Version version = (data[0] & 0x10U) != 0 ? Version::V5 : Version::V311;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const auto whole = read_all(bytes, bytes.size() + 1, version);
  require(whole == read_all(bytes, piece, version));
  constexpr auto kPassOver = PacketReader::BadPublish::PassOver;
  require(read_all(bytes, bytes.size() + 1, version, 16, kPassOver) ==
          read_all(bytes, piece, version, 16, kPassOver));
  for (const auto& packet : whole.first) {
    const auto written = encode(packet, version);
    require(written.has_value());
    const auto again = read_all(*written, written->size(), version);
    require(!again.second && again.first.size() == 1 && again.first[0] == packet);
  }
  return 0;
}
