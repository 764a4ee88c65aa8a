#include "proto/mqtt/client_session.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace hubward::mqtt {
namespace {

// How many deliveries are remembered, to know them again: more than any broker has in flight.
constexpr std::size_t kTakenMax = 2048;
// What a packet needs beside its payload: a topic's length, the longest topic, a packet id.
constexpr std::size_t kPublishHeadBytesMax = 2 + 65'535 + 2;

// Section 3.2.2.3.
std::string refusal_words(unsigned code) {
  switch (code) {
    case 1:
      return "the broker does not speak MQTT 3.1.1";
    case 2:
      return "the broker refuses the client id";
    case 3:
      return "the broker is not ready";
    case 4:
      return "the broker refuses user name or password";
    case 5:
      return "the broker does not allow this client";
    default:
      return "the broker refuses, code " + std::to_string(code);
  }
}

std::size_t content_hash(const Publish& publish) {
  const std::hash<std::string_view> hash;
  return hash(publish.topic) * 31 + hash(publish.payload);
}

}  // namespace

ClientSession::ClientSession(ClientSettings settings)
    : settings_(std::move(settings)), reader_(0) {}

void ClientSession::on_open(SteadyTime now, ClientActions& out) {
  phase_ = Phase::Connecting;
  reader_ = PacketReader(settings_.message_bytes_max + kPublishHeadBytesMax,
                         PacketReader::LongPublish::PassOver);
  opened_ = heard_ = now;
  ++connection_;
  ping_sent_.reset();
  told_ready_ = false;
  Connect connect;
  connect.client_id = settings_.client_id;
  connect.user_name = settings_.user_name;
  connect.password = settings_.password;
  connect.keep_alive = settings_.keep_alive;
  connect.clean_session = false;
  send(connect, now, out);
}

void ClientSession::on_bytes(std::span<const std::byte> bytes, SteadyTime now, ClientActions& out) {
  if (phase_ == Phase::Closed) return;
  reader_.feed(bytes);
  while (phase_ != Phase::Closed) {
    auto packet = reader_.next();
    if (!packet) return end("the broker sends what is not MQTT: " + packet.error().context, out);
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
    return on_puback(puback->packet_id, out);
  } else if (const auto* const suback = std::get_if<Suback>(&packet)) {
    return on_suback(*suback, out);
  } else if (std::holds_alternative<Pingresp>(packet)) {
    return on_pingresp();
  } else if (const auto* const released = std::get_if<Pubrel>(&packet)) {
    // A QoS 2 delivery that another client of this name has left half-done.
    return send(Pubcomp{released->packet_id}, now, out);
  }
  end("the broker sends " + std::string(name_of(packet)) + " where it may not", out);
}

void ClientSession::on_connack(const Connack& connack, SteadyTime now, ClientActions& out) {
  if (connack.return_code != 0) return end(refusal_words(connack.return_code), out);
  if (!connack.session_present) {
    // Whatever comes now under an old packet id is another message.
    taken_.clear();
    of_earlier_.clear();
  }
  if (settings_.filters.empty()) {
    phase_ = Phase::Ready;
    return tell_ready(out);
  }
  phase_ = Phase::Subscribing;
  Subscribe subscribe;
  subscribe.packet_id = free_packet_id();
  for (const std::string& filter : settings_.filters) {
    subscribe.subscriptions.push_back({.filter = filter, .qos = Qos::AtLeastOnce});
  }
  send(subscribe, now, out);
}

void ClientSession::on_suback(const Suback& suback, ClientActions& out) {
  if (phase_ != Phase::Subscribing) return;
  if (suback.return_codes.size() != settings_.filters.size()) {
    return end("the broker answers another subscription", out);
  }
  for (std::size_t i = 0; i < suback.return_codes.size(); ++i) {
    if (suback.return_codes[i] == kSubscriptionRefused) {
      return end("the broker refuses the subscription " + settings_.filters[i], out);
    }
  }
  phase_ = Phase::Ready;
  tell_ready(out);
}

void ClientSession::tell_ready(ClientActions& out) {
  if (!std::exchange(told_ready_, true)) out.emplace_back(SessionReady{});
}

void ClientSession::on_publish(Publish publish, SteadyTime now, ClientActions& out) {
  tell_ready(out);  // a kept session delivers before the filters are confirmed
  if (publish.qos == Qos::ExactlyOnce) {
    return end("the broker sends at QoS 2, which nobody asked for", out);
  }
  if (publish.qos == Qos::AtMostOnce) {
    if (publish.too_long) {
      out.emplace_back(MessageTooLong{std::move(publish.topic)});
    } else {
      out.emplace_back(
          MessageArrived{0, std::move(publish.topic), std::move(publish.payload), publish.retain});
    }
    return;
  }
  if (undecided_.size() >= settings_.undecided_max) {
    return end(
        "more than " + std::to_string(settings_.undecided_max) + " messages wait to be stored",
        out);
  }
  if (!publish.duplicate) forget_reused(publish.packet_id);
  const Delivery delivery{publish.packet_id, content_hash(publish)};
  Undecided entry{.number = 0, .delivery = delivery, .since = now};
  if (publish.too_long) {
    entry.taken = true;
    out.emplace_back(MessageTooLong{std::move(publish.topic)});
  } else if (publish.duplicate && was_taken(delivery)) {
    entry.taken = true;
  } else {
    const auto earlier = std::find_if(of_earlier_.begin(), of_earlier_.end(),
                                      [&](const auto& one) { return one.second == delivery; });
    if (publish.duplicate && earlier != of_earlier_.end()) {
      entry.number = earlier->first;  // its receiver has it, and will decide
      of_earlier_.erase(earlier);
    } else {
      entry.number = ++last_number_;
      out.emplace_back(MessageArrived{entry.number, std::move(publish.topic),
                                      std::move(publish.payload), publish.retain});
    }
  }
  undecided_.push_back(entry);
  acknowledge_front(now, out);
}

