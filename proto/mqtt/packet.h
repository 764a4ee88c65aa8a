// MQTT 3.1.1 control packets as values, and their bytes.
// Source: OASIS MQTT Version 3.1.1, chapters 2 and 3. Reading bytes back: packet_reader.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/result.h"

namespace hubward::mqtt {

enum class Qos : std::uint8_t { AtMostOnce = 0, AtLeastOnce = 1, ExactlyOnce = 2 };

// Joins a request to its acknowledgement; 1 to 65535, never 0 (section 2.3.1).
using PacketId = std::uint16_t;

constexpr std::uint8_t kProtocolLevel311 = 4;

// The largest body that four length bytes can announce (section 2.2.3).
constexpr std::size_t kRemainingLengthMax = 268'435'455;

struct Will {
  std::string topic{};
  std::string payload{};
  Qos qos = Qos::AtMostOnce;
  bool retain = false;
  bool operator==(const Will&) const = default;
};

struct Connect {
  std::string client_id{};
  std::optional<std::string> user_name{};
  std::optional<std::string> password{};  // a secret: never logged
  std::optional<Will> will{};
  std::chrono::seconds keep_alive{0};  // 0 to 65535; 0 switches it off
  bool clean_session = true;
  // 4 for 3.1.1. The reader passes others on, so that a server can answer CONNACK 1.
  std::uint8_t protocol_level = kProtocolLevel311;
  bool operator==(const Connect&) const = default;
};

struct Connack {
  bool session_present = false;
  std::uint8_t return_code = 0;  // 0 accepted, 1 to 5 refused (table 3.1), others reserved
  bool operator==(const Connack&) const = default;
};

struct Publish {
  std::string topic{};
  std::string payload{};
  Qos qos = Qos::AtMostOnce;
  PacketId packet_id = 0;  // on the wire only when qos is not AtMostOnce
  bool retain = false;
  bool duplicate = false;
  // Read only: the payload was longer than the reader keeps and has been passed over.
  bool too_long = false;
  bool operator==(const Publish&) const = default;
};

struct Puback {
  PacketId packet_id = 0;
  bool operator==(const Puback&) const = default;
};
struct Pubrec {
  PacketId packet_id = 0;
  bool operator==(const Pubrec&) const = default;
};
struct Pubrel {
  PacketId packet_id = 0;
  bool operator==(const Pubrel&) const = default;
};
struct Pubcomp {
  PacketId packet_id = 0;
  bool operator==(const Pubcomp&) const = default;
};

struct Subscription {
  std::string filter{};
  Qos qos = Qos::AtMostOnce;
  bool operator==(const Subscription&) const = default;
};
struct Subscribe {
  PacketId packet_id = 0;
  std::vector<Subscription> subscriptions{};  // at least one
  bool operator==(const Subscribe&) const = default;
};

constexpr std::uint8_t kSubscriptionRefused = 0x80;
struct Suback {
  PacketId packet_id = 0;
  std::vector<std::uint8_t> return_codes{};  // granted QoS or kSubscriptionRefused, in order
  bool operator==(const Suback&) const = default;
};

struct Unsubscribe {
  PacketId packet_id = 0;
  std::vector<std::string> filters{};  // at least one
  bool operator==(const Unsubscribe&) const = default;
};
struct Unsuback {
  PacketId packet_id = 0;
  bool operator==(const Unsuback&) const = default;
};

struct Pingreq {
  bool operator==(const Pingreq&) const = default;
};
struct Pingresp {
  bool operator==(const Pingresp&) const = default;
};
struct Disconnect {
  bool operator==(const Disconnect&) const = default;
};

using Packet = std::variant<Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe,
                            Suback, Unsubscribe, Unsuback, Pingreq, Pingresp, Disconnect>;

// The packet's name as the specification writes it, for logs and traces.
[[nodiscard]] std::string_view name_of(const Packet& packet);

// Appends the packet's bytes to `out`. LimitExceeded if a text is over 65535 bytes or the packet
// over kRemainingLengthMax, Malformed if a packet id is 0 or a list empty; `out` is then unchanged.
[[nodiscard]] Status encode_to(const Packet& packet, std::vector<std::byte>& out);
[[nodiscard]] Result<std::vector<std::byte>> encode(const Packet& packet);

}  // namespace hubward::mqtt
