#include "tests/sim/cloud/hub_service.h"

#include <algorithm>

#include "tests/sim/cloud/hub_topics.h"

namespace hubward::simcloud {
namespace {

struct UserName {
  std::string_view host;
  std::string_view device_id;
};

// "{host}/{deviceId}/?api-version=2021-04-12&..", section 3.1. Views into `text`.
std::optional<UserName> parse_user_name(std::string_view text) {
  const std::size_t first = text.find('/');
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  const std::size_t second = text.find('/', first + 1);
  if (second == std::string_view::npos || second == first + 1) return std::nullopt;
  if (!text.substr(second + 1).starts_with("?api-version=")) return std::nullopt;
  return UserName{text.substr(0, first), text.substr(first + 1, second - first - 1)};
}

std::string_view words_for(TokenFault fault) {
  switch (fault) {
    case TokenFault::None:
      return {};
    case TokenFault::Malformed:
      return "malformed token";
    case TokenFault::WrongResource:
      return "token for another resource";
    case TokenFault::BadSignature:
      return "bad signature";
    case TokenFault::Expired:
      return "expired token";
  }
  return "token";
}

}  // namespace

HubService::HubService(World& world) : world_(world) {
  world_.deliver_will = [this](Device& device, Place place, const mqtt::Will& will, Now now) {
    const auto topics = TelemetryTopic::parse(will.topic, device.id);
    if (!topics) return;
    ReceivedMessage message{.hub = place, .received = world_.cloud_time(now)};
    message.id = topics->message_id;
    message.bag = topics->bag;
    message.body = will.payload;
    message.will = true;
    device.ledger.record(std::move(message), world_.log_bytes_per_device());
  };
}

// Empty if the device may connect; otherwise the reason, which only the counters see: over MQTT
// every one of them is CONNACK 5.
std::string HubService::refusal_of(Connection& connection, const mqtt::Connect& packet,
                                   Device*& device, Now now) {
  const PlaceState& place = world_.places[connection.place];
  const auto name = parse_user_name(*packet.user_name);
  device = world_.find_device(name->device_id);
  if (name->host != place.host) return "user name for another hub";
  if (device == nullptr) return "unknown device";
  if (!packet.password) return "no token";
  const std::string resource = place.host + "/devices/" + device->id;
  const TokenVerdict token =
      check_token(*packet.password, resource, device->keys, world_.cloud_time(now));
  if (token.fault != TokenFault::None) return std::string(words_for(token.fault));
  connection.token_expires = token.expires;
  if (world_.token_lifetime_max &&
      token.expires - world_.cloud_time(now) > *world_.token_lifetime_max) {
    return "token lives too long";
  }
  if (device->hub != connection.place) return device->was_deleted ? "deleted" : "moved";
  if (device->blocked) return "blocked";
  if (device->disabled) return "disabled";
  return {};
}

void HubService::on_connect(Connection& connection, mqtt::Connect&& packet, Now now) {
  const auto name = packet.user_name ? parse_user_name(*packet.user_name) : std::nullopt;
  Device* device = nullptr;
  std::string why = "user name";
  if (name) why = refusal_of(connection, packet, device, now);
  connection.device = device;
  if (device != nullptr) {
    device->trace.add(connection.id, connection.place, now.wall, true, mqtt::Packet(packet));
  }
  if (packet.protocol_level != mqtt::kProtocolLevel311) {
    return world_.refuse(connection, 1, "protocol level", now);
  }
  const std::string device_id = name ? std::string(name->device_id) : std::string();
  if (Fault* fault = world_.faults.find(FaultKind::Connack, connection.place, device_id)) {
    const auto code = static_cast<std::uint8_t>(fault->code);
    world_.faults.use(*fault);
    return world_.refuse(connection, code, "fault", now);
  }
  if (!name) return world_.refuse(connection, 4, why, now);
  if (packet.client_id != device_id) return world_.refuse(connection, 2, "client id", now);
  if (!why.empty()) return world_.refuse(connection, 5, why, now);
  if (Fault* rate = world_.faults.find(FaultKind::ConnectRate, connection.place)) {
    return accept_in_turn(connection, *device, std::move(packet), *rate, now);
  }
  accept(connection, *device, std::move(packet), now);
}

void HubService::accept_in_turn(Connection& connection, Device& device, mqtt::Connect&& packet,
                                Fault& rate, Now now) {
  constexpr std::chrono::seconds kWaitMax{54};  // section 3.2: CONNACKs after 54 s were seen
  const auto wait = wait_in_line(rate, now.steady);
  if (wait.count() == 0) return accept(connection, device, std::move(packet), now);
  if (wait > kWaitMax || rate.close_excess) {
    leave_line(rate);
    return world_.close(connection, "throttled", now);
  }
  connection.waiting_for_connack = true;
  world_.at(now.steady + wait,
            [this, id = connection.id, &device, packet = std::move(packet)](Now later) mutable {
              Connection* waiting = world_.find_open(id);
              if (waiting == nullptr) return;
              waiting->waiting_for_connack = false;
              if (device.hub != waiting->place) return world_.refuse(*waiting, 5, "moved", later);
              accept(*waiting, device, std::move(packet), later);
            });
}

void HubService::accept(Connection& connection, Device& device, mqtt::Connect&& packet, Now now) {
  if (device.connection) {
    if (Connection* old = world_.find_open(*device.connection)) {
      world_.close(*old, "taken over", now);
    }
  }
  const bool present = device.session_kept && !packet.clean_session;
  if (packet.clean_session) device.c2d.clear();
  if (!present) device.subscriptions.clear();
  device.session_kept = !packet.clean_session;
  device.connection = connection.id;
  device.hub_user_name = *packet.user_name;
  connection.connected = true;
  connection.keep_alive = packet.keep_alive;
  connection.will = std::move(packet.will);
  ++device.counts.connects;
  ++world_.places[connection.place].counts.connects;
  world_.send(connection, mqtt::Connack{.session_present = present}, now);
  if (Fault* fault =
          world_.faults.find(FaultKind::CloseAfterConnack, connection.place, device.id)) {
    const auto delay = fault->delay;
    world_.faults.use(*fault);
    world_.at(now.steady + delay, [this, id = connection.id](Now later) {
      if (Connection* open = world_.find_open(id)) world_.close(*open, "fault", later);
    });
  }
  deliver_c2d(device, now);
  watch_token(connection, now);
}

// The hub ends a connection some time after its token (section 1.4).
void HubService::watch_token(Connection& connection, Now now) {
  const auto left = connection.token_expires - world_.cloud_time(now) + world_.token_grace;
  if (left <= WallTime::duration::zero()) return world_.close(connection, "token expired", now);
  // Not longer, because a token may outlive what a clock in nanoseconds can count.
  constexpr std::chrono::milliseconds kLookAgain{3'600'000};
  const std::uint64_t watch = ++connection.token_watch;
  world_.at(now.steady + std::min(left, kLookAgain), [this, id = connection.id, watch](Now later) {
    Connection* open = world_.find_open(id);
    if (open != nullptr && open->token_watch == watch) watch_token(*open, later);
  });
}

void HubService::watch_tokens(Now now) {
  for (auto& [id, connection] : world_.connections) {
    if (connection.place != kDps && connection.connected && !connection.closed) {
      watch_token(connection, now);
    }
  }
  world_.forget_closed();
}

void HubService::on_packet(Connection& connection, mqtt::Packet&& packet, Now now) {
  if (auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    on_publish(connection, std::move(*publish), now);
  } else if (const auto* puback = std::get_if<mqtt::Puback>(&packet)) {
    on_puback(connection, puback->packet_id);
  } else if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&packet)) {
    on_subscribe(connection, *subscribe, now);
  } else if (const auto* unsubscribe = std::get_if<mqtt::Unsubscribe>(&packet)) {
    on_unsubscribe(connection, *unsubscribe, now);
  } else {
    world_.close(connection, "unexpected packet", now);
  }
}