void ClientSession::decide(std::uint64_t number, bool taken, SteadyTime now, ClientActions& out) {
  if (const auto node = of_earlier_.extract(number); !node.empty()) {
    if (taken) remember(node.mapped(), 0);
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
    remember(delivery, connection_);
    send(Puback{delivery.packet_id}, now, out);
  }
}

void ClientSession::remember(const Delivery& delivery, std::uint64_t connection) {
  if (taken_.size() >= kTakenMax) taken_.pop_front();
  taken_.push_back({delivery, ++last_taken_, connection});
}

bool ClientSession::was_taken(const Delivery& delivery) const {
  return std::any_of(taken_.begin(), taken_.end(),
                     [&](const Taken& one) { return one.delivery == delivery; });
}

// An id is free again when its PUBACK has arrived, and with that all PUBACKs that were sent before
// it on the same connection.
void ClientSession::forget_reused(PacketId id) {
  const auto last = std::find_if(taken_.rbegin(), taken_.rend(),
                                 [&](const Taken& one) { return one.delivery.packet_id == id; });
  if (last == taken_.rend()) return;
  const Taken reused = *last;
  std::erase_if(taken_, [&](const Taken& one) {
    const bool before = one.connection == reused.connection && one.order < reused.order;
    return one.delivery.packet_id == id || (one.connection != 0 && before);
  });
}

// The broker has read all that was sent before the question. What it did not have from an earlier
// connection it has delivered again by now: that comes first on a new one.
void ClientSession::on_pingresp() {
  if (!std::exchange(ping_sent_, std::nullopt)) return;
  std::erase_if(taken_, [&](const Taken& one) { return one.order <= taken_at_ping_; });
}

Result<std::uint64_t> ClientSession::publish(std::string topic, std::string payload, SteadyTime now,
                                             ClientActions& out) {
  Publish packet;
  packet.topic = std::move(topic);
  packet.payload = std::move(payload);
  packet.qos = Qos::AtLeastOnce;
  packet.packet_id = free_packet_id();
  std::vector<std::byte> bytes;
  if (const Status encoded = encode_to(packet, bytes); !encoded) {
    return tl::unexpected(encoded.error());
  }
  const std::uint64_t number = ++last_number_;
  publishing_.emplace(packet.packet_id, number);
  sent_ = now;
  out.emplace_back(WriteBytes{std::move(bytes)});
  return number;
}

void ClientSession::on_puback(PacketId id, ClientActions& out) {
  const auto node = publishing_.extract(id);
  if (!node.empty()) out.emplace_back(PublishEnded{node.mapped(), true});
}

void ClientSession::on_closed(ClientActions& out) {
  phase_ = Phase::Closed;
  for (const Undecided& one : undecided_) {
    if (one.taken) {
      remember(one.delivery, 0);
    } else {
      of_earlier_.emplace(one.number, one.delivery);
    }
  }
  undecided_.clear();
  for (const auto& [id, number] : std::exchange(publishing_, {})) {
    out.emplace_back(PublishEnded{number, false});
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
  if (ping_sent_) {
    if (now >= *ping_sent_ + settings_.keep_alive) end("the broker does not answer", out);
  } else if (now >= std::min(sent_, heard_) + settings_.keep_alive) {
    send(Pingreq{}, now, out);
    ping_sent_ = now;
    taken_at_ping_ = last_taken_;
  }
}

std::optional<SteadyTime> ClientSession::deadline() const {
  if (phase_ == Phase::Closed) return std::nullopt;
  SteadyTime next = opened_ + settings_.attempt_max;
  if (phase_ == Phase::Ready) {
    // Asked also when only we have spoken: what is written into a dead connection goes unnoticed.
    next = ping_sent_.value_or(std::min(sent_, heard_)) + settings_.keep_alive;
  }
  if (!undecided_.empty()) {
    next = std::min<SteadyTime>(next, undecided_.front().since + settings_.decision_max);
  }
  return next;
}

void ClientSession::send(const Packet& packet, SteadyTime now, ClientActions& out) {
  std::vector<std::byte> bytes;
  if (const Status encoded = encode_to(packet, bytes); !encoded) {
    return end(encoded.error().context, out);
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

void ClientSession::end(std::string why, ClientActions& out) {
  if (phase_ == Phase::Closed) return;
  on_closed(out);
  out.emplace_back(SessionEnded{std::move(why)});
}

PacketId ClientSession::free_packet_id() {
  do {
    if (++last_packet_id_ == 0) last_packet_id_ = 1;
  } while (publishing_.contains(last_packet_id_));
  return last_packet_id_;
}

}  // namespace hubward::mqtt
