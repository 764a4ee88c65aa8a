#include "proto/mqtt/properties.h"

#include <algorithm>

#include "proto/mqtt/property_wire.h"

namespace hubward::mqtt {
namespace {

enum class Form : std::uint8_t { Byte, TwoBytes, FourBytes, Length, Text, Binary, TextPair };

constexpr unsigned in(PacketType type) { return 1U << static_cast<unsigned>(type); }
constexpr unsigned kWill = in(kWillProperties), kConnect = in(PacketType::Connect),
                   kConnack = in(PacketType::Connack), kPublish = in(PacketType::Publish),
                   kSubscribe = in(PacketType::Subscribe), kAuth = in(PacketType::Auth),
                   kDisconnect = in(PacketType::Disconnect);
constexpr unsigned kAnswers = in(PacketType::Puback) | in(PacketType::Pubrec) |
                              in(PacketType::Pubrel) | in(PacketType::Pubcomp) |
                              in(PacketType::Suback) | in(PacketType::Unsuback);
constexpr std::uint32_t kAny = 0xFFFF'FFFF;

struct Rule {
  PropertyId id;
  Form form;
  unsigned packets;           // where it may stand
  std::uint32_t least, most;  // of a number
};

// Table 2-4; the bounds are those of the sections on the packets.
constexpr Rule kRules[] = {
    {PropertyId::PayloadFormatIndicator, Form::Byte, kPublish | kWill, 0, 1},
    {PropertyId::MessageExpiryInterval, Form::FourBytes, kPublish | kWill, 0, kAny},
    {PropertyId::ContentType, Form::Text, kPublish | kWill, 0, 0},
    {PropertyId::ResponseTopic, Form::Text, kPublish | kWill, 0, 0},
    {PropertyId::CorrelationData, Form::Binary, kPublish | kWill, 0, 0},
    {PropertyId::SubscriptionIdentifier, Form::Length, kPublish | kSubscribe, 1, kAny},
    {PropertyId::SessionExpiryInterval, Form::FourBytes, kConnect | kConnack | kDisconnect, 0,
     kAny},
    {PropertyId::AssignedClientIdentifier, Form::Text, kConnack, 0, 0},
    {PropertyId::ServerKeepAlive, Form::TwoBytes, kConnack, 0, kAny},
    {PropertyId::AuthenticationMethod, Form::Text, kConnect | kConnack | kAuth, 0, 0},
    {PropertyId::AuthenticationData, Form::Binary, kConnect | kConnack | kAuth, 0, 0},
    {PropertyId::RequestProblemInformation, Form::Byte, kConnect, 0, 1},
    {PropertyId::WillDelayInterval, Form::FourBytes, kWill, 0, kAny},
    {PropertyId::RequestResponseInformation, Form::Byte, kConnect, 0, 1},
    {PropertyId::ResponseInformation, Form::Text, kConnack, 0, 0},
    {PropertyId::ServerReference, Form::Text, kConnack | kDisconnect, 0, 0},
    {PropertyId::ReasonString, Form::Text, kConnack | kAnswers | kDisconnect | kAuth, 0, 0},
    {PropertyId::ReceiveMaximum, Form::TwoBytes, kConnect | kConnack, 1, kAny},
    {PropertyId::TopicAliasMaximum, Form::TwoBytes, kConnect | kConnack, 0, kAny},
    {PropertyId::TopicAlias, Form::TwoBytes, kPublish, 1, kAny},
    {PropertyId::MaximumQos, Form::Byte, kConnack, 0, 1},
    {PropertyId::RetainAvailable, Form::Byte, kConnack, 0, 1},
    {PropertyId::UserProperty, Form::TextPair, kAny, 0, 0},
    {PropertyId::MaximumPacketSize, Form::FourBytes, kConnect | kConnack, 1, kAny},
    {PropertyId::WildcardSubscriptionAvailable, Form::Byte, kConnack, 0, 1},
    {PropertyId::SubscriptionIdentifierAvailable, Form::Byte, kConnack, 0, 1},
    {PropertyId::SharedSubscriptionAvailable, Form::Byte, kConnack, 0, 1},
};

const Rule* rule_of(PropertyId id, PacketType where) {
  const auto* const rule =
      std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& r) { return r.id == id; });
  return rule != std::end(kRules) && (rule->packets & in(where)) != 0 ? rule : nullptr;
}