void HubService::on_subscribe(Connection& connection, const mqtt::Subscribe& packet, Now now) {
  Device& device = *connection.device;
  mqtt::Suback answer{.packet_id = packet.packet_id};
  bool fits = true;
  for (const auto& item : packet.subscriptions) {
    const auto granted = std::min(item.qos, mqtt::Qos::AtLeastOnce);
    const bool known = is_device_filter(item.filter, device.id);
    if (known) device.subscriptions[item.filter] = granted;
    fits = fits && device.subscriptions.size() <= kSubscriptionsMax;
    answer.return_codes.push_back(known ? static_cast<std::uint8_t>(granted)
                                        : mqtt::kSubscriptionRefused);
  }
  // Section 3.4: at most five; what happens beyond is not documented, and the hub closes on
  // whatever else it does not support.
  if (!fits) return world_.close(connection, "too many subscriptions", now);
  world_.send(connection, std::move(answer), now);
  deliver_c2d(device, now);
}

void HubService::on_unsubscribe(Connection& connection, const mqtt::Unsubscribe& packet, Now now) {
  for (const auto& filter : packet.filters) connection.device->subscriptions.erase(filter);
  world_.send(connection, mqtt::Unsuback{packet.packet_id}, now);
}

}  // namespace hubward::simcloud
