// What MQTT 5 packets say beside their fields. Source: OASIS MQTT Version 5.0, section 2.2.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubward::mqtt {

// Table 2-4.
enum class PropertyId : std::uint8_t {
  PayloadFormatIndicator = 0x01,
  MessageExpiryInterval = 0x02,
  ContentType = 0x03,
  ResponseTopic = 0x08,
  CorrelationData = 0x09,
  SubscriptionIdentifier = 0x0B,
  SessionExpiryInterval = 0x11,
  AssignedClientIdentifier = 0x12,
  ServerKeepAlive = 0x13,
  AuthenticationMethod = 0x15,
  AuthenticationData = 0x16,
  RequestProblemInformation = 0x17,
  WillDelayInterval = 0x18,
  RequestResponseInformation = 0x19,
  ResponseInformation = 0x1A,
  ServerReference = 0x1C,
  ReasonString = 0x1F,
  ReceiveMaximum = 0x21,
  TopicAliasMaximum = 0x22,
  TopicAlias = 0x23,
  MaximumQos = 0x24,
  RetainAvailable = 0x25,
  UserProperty = 0x26,
  MaximumPacketSize = 0x27,
  WildcardSubscriptionAvailable = 0x28,
  SubscriptionIdentifierAvailable = 0x29,
  SharedSubscriptionAvailable = 0x2A,
};

// Which of the two it has follows from the id.
struct Property {
  PropertyId id;
  std::uint32_t number = 0;
  std::string text{};
  bool operator==(const Property&) const = default;
};

// In the order of the wire, each id once. What may come any number of times is checked when it is
// read and not kept: user properties, which mean something to applications only, and the
// subscription identifiers of a PUBLISH. So a packet's properties are few, whatever a peer sends.
using Properties = std::vector<Property>;

[[nodiscard]] std::optional<std::uint32_t> number_of(const Properties& properties, PropertyId id);
// Empty where there is none.
[[nodiscard]] std::string_view text_of(const Properties& properties, PropertyId id);

}  // namespace hubward::mqtt
