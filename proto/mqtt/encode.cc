#include "proto/mqtt/body.h"
#include "proto/mqtt/packet.h"
#include "proto/mqtt/packet_type.h"
#include "proto/mqtt/property_wire.h"

namespace hubward::mqtt {
namespace {

unsigned bit(bool set, std::uint8_t mask) { return set ? mask : 0U; }

PacketType type_of(const Packet& packet) {
  // The variant lists the types in the order of table 2.1, which starts at 1.
  return static_cast<PacketType>(packet.index() + 1);
}
static_assert(std::variant_size_v<Packet> == static_cast<std::size_t>(PacketType::Auth));

std::uint8_t flags_of(const Packet& packet) {
  const auto* publish = std::get_if<Publish>(&packet);
  if (publish == nullptr) return required_flags(type_of(packet));
  return static_cast<std::uint8_t>(bit(publish->duplicate, 0x8) |
                                   static_cast<unsigned>(publish->qos) << 1U |
                                   bit(publish->retain, 0x1));
}

unsigned options_of(const Subscription& subscription) {
  return bit(subscription.no_local, kOptionNoLocal) |
         bit(subscription.retain_as_published, kOptionRetainAsPublished) |
         static_cast<unsigned>(subscription.retained) << kRetainedShift;
}

struct WriteBody {
  Body& body;
  bool v5;

  void properties(const Properties& all, PacketType where) const {
    if (v5) write_properties(all, where, body);
  }
  // 5.0, section 3.4.2.1 and those alike: what says nothing is left out.
  void reason(std::uint8_t code, const Properties& all, PacketType where) const {
    if (!v5 || (code == 0 && all.empty())) return;
    body.byte(code);
    if (!all.empty()) write_properties(all, where, body);
  }
  template <class Packet>
  void acknowledge(const Packet& packet, PacketType type) const {
    body.id(packet.packet_id);
    reason(packet.reason, packet.properties, type);
  }

