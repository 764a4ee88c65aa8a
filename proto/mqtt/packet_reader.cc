#include "proto/mqtt/packet_reader.h"

#include <algorithm>
#include <utility>

#include "proto/mqtt/packet_type.h"
#include "proto/mqtt/topic_filter.h"
#include "proto/utf8.h"

namespace hubward::mqtt {
namespace {

// Reads fields of one packet's body and remembers the first thing that was wrong with it.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}

  unsigned byte() {
    if (bytes_.empty()) return cut();
    const auto value = static_cast<unsigned>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  unsigned number() {
    const unsigned high = byte();
    return high << 8U | byte();
  }
  PacketId id() {
    const unsigned value = number();
    if (value == 0) refuse("packet id 0");
    return static_cast<PacketId>(value);
  }
  std::string raw(std::size_t length) {
    if (length > bytes_.size()) {
      cut();
      return {};
    }
    std::string value(reinterpret_cast<const char*>(bytes_.data()), length);
    bytes_ = bytes_.subspan(length);
    return value;
  }
  std::string binary() { return raw(number()); }
  std::string text() {
    std::string value = binary();
    if (!is_valid_text(value)) refuse("text is not UTF-8 or holds U+0000");
    return value;
  }
  std::string topic_name() {
    std::string value = text();
    if (!is_valid_topic(value)) refuse("empty topic name or wildcard in it");
    return value;
  }
  std::string topic_filter() {
    std::string value = text();
    if (!is_valid_filter(value)) refuse("invalid topic filter");
    return value;
  }
  Qos qos(unsigned value) {
    if (value > 2) refuse("QoS above 2");
    return static_cast<Qos>(value & 3U);
  }
  std::string rest() { return raw(bytes_.size()); }
  bool at_end() const { return bytes_.empty(); }
  // True while there is a list element to read; false also after an error, so that loops end.
  bool more() const { return !bytes_.empty() && why_ == nullptr; }

  void refuse(const char* why) {
    if (why_ == nullptr) why_ = why;
  }
  const char* why() const { return why_; }

 private:
  unsigned cut() {
    refuse("packet shorter than its fields");
    bytes_ = {};
    return 0;
  }

  std::span<const std::byte> bytes_;
  const char* why_ = nullptr;
};

Packet read_connect(Fields& fields) {
  Connect packet;
  const std::string protocol = fields.text();
  packet.protocol_level = static_cast<std::uint8_t>(fields.byte());
  // Level 3 calls itself MQIsdp; a server answers it with CONNACK 1 [MQTT-3.1.2-2].
  if (protocol != "MQTT" && protocol != "MQIsdp") fields.refuse("unknown protocol name");
  const unsigned flags = fields.byte();
  packet.clean_session = (flags & kFlagCleanSession) != 0;
  packet.keep_alive = std::chrono::seconds(fields.number());
  packet.client_id = fields.text();
  const Qos will_qos = fields.qos(flags >> kWillQosShift & 3U);
  if ((flags & kFlagReserved) != 0) fields.refuse("reserved connect flag set");
  if ((flags & kFlagWill) != 0) {
    Will will{.topic = fields.topic_name(), .payload = fields.binary()};
    will.qos = will_qos;
    will.retain = (flags & kFlagWillRetain) != 0;
    packet.will = std::move(will);
  } else if (will_qos != Qos::AtMostOnce || (flags & kFlagWillRetain) != 0) {
    fields.refuse("will flags without a will");
  }
  if ((flags & kFlagUserName) != 0) {
    packet.user_name = fields.text();
  } else if ((flags & kFlagPassword) != 0) {
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
  packet.topic = fields.topic_name();
  if (packet.qos != Qos::AtMostOnce) packet.packet_id = fields.id();
  return packet;
}

Packet read_publish(Fields& fields, unsigned flags) {
  Publish packet = read_publish_head(fields, flags);
  packet.payload = fields.rest();
  return packet;
}

Packet read_subscribe(Fields& fields) {
  Subscribe packet{.packet_id = fields.id(), .subscriptions = {}};
  if (fields.at_end()) fields.refuse("SUBSCRIBE without a filter");
  while (fields.more()) {
    Subscription subscription{.filter = fields.topic_filter()};
    subscription.qos = fields.qos(fields.byte());
    packet.subscriptions.push_back(std::move(subscription));
  }
  return packet;
}

Packet read_suback(Fields& fields) {
  Suback packet{.packet_id = fields.id(), .return_codes = {}};
  if (fields.at_end()) fields.refuse("SUBACK without a return code");
  while (fields.more()) {
    const unsigned code = fields.byte();
    if (code > 2 && code != kSubscriptionRefused) fields.refuse("unknown SUBACK return code");
    packet.return_codes.push_back(static_cast<std::uint8_t>(code));
  }
  return packet;
}

Packet read_unsubscribe(Fields& fields) {
  Unsubscribe packet{.packet_id = fields.id(), .filters = {}};
  if (fields.at_end()) fields.refuse("UNSUBSCRIBE without a filter");
  while (fields.more()) packet.filters.push_back(fields.topic_filter());
  return packet;
}

Packet read_connack(Fields& fields) {
  const unsigned flags = fields.byte();
  if (flags > 1) fields.refuse("reserved CONNACK flag set");
  return Connack{.session_present = flags == 1,
                 .return_code = static_cast<std::uint8_t>(fields.byte())};
}

Packet read_body(PacketType type, unsigned flags, Fields& fields) {
  if (type != PacketType::Publish && flags != required_flags(type)) {
    fields.refuse("reserved header flags wrong");
  }
  switch (type) {
    case PacketType::Connect:
      return read_connect(fields);
    case PacketType::Connack:
      return read_connack(fields);
    case PacketType::Publish:
      return read_publish(fields, flags);
    case PacketType::Puback:
      return Puback{fields.id()};
    case PacketType::Pubrec:
      return Pubrec{fields.id()};
    case PacketType::Pubrel:
      return Pubrel{fields.id()};
    case PacketType::Pubcomp:
      return Pubcomp{fields.id()};
    case PacketType::Subscribe:
      return read_subscribe(fields);
    case PacketType::Suback:
      return read_suback(fields);
    case PacketType::Unsubscribe:
      return read_unsubscribe(fields);
    case PacketType::Unsuback:
      return Unsuback{fields.id()};
    case PacketType::Pingreq:
      return Pingreq{};
    case PacketType::Pingresp:
      return Pingresp{};
    case PacketType::Disconnect:
      return Disconnect{};
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
    if (long_publish_ == LongPublish::PassOver && type == PacketType::Publish) {
      return begin_passing_over(bytes, header.size, header.length);
    }
    return fail(ErrorCode::LimitExceeded, "packet of " + std::to_string(header.length) + " bytes");
  }
  if (bytes.size() < header.size + header.length) return std::nullopt;
  Fields fields(bytes.subspan(header.size, header.length));
  Packet packet = read_body(type, first & 0xFU, fields);
  if (fields.why() == nullptr && !fields.at_end()) fields.refuse("bytes left over in a packet");
  if (fields.why() != nullptr) return fail(ErrorCode::Malformed, fields.why());
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
