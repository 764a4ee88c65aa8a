#include "proto/mqtt/client_session.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "proto/mqtt/reason_words.h"

namespace hubward::mqtt {
namespace {

// What a packet needs beside its payload: a topic's length, the longest topic, a packet id.
constexpr std::size_t kPublishHeadBytesMax = 2 + 65'535 + 2;

// 5.0: the room for what a message says beside topic and payload.
constexpr std::size_t kPropertiesBytesMax = 64 * 1024;
// A broker drops what is over the maximum packet size without a word (5.0, section 3.1.2.11.4).
// What is too long for us shall still come, be passed over and counted; only the absurd need not
// travel.
constexpr std::size_t kAnnouncedTimesMessage = 16;
// 5.0, section 3.1.2.11.2: the session never expires, as clean session 0 of 3.1.1 has it.
constexpr std::uint32_t kNeverExpires = 0xFFFF'FFFF;

constexpr std::uint8_t kMalformedPacket = 0x81;
constexpr std::uint8_t kProtocolError = 0x82;
constexpr std::uint8_t kReceiveMaximumExceeded = 0x93;
constexpr std::uint8_t kTopicAliasInvalid = 0x94;
constexpr std::uint8_t kPacketTooLarge = 0x95;

std::size_t content_hash(const Publish& publish) {
  const std::hash<std::string_view> hash;
  const auto correlation = text_of(publish.properties, PropertyId::CorrelationData);
  return (hash(publish.topic) * 31 + hash(publish.payload)) * 31 + hash(correlation);
}

MessageArrived arrived(std::uint64_t number, Publish publish) {
  return {.number = number,
          .topic = std::move(publish.topic),
          .payload = std::move(publish.payload),
          .retained = publish.retain,
          .correlation = std::string(text_of(publish.properties, PropertyId::CorrelationData))};
}

std::optional<MessageDropped> to_drop(const Publish& publish) {
  if (publish.too_long) return MessageDropped{publish.topic, ErrorCode::InputTooLong};
  if (publish.fault.empty()) return std::nullopt;
  return MessageDropped{publish.topic, ErrorCode::BadPayload, "MQTT properties: " + publish.fault};
}

ErrorCode code_of(std::uint8_t reason) {
  return is_denial(reason) ? ErrorCode::BrokerDenied : ErrorCode::BrokerUnavailable;
}

}  // namespace

ClientSession::ClientSession(ClientSettings settings)
    : settings_(std::move(settings)), reader_(0) {}

void ClientSession::on_open(SteadyTime now, ClientActions& out) {
  phase_ = Phase::Connecting;
  const bool v5 = settings_.version == Version::V5;
  const std::size_t beside = kPublishHeadBytesMax + (v5 ? kPropertiesBytesMax : 0);
  reader_ = PacketReader(settings_.message_bytes_max + beside, PacketReader::BadPublish::PassOver,
                         settings_.version);
  opened_ = heard_ = now;
  ++connection_;
  ping_sent_.reset();
  told_remark_.reset();
  limits_ = {.keep_alive = settings_.keep_alive};
  remark_.clear();
  say_hello(now, out);
}

void ClientSession::say_hello(SteadyTime now, ClientActions& out) {
  Connect connect;
  connect.client_id = settings_.client_id;
  connect.user_name = settings_.user_name;
  connect.password = settings_.password;
  connect.keep_alive = settings_.keep_alive;
  connect.clean_session = false;
  connect.protocol_level = static_cast<std::uint8_t>(settings_.version);
  if (settings_.version == Version::V5) {
    // Without a topic alias maximum the broker may use none (5.0, section 3.1.2.11.5).
    const auto undecided_max =
        static_cast<std::uint32_t>(std::min<std::size_t>(settings_.undecided_max, 65'535));
    const auto packet_bytes_max = static_cast<std::uint32_t>(std::min<std::size_t>(
        settings_.message_bytes_max * kAnnouncedTimesMessage, kRemainingLengthMax));
    connect.properties = {{.id = PropertyId::SessionExpiryInterval, .number = kNeverExpires},
                          {.id = PropertyId::ReceiveMaximum, .number = undecided_max},
                          {.id = PropertyId::MaximumPacketSize, .number = packet_bytes_max},
                          {.id = PropertyId::RequestProblemInformation, .number = 1}};
  }
  send(connect, now, out);
}

void ClientSession::on_bytes(std::span<const std::byte> bytes, SteadyTime now, ClientActions& out) {
  if (phase_ == Phase::Closed) return;
  reader_.feed(bytes);
  while (phase_ != Phase::Closed) {
    auto packet = reader_.next();
    if (!packet) {
      const bool too_large = packet.error().code == ErrorCode::LimitExceeded;
      return end("the broker sends what is not MQTT: " + packet.error().context,
                 too_large ? kPacketTooLarge : kMalformedPacket, now, out);
    }
    if (!*packet) return;
    heard_ = now;
    handle(std::move(**packet), now, out);
  }
}

void ClientSession::handle(Packet packet, SteadyTime now, ClientActions& out) {
  if (const auto* const connack = std::get_if<Connack>(&packet)) {
    if (phase_ == Phase::Connecting) return on_connack(*connack, now, out);
  } else if (phase_ == Phase::Connecting) {
    // Falls through: nothing may come before the CONNACK (section 3.2).
  } else if (auto* const publish = std::get_if<Publish>(&packet)) {
    return on_publish(std::move(*publish), now, out);
  } else if (const auto* const puback = std::get_if<Puback>(&packet)) {
    return on_puback(*puback, now, out);
  } else if (const auto* const suback = std::get_if<Suback>(&packet)) {
    return on_suback(*suback, out);
  } else if (std::holds_alternative<Pingresp>(packet)) {
    return on_pingresp();
  } else if (const auto* const released = std::get_if<Pubrel>(&packet)) {
    // A QoS 2 delivery that another client of this name has left half-done.
    return send(Pubcomp{released->packet_id}, now, out);
  } else if (const auto* const bye = std::get_if<Disconnect>(&packet);
             bye != nullptr && settings_.version == Version::V5) {
    const bool says_why = bye->reason >= kFirstFailure;
    return end("the broker ends the connection" +
                   (says_why ? ": " + reason_words(bye->reason, bye->properties) : ""),
               out, code_of(bye->reason));
  }
  end("the broker sends " + std::string(name_of(packet)) + " where it may not", kProtocolError, now,
      out);
}

void ClientSession::on_connack(const Connack& connack, SteadyTime now, ClientActions& out) {
  if (connack.return_code != 0) {
    return end(refusal_words(connack.return_code, connack.properties, settings_.version), out,
               code_of(connack.return_code));
  }
  if (!connack.session_present) {
    // Whatever comes now under an old packet id is another message.
    taken_.clear();
    of_earlier_.clear();
  }
  // 5.0, section 3.2.2.3.
  const auto said = [&](PropertyId id) { return number_of(connack.properties, id); };
  if (const auto most = said(PropertyId::ReceiveMaximum)) limits_.receive_max = *most;
  if (const auto most = said(PropertyId::MaximumPacketSize)) limits_.packet_bytes_max = *most;
  if (said(PropertyId::MaximumQos) == 0U) limits_.qos_max = Qos::AtMostOnce;
  // To ask more often than it wants is allowed, and finds a dead connection sooner.
  if (const auto seconds = said(PropertyId::ServerKeepAlive); seconds.value_or(0) != 0) {
    limits_.keep_alive = std::min(limits_.keep_alive, std::chrono::seconds(*seconds));
  }
  if (const auto seconds = said(PropertyId::SessionExpiryInterval);
      seconds && *seconds != kNeverExpires) {
    remark("the broker keeps messages for " + std::to_string(*seconds) +
           " s only while hubward is away");
  }
  if (settings_.filters.empty()) {
    phase_ = Phase::Ready;
    return tell_ready(out);
  }
  subscribe(now, out);
}

void ClientSession::subscribe(SteadyTime now, ClientActions& out) {
  phase_ = Phase::Subscribing;
  Subscribe subscribe;
  subscribe.packet_id = free_packet_id();
  for (const std::string& filter : settings_.filters) {
    Subscription one{.filter = filter, .qos = Qos::AtLeastOnce};
    // What we publish ourselves must not pass for a device's word. Not with a shared subscription:
    // [MQTT-3.8.3-4]. Without "retain as published" only what the broker had kept is marked as
    // retained; and it shall send that at every connect: the state of a device may have changed
    // while we were away.
    one.no_local = settings_.version == Version::V5 && !filter.starts_with("$share/");
    subscribe.subscriptions.push_back(std::move(one));
  }
  send(subscribe, now, out);
}

void ClientSession::on_suback(const Suback& suback, ClientActions& out) {
  if (phase_ != Phase::Subscribing) return;
  if (suback.return_codes.size() != settings_.filters.size()) {
    return end("the broker answers another subscription", out);
  }
  std::size_t lossy = 0;
  const std::string* first_lossy = nullptr;
  for (std::size_t i = 0; i < suback.return_codes.size(); ++i) {
    const std::uint8_t code = suback.return_codes[i];
    if (code >= kFirstFailure) {
      const bool says_why = settings_.version == Version::V5;
      return end("the broker refuses the subscription " + settings_.filters[i] +
                     (says_why ? ": " + reason_words(code, suback.properties) : ""),
                 out, ErrorCode::BrokerDenied);
    }
    if (code == 0 && lossy++ == 0) first_lossy = &settings_.filters[i];
  }
  if (first_lossy != nullptr) {
    remark("the broker delivers " + *first_lossy +
           (lossy > 1 ? " and " + std::to_string(lossy - 1) + " more" : "") +
           " at QoS 0 only: what comes while hubward is away is lost");
  }
  phase_ = Phase::Ready;
  tell_ready(out);
}

void ClientSession::tell_ready(ClientActions& out) {
  if (told_remark_ == remark_) return;
  told_remark_ = remark_;
  out.emplace_back(SessionReady{remark_});
}

void ClientSession::remark(std::string words) {
  if (!remark_.empty()) remark_ += "; ";
  remark_ += std::move(words);
}

void ClientSession::on_publish(Publish publish, SteadyTime now, ClientActions& out) {
  tell_ready(out);  // a kept session delivers before the filters are confirmed
  if (publish.qos == Qos::ExactlyOnce) {
    return end("the broker sends at QoS 2, which nobody asked for", kProtocolError, now, out);
  }
  if (publish.topic.empty() || number_of(publish.properties, PropertyId::TopicAlias)) {
    return end("the broker sends a topic alias, which nobody allowed", kTopicAliasInvalid, now,
               out);
  }
  auto dropped = to_drop(publish);
  if (publish.qos == Qos::AtMostOnce) {
    if (dropped) {
      out.emplace_back(std::move(*dropped));
    } else {
      out.emplace_back(arrived(0, std::move(publish)));
    }
    return;
  }
  if (undecided_.size() >= settings_.undecided_max) {
    return end(
        "more than " + std::to_string(settings_.undecided_max) + " messages wait to be stored",
        kReceiveMaximumExceeded, now, out);
  }
  if (!publish.duplicate) taken_.forget_reused(publish.packet_id);
  const Delivery delivery{publish.packet_id, content_hash(publish)};
  Undecided entry{.number = 0, .delivery = delivery, .since = now};
  if (dropped) {
    entry.taken = true;
    out.emplace_back(std::move(*dropped));
  } else if (publish.duplicate && taken_.contains(delivery)) {
    entry.taken = true;
  } else {
    const auto earlier = std::find_if(of_earlier_.begin(), of_earlier_.end(),
                                      [&](const auto& one) { return one.second == delivery; });
    if (publish.duplicate && earlier != of_earlier_.end()) {
      entry.number = earlier->first;  // its receiver has it, and will decide
      of_earlier_.erase(earlier);
    } else {
      entry.number = ++last_number_;
      out.emplace_back(arrived(entry.number, std::move(publish)));
    }
  }
  undecided_.push_back(entry);
  acknowledge_front(now, out);
}

void ClientSession::decide(std::uint64_t number, bool taken, SteadyTime now, ClientActions& out) {
  if (const auto node = of_earlier_.extract(number); !node.empty()) {
    if (taken) taken_.remember(node.mapped(), 0);
    return;
  }
  const auto found = std::find_if(undecided_.begin(), undecided_.end(),
                                  [&](const auto& one) { return one.number == number; });
  if (number == 0 || found == undecided_.end() || found->taken) return;
  if (!taken) {
    undecided_.erase(found);
    return end("a message was not stored, the broker will deliver it again", out);
  }
  found->taken = true;
  acknowledge_front(now, out);
}

// In the order in which they arrived [MQTT-4.6.0-2].
void ClientSession::acknowledge_front(SteadyTime now, ClientActions& out) {
  while (!undecided_.empty() && undecided_.front().taken) {
    const Delivery delivery = undecided_.front().delivery;
    undecided_.pop_front();
    taken_.remember(delivery, connection_);
    send(Puback{delivery.packet_id}, now, out);
  }
}

// The broker has read all that was sent before the question. What it did not have from an earlier
// connection it has delivered again by now: that comes first on a new one.
void ClientSession::on_pingresp() {
  if (!std::exchange(ping_sent_, std::nullopt)) return;
  taken_.forget_until(taken_at_ping_);
}

Status ClientSession::check_size(std::size_t bytes) const {
  if (!limits_.packet_bytes_max || bytes <= *limits_.packet_bytes_max) return {};
  return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                 "the broker takes packets of " + std::to_string(*limits_.packet_bytes_max) +
                     " bytes at most");
}

void ClientSession::on_closed(ClientActions& out) {
  phase_ = Phase::Closed;
  for (const Undecided& one : undecided_) {
    if (one.taken) {
      taken_.remember(one.delivery, 0);
    } else {
      of_earlier_.emplace(one.number, one.delivery);
    }
  }
  undecided_.clear();
  for (const auto& [id, number] : std::exchange(publishing_, {})) {
    out.emplace_back(PublishEnded{number, false});
  }
  for (const Held& held : std::exchange(held_, {})) {
    out.emplace_back(PublishEnded{.number = held.number,
                                  .taken = false,
                                  .refusal = "the connection ended before it was sent",
                                  .code = ErrorCode::BrokerUnavailable});
  }
}

void ClientSession::on_timer(SteadyTime now, ClientActions& out) {
  if (phase_ == Phase::Closed) return;
  if (phase_ != Phase::Ready && now >= opened_ + settings_.attempt_max) {
    return end(
        "no answer in " + std::to_string(settings_.attempt_max / std::chrono::seconds{1}) + " s",
        out);
  }
  if (!undecided_.empty() && now >= undecided_.front().since + settings_.decision_max) {
    return end("a message was not stored, the broker will deliver it again", out);
  }
  if (phase_ != Phase::Ready) return;
  end_expired(now, out);
  if (ping_sent_) {
    if (now >= *ping_sent_ + limits_.keep_alive) end("the broker does not answer", out);
  } else if (now >= std::min(sent_, heard_) + limits_.keep_alive) {
    send(Pingreq{}, now, out);
    ping_sent_ = now;
    taken_at_ping_ = taken_.newest();
  }
}

std::optional<SteadyTime> ClientSession::deadline() const {
  if (phase_ == Phase::Closed) return std::nullopt;
  SteadyTime next = opened_ + settings_.attempt_max;
  if (phase_ == Phase::Ready) {
    // Asked also when only we have spoken: what is written into a dead connection goes unnoticed.
    next = ping_sent_.value_or(std::min(sent_, heard_)) + limits_.keep_alive;
  }
  for (const Held& held : held_) next = std::min(next, held.expires.value_or(next));
  if (!undecided_.empty()) {
    next = std::min<SteadyTime>(next, undecided_.front().since + settings_.decision_max);
  }
  return next;
}

void ClientSession::send(const Packet& packet, SteadyTime now, ClientActions& out) {
  std::vector<std::byte> bytes;
  if (const Status encoded = encode_to(packet, bytes, settings_.version); !encoded) {
    return end(encoded.error().context, out);
  }
  if (const Status fits = check_size(bytes.size()); !fits) {
    return end(fits.error().context + "; " + std::string(name_of(packet)) + " is longer", out);
  }
  sent_ = now;
  // Acknowledgements come in bursts: one write for all of them.
  auto* const last = out.empty() ? nullptr : std::get_if<WriteBytes>(&out.back());
  if (last == nullptr) {
    out.emplace_back(WriteBytes{std::move(bytes)});
  } else {
    last->bytes.insert(last->bytes.end(), bytes.begin(), bytes.end());
  }
}

void ClientSession::end(std::string why, ClientActions& out, ErrorCode code) {
  if (phase_ == Phase::Closed) return;
  on_closed(out);
  out.emplace_back(SessionEnded{std::move(why), code});
}

void ClientSession::end(std::string why, std::uint8_t reason, SteadyTime now, ClientActions& out) {
  if (settings_.version == Version::V5 && phase_ != Phase::Closed) {
    send(Disconnect{.reason = reason}, now, out);
  }
  end(std::move(why), out);
}

PacketId ClientSession::free_packet_id() {
  do {
    if (++last_packet_id_ == 0) last_packet_id_ = 1;
  } while (publishing_.contains(last_packet_id_));
  return last_packet_id_;
}

}  // namespace hubward::mqtt