  void operator()(const Connect& packet) const {
    body.text(packet.protocol_level == 3 ? "MQIsdp" : "MQTT");
    body.byte(packet.protocol_level);
    unsigned flags = bit(packet.clean_session, kFlagCleanSession) |
                     bit(packet.user_name.has_value(), kFlagUserName) |
                     bit(packet.password.has_value(), kFlagPassword);
    if (packet.will) {
      flags |= kFlagWill | static_cast<unsigned>(packet.will->qos) << kWillQosShift |
               bit(packet.will->retain, kFlagWillRetain);
    }
    const bool has_properties = packet.protocol_level == kProtocolLevel5;
    if (packet.password && !packet.user_name && !has_properties) {
      body.refuse(ErrorCode::Malformed, "password without user name");  // [MQTT-3.1.2-22]
    }
    body.byte(flags);
    const auto keep_alive = packet.keep_alive.count();
    if (keep_alive < 0 || keep_alive > 0xFFFF) {
      body.refuse(ErrorCode::LimitExceeded, "keep-alive over 65535 s");
    }
    body.number(static_cast<unsigned>(keep_alive) & 0xFFFFU);
    if (has_properties) write_properties(packet.properties, PacketType::Connect, body);
    body.text(packet.client_id);
    if (packet.will) {
      if (has_properties) write_properties(packet.will->properties, kWillProperties, body);
      body.text(packet.will->topic);
      body.text(packet.will->payload);
    }
    if (packet.user_name) body.text(*packet.user_name);
    if (packet.password) body.text(*packet.password);
  }
  void operator()(const Connack& packet) const {
    body.byte(packet.session_present ? 1 : 0);
    body.byte(packet.return_code);
    properties(packet.properties, PacketType::Connack);
  }
  void operator()(const Publish& packet) const {
    body.text(packet.topic);
    if (packet.qos != Qos::AtMostOnce) body.id(packet.packet_id);
    properties(packet.properties, PacketType::Publish);
    body.raw(packet.payload);
  }
  void operator()(const Puback& packet) const { acknowledge(packet, PacketType::Puback); }
  void operator()(const Pubrec& packet) const { acknowledge(packet, PacketType::Pubrec); }
  void operator()(const Pubrel& packet) const { acknowledge(packet, PacketType::Pubrel); }
  void operator()(const Pubcomp& packet) const { acknowledge(packet, PacketType::Pubcomp); }
  void operator()(const Subscribe& packet) const {
    body.id(packet.packet_id);
    if (packet.subscriptions.empty()) body.refuse(ErrorCode::Malformed, "empty SUBSCRIBE");
    properties(packet.properties, PacketType::Subscribe);
    for (const auto& subscription : packet.subscriptions) {
      body.text(subscription.filter);
      body.byte(static_cast<unsigned>(subscription.qos) | (v5 ? options_of(subscription) : 0U));
    }
  }
  void operator()(const Suback& packet) const {
    body.id(packet.packet_id);
    properties(packet.properties, PacketType::Suback);
    for (const auto code : packet.return_codes) body.byte(code);
  }
  void operator()(const Unsubscribe& packet) const {
    body.id(packet.packet_id);
    if (packet.filters.empty()) body.refuse(ErrorCode::Malformed, "empty UNSUBSCRIBE");
    properties(packet.properties, PacketType::Unsubscribe);
    for (const auto& filter : packet.filters) body.text(filter);
  }
  void operator()(const Unsuback& packet) const {
    body.id(packet.packet_id);
    properties(packet.properties, PacketType::Unsuback);
    if (!v5) return;
    for (const auto code : packet.reasons) body.byte(code);
  }
  void operator()(const Pingreq&) const {}
  void operator()(const Pingresp&) const {}
  void operator()(const Disconnect& packet) const {
    reason(packet.reason, packet.properties, PacketType::Disconnect);
  }
  void operator()(const Auth& packet) const {
    if (!v5) body.refuse(ErrorCode::Malformed, "AUTH is of MQTT 5");
    reason(packet.reason, packet.properties, PacketType::Auth);
  }
};

}  // namespace

std::string_view name_of(const Packet& packet) {
  constexpr std::string_view kNames[] = {"CONNECT",  "CONNACK",     "PUBLISH",  "PUBACK",
                                         "PUBREC",   "PUBREL",      "PUBCOMP",  "SUBSCRIBE",
                                         "SUBACK",   "UNSUBSCRIBE", "UNSUBACK", "PINGREQ",
                                         "PINGRESP", "DISCONNECT",  "AUTH"};
  return kNames[packet.index()];
}

Status encode_to(const Packet& packet, std::vector<std::byte>& out, Version version) {
  constexpr std::size_t kHeaderMax = 5;  // first byte and up to four of length
  const std::size_t start = out.size();
  out.resize(start + kHeaderMax);
  Body body(out);
  std::visit(WriteBody{body, version == Version::V5}, packet);
  const std::size_t length = out.size() - start - kHeaderMax;
  if (length > kRemainingLengthMax) body.refuse(ErrorCode::LimitExceeded, "packet over 256 MB");
  if (!body.status()) {
    out.resize(start);
    return body.status();
  }
  std::byte header[kHeaderMax];
  header[0] =
      static_cast<std::byte>(static_cast<unsigned>(type_of(packet)) << 4U | flags_of(packet));
  const std::size_t used = 1 + write_length(length, header + 1);
  // The header is most often two bytes: close the gap that was left for five.
  const auto at = out.begin() + static_cast<std::ptrdiff_t>(start);
  std::copy(header, header + used, at);
  out.erase(at + static_cast<std::ptrdiff_t>(used), at + static_cast<std::ptrdiff_t>(kHeaderMax));
  return {};
}

Result<std::vector<std::byte>> encode(const Packet& packet, Version version) {
  std::vector<std::byte> out;
  if (auto status = encode_to(packet, out, version); !status) return tl::unexpected(status.error());
  return out;
}

}  // namespace hubward::mqtt
