// What a ClientSession publishes: what waits for the broker, what is under way, how each ends.
#include <algorithm>
#include <utility>

#include "proto/mqtt/client_session.h"
#include "proto/mqtt/reason_words.h"

namespace hubward::mqtt {
namespace {

constexpr std::uint8_t kNoMatchingSubscribers = 0x10;

Properties properties_of(const ClientPublish& message) {
  Properties made;
  if (!message.response_topic.empty()) {
    made.push_back({.id = PropertyId::ResponseTopic, .text = message.response_topic});
  }
  if (!message.correlation.empty()) {
    made.push_back({.id = PropertyId::CorrelationData, .text = message.correlation});
  }
  return made;
}

// A second is the least that can be said, and what is begun counts as a whole one.
Property expiry_of(std::chrono::nanoseconds left) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
  return {.id = PropertyId::MessageExpiryInterval,
          .number = static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, 0xFFFF'FFFF))};
}

}  // namespace

Result<std::uint64_t> ClientSession::publish(ClientPublish message, SteadyTime now,
                                             ClientActions& out) {
  Held held{.number = last_number_ + 1, .packet = {}, .expires = {}};
  const bool v5 = settings_.version == Version::V5;
  if (v5) held.packet.properties = properties_of(message);
  if (v5 && message.expires_after) held.expires = now + *message.expires_after;
  held.packet.topic = std::move(message.topic);
  held.packet.payload = std::move(message.payload);
  held.packet.qos = limits_.qos_max;
  held.packet.packet_id = 1;  // until it is sent
  std::vector<std::byte> bytes;
  if (const Status encoded = encode_to(held.packet, bytes, settings_.version); !encoded) {
    return tl::unexpected(encoded.error());
  }
  constexpr std::size_t kExpiryBytes = 5;
  if (const Status fits = check_size(bytes.size() + kExpiryBytes); !fits) {
    return tl::unexpected(fits.error());
  }
  held_.push_back(std::move(held));
  send_held(now, out);
  return ++last_number_;
}

void ClientSession::withdraw_waiting(const Error& why, ClientActions& out) {
  for (const Held& held : std::exchange(held_, {})) {
    out.emplace_back(PublishEnded{
        .number = held.number, .taken = false, .refusal = why.context, .code = why.code});
  }
}

void ClientSession::end_expired(SteadyTime now, ClientActions& out) {
  std::erase_if(held_, [&](const Held& held) {
    if (!held.expires || *held.expires > now) return false;
    out.emplace_back(PublishEnded{.number = held.number,
                                  .taken = false,
                                  .refusal = "its time was over before the broker took more",
                                  .code = ErrorCode::CommandExpired});
    return true;
  });
}

void ClientSession::send_held(SteadyTime now, ClientActions& out) {
  end_expired(now, out);
  while (!held_.empty() && phase_ == Phase::Ready && publishing_.size() < limits_.receive_max) {
    Held held = std::move(held_.front());
    held_.pop_front();
    if (held.expires) held.packet.properties.push_back(expiry_of(*held.expires - now));
    held.packet.packet_id = free_packet_id();
    const bool is_answered = held.packet.qos == Qos::AtLeastOnce;
    if (is_answered) publishing_.emplace(held.packet.packet_id, held.number);
    send(held.packet, now, out);
    if (!is_answered) {
      // The broker allows no acknowledgement: what the connection took is all that can be known.
      out.emplace_back(PublishEnded{held.number, true});
    }
  }
}

void ClientSession::on_puback(const Puback& puback, SteadyTime now, ClientActions& out) {
  const auto node = publishing_.extract(puback.packet_id);
  if (node.empty()) return;
  PublishEnded ended{.number = node.mapped(), .taken = puback.reason < kFirstFailure};
  ended.nobody_listens = puback.reason == kNoMatchingSubscribers;
  if (!ended.taken) {
    ended.refusal =
        "the broker does not take it: " + reason_words(puback.reason, puback.properties);
    ended.code = ErrorCode::BrokerRefused;
  }
  out.emplace_back(std::move(ended));
  send_held(now, out);
}

}  // namespace hubward::mqtt
