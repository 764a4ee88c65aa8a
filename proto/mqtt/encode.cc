#include "proto/mqtt/packet.h"
#include "proto/mqtt/packet_type.h"

namespace hubward::mqtt {
namespace {

constexpr std::size_t kTextMax = 65'535;  // two length bytes, section 1.5.3

// Writes fields and remembers the first thing that cannot be written.
class Body {
 public:
  explicit Body(std::vector<std::byte>& out) : out_(out) {}

  void byte(unsigned value) { out_.push_back(static_cast<std::byte>(value)); }
  void number(unsigned value) {
    byte(value >> 8U);
    byte(value & 0xFFU);
  }
  void id(PacketId value) {
    if (value == 0) refuse(ErrorCode::Malformed, "packet id 0");
    number(value);
  }
  void text(std::string_view value) {
    if (value.size() > kTextMax) return refuse(ErrorCode::LimitExceeded, "text over 65535 bytes");
    number(static_cast<unsigned>(value.size()));
    raw(value);
  }
  void raw(std::string_view value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
    out_.insert(out_.end(), bytes, bytes + value.size());
  }
  void refuse(ErrorCode code, const char* why) {
    if (status_) status_ = failure(code, ErrorKind::Permanent, why);
  }
  const Status& status() const { return status_; }

 private:
  std::vector<std::byte>& out_;
  Status status_;
};

unsigned bit(bool set, std::uint8_t mask) { return set ? mask : 0U; }

PacketType type_of(const Packet& packet) {
  // The variant lists the types in the order of table 2.1, which starts at 1.
  return static_cast<PacketType>(packet.index() + 1);
}
static_assert(std::variant_size_v<Packet> == static_cast<std::size_t>(PacketType::Disconnect));

std::uint8_t flags_of(const Packet& packet) {
  const auto* publish = std::get_if<Publish>(&packet);
  if (publish == nullptr) return required_flags(type_of(packet));
  return static_cast<std::uint8_t>(bit(publish->duplicate, 0x8) |
                                   static_cast<unsigned>(publish->qos) << 1U |
                                   bit(publish->retain, 0x1));
}

struct WriteBody {
  Body& body;

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
    if (packet.password && !packet.user_name) {
      body.refuse(ErrorCode::Malformed, "password without user name");  // [MQTT-3.1.2-22]
    }
    body.byte(flags);
    const auto keep_alive = packet.keep_alive.count();
    if (keep_alive < 0 || keep_alive > 0xFFFF) {
      body.refuse(ErrorCode::LimitExceeded, "keep-alive over 65535 s");
    }
    body.number(static_cast<unsigned>(keep_alive) & 0xFFFFU);
    body.text(packet.client_id);
    if (packet.will) {
      body.text(packet.will->topic);
      body.text(packet.will->payload);
    }
    if (packet.user_name) body.text(*packet.user_name);
    if (packet.password) body.text(*packet.password);
  }
  void operator()(const Connack& packet) const {
    body.byte(packet.session_present ? 1 : 0);
    body.byte(packet.return_code);
  }
  void operator()(const Publish& packet) const {
    body.text(packet.topic);
    if (packet.qos != Qos::AtMostOnce) body.id(packet.packet_id);
    body.raw(packet.payload);
  }
  void operator()(const Puback& packet) const { body.id(packet.packet_id); }
  void operator()(const Pubrec& packet) const { body.id(packet.packet_id); }
  void operator()(const Pubrel& packet) const { body.id(packet.packet_id); }
  void operator()(const Pubcomp& packet) const { body.id(packet.packet_id); }
  void operator()(const Subscribe& packet) const {
    body.id(packet.packet_id);
    if (packet.subscriptions.empty()) body.refuse(ErrorCode::Malformed, "empty SUBSCRIBE");
    for (const auto& subscription : packet.subscriptions) {
      body.text(subscription.filter);
      body.byte(static_cast<unsigned>(subscription.qos));
    }
  }
  void operator()(const Suback& packet) const {
    body.id(packet.packet_id);
    for (const auto code : packet.return_codes) body.byte(code);
  }
  void operator()(const Unsubscribe& packet) const {
    body.id(packet.packet_id);
    if (packet.filters.empty()) body.refuse(ErrorCode::Malformed, "empty UNSUBSCRIBE");
    for (const auto& filter : packet.filters) body.text(filter);
  }
  void operator()(const Unsuback& packet) const { body.id(packet.packet_id); }
  void operator()(const Pingreq&) const {}
  void operator()(const Pingresp&) const {}
  void operator()(const Disconnect&) const {}
};

// Length in groups of seven bits, lowest first, section 2.2.3.
std::size_t write_length(std::size_t length, std::byte* to) {
  std::size_t used = 0;
  do {
    const auto more = length > 0x7F ? 0x80U : 0U;
    to[used++] = static_cast<std::byte>((length & 0x7FU) | more);
    length >>= 7U;
  } while (length > 0);
  return used;
}

}  // namespace

std::string_view name_of(const Packet& packet) {
  constexpr std::string_view kNames[] = {
      "CONNECT",   "CONNACK", "PUBLISH",     "PUBACK",   "PUBREC",  "PUBREL",   "PUBCOMP",
      "SUBSCRIBE", "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT"};
  return kNames[packet.index()];
}

Status encode_to(const Packet& packet, std::vector<std::byte>& out) {
  constexpr std::size_t kHeaderMax = 5;  // first byte and up to four of length
  const std::size_t start = out.size();
  out.resize(start + kHeaderMax);
  Body body(out);
  std::visit(WriteBody{body}, packet);
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

Result<std::vector<std::byte>> encode(const Packet& packet) {
  std::vector<std::byte> out;
  if (auto status = encode_to(packet, out); !status) return tl::unexpected(status.error());
  return out;
}

}  // namespace hubward::mqtt
