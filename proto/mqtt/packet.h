// MQTT control packets as values, and their bytes.
// Sources: OASIS MQTT Version 3.1.1 and Version 5.0, chapters 2 and 3; sections are those of 3.1.1
// unless 5.0 is named. Reading bytes back: packet_reader.h.
//
// What only MQTT 5 has (reason codes of acknowledgements, properties, options of subscriptions)
// keeps its default with 3.1.1 and is not written there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/mqtt/properties.h"
#include "proto/mqtt/version.h"
#include "proto/result.h"

namespace hubward::mqtt {

enum class Qos : std::uint8_t { AtMostOnce = 0, AtLeastOnce = 1, ExactlyOnce = 2 };

// Joins a request to its acknowledgement; 1 to 65535, never 0 (section 2.3.1).
using PacketId = std::uint16_t;

constexpr std::uint8_t kProtocolLevel311 = 4;
constexpr std::uint8_t kProtocolLevel5 = 5;

// MQTT 5.0, section 2.4: from here on a reason code says what went wrong.
constexpr std::uint8_t kFirstFailure = 0x80;

// The largest body that four length bytes can announce (section 2.2.3).
constexpr std::size_t kRemainingLengthMax = 268'435'455;

struct Will {
  std::string topic{};
  std::string payload{};
  Qos qos = Qos::AtMostOnce;
  bool retain = false;
  Properties properties{};
  bool operator==(const Will&) const = default;
};

struct Connect {
  std::string client_id{};
  std::optional<std::string> user_name{};
  std::optional<std::string> password{};  // a secret: never logged
  std::optional<Will> will{};
  std::chrono::seconds keep_alive{0};  // 0 to 65535; 0 switches it off
  bool clean_session = true;           // 5.0: clean start
  // 4 for 3.1.1. The reader passes others on, so that a server can answer CONNACK 1. With 5 it has
  // properties, whatever version the reader or the writer was told.
  std::uint8_t protocol_level = kProtocolLevel311;
  Properties properties{};
  bool operator==(const Connect&) const = default;
};

struct Connack {
  bool session_present = false;
  std::uint8_t return_code = 0;  // 0 accepted, 1 to 5 refused (table 3.1), others reserved
  Properties properties{};
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
  // Read only: what is wrong with its properties, which are not to be used then. Empty: nothing.
  std::string fault{};
  Properties properties{};
  bool operator==(const Publish&) const = default;
};

struct Puback {
  PacketId packet_id = 0;
  std::uint8_t reason = 0;
  Properties properties{};
  bool operator==(const Puback&) const = default;
};
struct Pubrec {
  PacketId packet_id = 0;
  std::uint8_t reason = 0;
  Properties properties{};
  bool operator==(const Pubrec&) const = default;
};
struct Pubrel {
  PacketId packet_id = 0;
  std::uint8_t reason = 0;
  Properties properties{};
  bool operator==(const Pubrel&) const = default;
};
struct Pubcomp {
  PacketId packet_id = 0;
  std::uint8_t reason = 0;
  Properties properties{};
  bool operator==(const Pubcomp&) const = default;
};

struct Subscription {
  std::string filter{};
  Qos qos = Qos::AtMostOnce;
  // 5.0, section 3.8.3.1.
  bool no_local = false;
  bool retain_as_published = false;
  enum class Retained : std::uint8_t { Send = 0, SendIfNew = 1, Keep = 2 };
  Retained retained = Retained::Send;
  bool operator==(const Subscription&) const = default;
};
struct Subscribe {
  PacketId packet_id = 0;
  std::vector<Subscription> subscriptions{};  // at least one
  Properties properties{};
  bool operator==(const Subscribe&) const = default;
};

constexpr std::uint8_t kSubscriptionRefused = 0x80;
struct Suback {
  PacketId packet_id = 0;
  // Granted QoS or kSubscriptionRefused, in order; 5.0: or why it was refused.
  std::vector<std::uint8_t> return_codes{};
  Properties properties{};
  bool operator==(const Suback&) const = default;
};

struct Unsubscribe {
  PacketId packet_id = 0;
  std::vector<std::string> filters{};  // at least one
  Properties properties{};
  bool operator==(const Unsubscribe&) const = default;
};
struct Unsuback {
  PacketId packet_id = 0;
  std::vector<std::uint8_t> reasons{};  // 5.0: one for each filter
  Properties properties{};
  bool operator==(const Unsuback&) const = default;
};

struct Pingreq {
  bool operator==(const Pingreq&) const = default;
};
struct Pingresp {
  bool operator==(const Pingresp&) const = default;
};
struct Disconnect {
  std::uint8_t reason = 0;
  Properties properties{};
  bool operator==(const Disconnect&) const = default;
};
// 5.0 only, section 3.15.
struct Auth {
  std::uint8_t reason = 0;
  Properties properties{};
  bool operator==(const Auth&) const = default;
};

using Packet = std::variant<Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp, Subscribe,
                            Suback, Unsubscribe, Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

// The packet's name as the specification writes it, for logs and traces.
[[nodiscard]] std::string_view name_of(const Packet& packet);

// Appends the packet's bytes to `out`. LimitExceeded if a text is over 65535 bytes or the packet
// over kRemainingLengthMax, Malformed if a packet id is 0, a list empty, a property out of place,
// or the version has no such packet; `out` is then unchanged.
[[nodiscard]] Status encode_to(const Packet& packet, std::vector<std::byte>& out,
                               Version version = Version::V311);
[[nodiscard]] Result<std::vector<std::byte>> encode(const Packet& packet,
                                                    Version version = Version::V311);

}  // namespace hubward::mqtt
