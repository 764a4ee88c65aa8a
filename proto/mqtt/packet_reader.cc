#include "proto/mqtt/packet_reader.h"

#include <algorithm>
#include <utility>

#include "proto/mqtt/fields.h"
#include "proto/mqtt/packet_type.h"
#include "proto/mqtt/property_wire.h"

namespace hubward::mqtt {
namespace {

Packet read_connect(Fields& fields) {
  Connect packet;
  const std::string protocol = fields.text();
  packet.protocol_level = static_cast<std::uint8_t>(fields.byte());
  // Level 3 calls itself MQIsdp; a server answers it with CONNACK 1 [MQTT-3.1.2-2].
  if (protocol != "MQTT" && protocol != "MQIsdp") fields.refuse("unknown protocol name");
  const unsigned flags = fields.byte();
  packet.clean_session = (flags & kFlagCleanSession) != 0;
  packet.keep_alive = std::chrono::seconds(fields.number());
  const bool has_properties = packet.protocol_level == kProtocolLevel5;
  if (has_properties) packet.properties = read_properties(PacketType::Connect, fields);
  packet.client_id = fields.text();
  const Qos will_qos = fields.qos(flags >> kWillQosShift & 3U);
  if ((flags & kFlagReserved) != 0) fields.refuse("reserved connect flag set");
  if ((flags & kFlagWill) != 0) {
    Will will;
    if (has_properties) will.properties = read_properties(kWillProperties, fields);
    will.topic = fields.topic_name();
    will.payload = fields.binary();
    will.qos = will_qos;
    will.retain = (flags & kFlagWillRetain) != 0;
    packet.will = std::move(will);
  } else if (will_qos != Qos::AtMostOnce || (flags & kFlagWillRetain) != 0) {
    fields.refuse("will flags without a will");
  }
  if ((flags & kFlagUserName) != 0) {
    packet.user_name = fields.text();
  } else if ((flags & kFlagPassword) != 0 && !has_properties) {
    fields.refuse("password without user name");
  }
  if ((flags & kFlagPassword) != 0) packet.password = fields.binary();
  return packet;
}

Publish read_publish_head(Fields& fields, unsigned flags) {
  Publish packet;
  packet.duplicate = (flags & 0x8U) != 0;
  packet.qos = fields.qos(flags >> 1U & 3U);
  packet.retain = (flags & 0x1U) != 0;
  if (packet.duplicate && packet.qos == Qos::AtMostOnce) fields.refuse("DUP with QoS 0");
  packet.topic = fields.text();
  if (packet.qos != Qos::AtMostOnce) packet.packet_id = fields.id();
  return packet;
}

// 5.0, section 3.3.2.1: a number that was given to a topic before may stand for it.
void check_topic(const Publish& packet, bool may_be_alias, Fields& fields) {
  if (packet.topic.empty() && may_be_alias) return;
  if (!is_valid_topic(packet.topic)) fields.refuse("empty topic name or wildcard in it");
}

Packet read_publish(Fields& fields, unsigned flags, bool v5) {
  Publish packet = read_publish_head(fields, flags);
  if (v5) {
    const char* fault = nullptr;
    packet.properties = read_properties(PacketType::Publish, fields, fault);
    if (fault != nullptr) packet.fault = fault;
  }
  check_topic(packet, number_of(packet.properties, PropertyId::TopicAlias).has_value(), fields);
  packet.payload = fields.rest();
  return packet;
}

Subscription read_subscription(Fields& fields, bool v5) {
  Subscription subscription{.filter = fields.topic_filter()};
  const unsigned options = fields.byte();
  if (!v5) {
    subscription.qos = fields.qos(options);
    return subscription;
  }
  subscription.qos = fields.qos(options & 3U);
  subscription.no_local = (options & kOptionNoLocal) != 0;
  subscription.retain_as_published = (options & kOptionRetainAsPublished) != 0;
  const unsigned retained = options >> kRetainedShift & 3U;
  if (retained > 2) fields.refuse("retain handling 3");
  if ((options & kOptionsReserved) != 0) fields.refuse("reserved subscription option set");
  subscription.retained = static_cast<Subscription::Retained>(retained);
  return subscription;
}

Packet read_subscribe(Fields& fields, bool v5) {
  Subscribe packet{.packet_id = fields.id()};
  if (v5) packet.properties = read_properties(PacketType::Subscribe, fields);
  if (fields.at_end()) fields.refuse("SUBSCRIBE without a filter");
  while (fields.more()) packet.subscriptions.push_back(read_subscription(fields, v5));
  return packet;
}

Packet read_suback(Fields& fields, bool v5) {
  Suback packet{.packet_id = fields.id()};
  if (v5) packet.properties = read_properties(PacketType::Suback, fields);
  if (fields.at_end()) fields.refuse("SUBACK without a return code");
  while (fields.more()) {
    const unsigned code = fields.byte();
    const bool refused = v5 ? code >= kFirstFailure : code == kSubscriptionRefused;
    if (code > 2 && !refused) fields.refuse("unknown SUBACK return code");
    packet.return_codes.push_back(static_cast<std::uint8_t>(code));
  }
  return packet;
}

Packet read_unsubscribe(Fields& fields, bool v5) {
  Unsubscribe packet{.packet_id = fields.id()};
  if (v5) packet.properties = read_properties(PacketType::Unsubscribe, fields);
  if (fields.at_end()) fields.refuse("UNSUBSCRIBE without a filter");
  while (fields.more()) packet.filters.push_back(fields.topic_filter());
  return packet;
}

Packet read_unsuback(Fields& fields, bool v5) {
  Unsuback packet{.packet_id = fields.id()};
  if (!v5) return packet;
  packet.properties = read_properties(PacketType::Unsuback, fields);
  if (fields.at_end()) fields.refuse("UNSUBACK without a reason code");
  while (fields.more()) packet.reasons.push_back(static_cast<std::uint8_t>(fields.byte()));
  return packet;
}

Packet read_connack(Fields& fields, bool v5) {
  const unsigned flags = fields.byte();
  if (flags > 1) fields.refuse("reserved CONNACK flag set");
  Connack packet{.session_present = flags == 1,
                 .return_code = static_cast<std::uint8_t>(fields.byte())};
  // A server that knows 3.1.1 only refuses MQTT 5 in its own form, without properties (3.1.1,
  // section 3.1.2.2); that refusal must not pass for noise.
  const bool old_refusal = packet.return_code != 0 && packet.return_code < kFirstFailure;
  if (v5 && !(old_refusal && fields.at_end())) {
    packet.properties = read_properties(PacketType::Connack, fields);
  }
  return packet;
}

// The reason code and the properties may be left out at the end, 5.0 sections 3.4.2 and 3.14.2.
template <class Packet>
Packet read_reason(Packet packet, PacketType type, Fields& fields, bool v5) {
  if (!v5 || !fields.more()) return packet;
  packet.reason = static_cast<std::uint8_t>(fields.byte());
  if (fields.more()) packet.properties = read_properties(type, fields);
  return packet;
}

template <class Packet>
Packet read_acknowledgement(PacketType type, Fields& fields, bool v5) {
  Packet packet;
  packet.packet_id = fields.id();
  return read_reason(std::move(packet), type, fields, v5);
}

Packet read_body(PacketType type, unsigned flags, Fields& fields, bool v5) {
  if (type != PacketType::Publish && flags != required_flags(type)) {
    fields.refuse("reserved header flags wrong");
  }
  switch (type) {
    case PacketType::Connect:
      return read_connect(fields);
    case PacketType::Connack:
      return read_connack(fields, v5);
    case PacketType::Publish:
      return read_publish(fields, flags, v5);
    case PacketType::Puback:
      return read_acknowledgement<Puback>(type, fields, v5);
    case PacketType::Pubrec:
      return read_acknowledgement<Pubrec>(type, fields, v5);
    case PacketType::Pubrel:
      return read_acknowledgement<Pubrel>(type, fields, v5);
    case PacketType::Pubcomp:
      return read_acknowledgement<Pubcomp>(type, fields, v5);
    case PacketType::Subscribe:
      return read_subscribe(fields, v5);
    case PacketType::Suback:
      return read_suback(fields, v5);
    case PacketType::Unsubscribe:
      return read_unsubscribe(fields, v5);
    case PacketType::Unsuback:
      return read_unsuback(fields, v5);
    case PacketType::Pingreq:
      return Pingreq{};
    case PacketType::Pingresp:
      return Pingresp{};
    case PacketType::Disconnect:
      return read_reason(Disconnect{}, type, fields, v5);
    case PacketType::Auth:
      if (!v5) break;
      return read_reason(Auth{}, type, fields, v5);
  }
  fields.refuse("unknown packet type");
  return Disconnect{};
}

struct Header {
  std::size_t size = 0;  // bytes of the header itself; 0 when it is not complete yet
  std::size_t length = 0;
  bool malformed = false;
};

Header read_header(std::span<const std::byte> bytes) {
  constexpr std::size_t kLengthBytesMax = 4;
  Header header;
  for (std::size_t i = 0; i < kLengthBytesMax; ++i) {
    if (bytes.size() < i + 2) return header;
    const auto value = static_cast<std::size_t>(bytes[i + 1]);
    header.length |= (value & 0x7FU) << (7 * i);
    if ((value & 0x80U) == 0) {
      header.size = i + 2;
      return header;
    }
  }
  header.malformed = true;
  return header;
}

}  // namespace

void PacketReader::feed(std::span<const std::byte> bytes) {
  if (failed_) return;  // nothing will be read from it any more, so nothing is kept
  if (taken_ == buffer_.size()) {
    buffer_.clear();
  } else if (taken_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  }
  taken_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

tl::unexpected<Error> PacketReader::fail(ErrorCode code, std::string why) {
  failed_ = Error{code, ErrorKind::Corrupt, "MQTT: " + std::move(why)};
  buffer_ = {};
  taken_ = 0;
  return tl::unexpected(*failed_);
}

Result<std::optional<Packet>> PacketReader::next() {
  if (failed_) return tl::unexpected(*failed_);
  if (passed_over_) return pass_over();
  const auto bytes = std::span<const std::byte>(buffer_).subspan(taken_);
  const Header header = read_header(bytes);
  if (header.malformed) return fail(ErrorCode::Malformed, "length field over four bytes");
  if (header.size == 0) return std::nullopt;
  const auto first = static_cast<unsigned>(bytes[0]);
  const auto type = static_cast<PacketType>(first >> 4U);
  if (header.length > packet_bytes_max_) {
    if (bad_publish_ == BadPublish::PassOver && type == PacketType::Publish) {
      return begin_passing_over(bytes, header.size, header.length);
    }
    return fail(ErrorCode::LimitExceeded, "packet of " + std::to_string(header.length) + " bytes");
  }
  if (bytes.size() < header.size + header.length) return std::nullopt;
  Fields fields(bytes.subspan(header.size, header.length));
  Packet packet = read_body(type, first & 0xFU, fields, version_ == Version::V5);
  if (fields.why() == nullptr && !fields.at_end()) fields.refuse("bytes left over in a packet");
  if (fields.why() != nullptr) return fail(ErrorCode::Malformed, fields.why());
  if (const auto* const publish = std::get_if<Publish>(&packet);
      publish != nullptr && !publish->fault.empty() && bad_publish_ == BadPublish::EndStream) {
    return fail(ErrorCode::Malformed, publish->fault);
  }
  taken_ += header.size + header.length;
  return packet;
}

Result<std::optional<Packet>> PacketReader::begin_passing_over(std::span<const std::byte> bytes,
                                                               std::size_t header_bytes,
                                                               std::size_t body_bytes) {
  // A topic's length, the longest topic, a packet id (section 3.3.2).
  constexpr std::size_t kHeadBytesMax = 2 + 65'535 + 2;
  const std::size_t head_bytes = std::min(body_bytes, kHeadBytesMax);
  if (bytes.size() < header_bytes + head_bytes) return std::nullopt;
  Fields fields(bytes.subspan(header_bytes, head_bytes));
  passed_over_ = read_publish_head(fields, static_cast<unsigned>(bytes[0]) & 0xFU);
  check_topic(*passed_over_, version_ == Version::V5, fields);
  if (fields.why() != nullptr) return fail(ErrorCode::Malformed, fields.why());
  passed_over_->too_long = true;
  to_pass_over_ = header_bytes + body_bytes;
  return pass_over();
}

Result<std::optional<Packet>> PacketReader::pass_over() {
  const std::size_t here = std::min(to_pass_over_, bytes_waiting());
  taken_ += here;
  to_pass_over_ -= here;
  if (to_pass_over_ > 0) return std::nullopt;
  Packet packet = std::move(*passed_over_);
  passed_over_.reset();
  return packet;
}

}  // namespace hubward::mqtt
