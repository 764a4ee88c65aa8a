// Bytes of a TCP stream to MQTT packets, whatever pieces the bytes come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/mqtt/packet.h"

namespace hubward::mqtt {

// One per connection, single-threaded. Feed what arrived, then take packets until there is none:
//   reader.feed(bytes);
//   for (;;) { auto packet = reader.next(); if (!packet) close(); else if (!*packet) break; ... }
// Checks what section 2 to 4 of the specification call malformed: lengths, reserved bits, QoS 3,
// packet id 0, UTF-8, wildcards in a topic name, properties out of place. After an error the stream
// cannot be trusted, so next() repeats that error for ever.
class PacketReader {
 public:
  // What becomes of a PUBLISH over the bound, or with properties that are well framed and not
  // allowed. `PassOver` returns it (Publish::too_long, without its payload; Publish::fault), so
  // that it can be acknowledged and does not come again and again: a broker passes on unread what
  // one of its clients has sent, and one client must not end what all say.
  enum class BadPublish : std::uint8_t { EndStream, PassOver };

  // `packet_bytes_max` bounds the announced length of one packet's body, hence the memory used.
  explicit PacketReader(std::size_t packet_bytes_max,
                        BadPublish bad_publish = BadPublish::EndStream,
                        Version version = Version::V311)
      : packet_bytes_max_(packet_bytes_max), bad_publish_(bad_publish), version_(version) {}

  void feed(std::span<const std::byte> bytes);

  // A packet, nothing (more bytes needed), Malformed, or LimitExceeded.
  [[nodiscard]] Result<std::optional<Packet>> next();

  // Bytes fed that belong to no packet taken yet: more than 0 at the end of a stream means that it
  // was cut inside a packet.
  [[nodiscard]] std::size_t bytes_waiting() const { return buffer_.size() - taken_; }

 private:
  // Takes the fields before the payload, if they are there, and passes over the rest.
  [[nodiscard]] Result<std::optional<Packet>> begin_passing_over(std::span<const std::byte> bytes,
                                                                 std::size_t header_bytes,
                                                                 std::size_t body_bytes);
  [[nodiscard]] Result<std::optional<Packet>> pass_over();
  tl::unexpected<Error> fail(ErrorCode code, std::string why);

  std::size_t packet_bytes_max_;
  BadPublish bad_publish_;
  Version version_;
  std::optional<Publish> passed_over_;
  std::size_t to_pass_over_ = 0;
  std::vector<std::byte> buffer_;
  std::size_t taken_ = 0;  // bytes of buffer_ that were already returned as packets
  std::optional<Error> failed_;
};

}  // namespace hubward::mqtt