bool may_repeat(PropertyId id, PacketType where) {
  return id == PropertyId::UserProperty ||
         (id == PropertyId::SubscriptionIdentifier && where == PacketType::Publish);
}

const Property* find(const Properties& properties, PropertyId id) {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const Property& one) { return one.id == id; });
  return found == properties.end() ? nullptr : &*found;
}

void read_value(const Rule& rule, Fields& fields, Property& property) {
  switch (rule.form) {
    case Form::Byte:
      property.number = fields.byte();
      break;
    case Form::TwoBytes:
      property.number = fields.number();
      break;
    case Form::FourBytes:
      property.number = fields.long_number();
      break;
    case Form::Length:
      property.number = static_cast<std::uint32_t>(fields.length());
      break;
    case Form::Text:
      property.text = fields.text();
      return;
    case Form::Binary:
      property.text = fields.binary();
      return;
    case Form::TextPair:
      static_cast<void>(fields.text());
      static_cast<void>(fields.text());
      return;
  }
  if (property.number < rule.least || property.number > rule.most) {
    fields.refuse("property with a value that it cannot have");
  }
}

}  // namespace

std::optional<std::uint32_t> number_of(const Properties& properties, PropertyId id) {
  const Property* const found = find(properties, id);
  if (found == nullptr) return std::nullopt;
  return found->number;
}

std::string_view text_of(const Properties& properties, PropertyId id) {
  const Property* const found = find(properties, id);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

Properties read_properties(PacketType where, Fields& fields) {
  const char* fault = nullptr;
  Properties properties = read_properties(where, fields, fault);
  if (fault != nullptr) fields.refuse(fault);
  return properties;
}

Properties read_properties(PacketType where, Fields& fields, const char*& fault) {
  Properties properties;
  Fields part = fields.part(fields.length());
  while (part.more()) {
    // The id is a length by its form, and below 128 as yet: one byte (section 2.2.2.2).
    Property property{.id = static_cast<PropertyId>(part.byte())};
    const Rule* const rule = rule_of(property.id, where);
    if (rule == nullptr) {
      part.refuse("unknown property, or one that has no place in this packet");
      break;
    }
    read_value(*rule, part, property);
    if (may_repeat(property.id, where)) continue;
    if (find(properties, property.id) != nullptr) part.refuse("property twice");
    if (property.id == PropertyId::ResponseTopic && !is_valid_topic(property.text)) {
      part.refuse("empty response topic or wildcard in it");  // [MQTT-3.3.2-14]
    }
    properties.push_back(std::move(property));
  }
  // Section 3.1.2.11.10.
  if (find(properties, PropertyId::AuthenticationData) != nullptr &&
      find(properties, PropertyId::AuthenticationMethod) == nullptr) {
    part.refuse("authentication data without a method");
  }
  if (part.lengths_break()) {
    fields.refuse(part.why());
  } else {
    fault = part.why();
  }
  return properties;
}

void write_properties(const Properties& properties, PacketType where, Body& body) {
  std::vector<std::byte> bytes;
  Body part(bytes);
  for (const Property& property : properties) {
    const Rule* const rule = rule_of(property.id, where);
    if (rule == nullptr) {
      part.refuse(ErrorCode::Malformed, "property that has no place in this packet");
      break;
    }
    part.byte(static_cast<unsigned>(property.id));
    switch (rule->form) {
      case Form::Byte:
        part.byte(property.number & 0xFFU);
        break;
      case Form::TwoBytes:
        part.number(property.number & 0xFFFFU);
        break;
      case Form::FourBytes:
        part.long_number(property.number);
        break;
      case Form::Length:
        part.length(property.number);
        break;
      case Form::Text:
      case Form::Binary:
        part.text(property.text);
        break;
      case Form::TextPair:
        part.refuse(ErrorCode::Malformed, "user properties are not written");
        break;
    }
  }
  body.refuse(part.status());
  body.length(bytes.size());
  body.raw({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace hubward::mqtt
