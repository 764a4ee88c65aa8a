#include "tests/sim/cloud/world.h"

#include <algorithm>

namespace hubward::simcloud {

World::World(CloudConfig given, RandomSource& chance)
    : config(std::move(given)), random(chance), token_grace(config.token_grace) {
  places.push_back(
      {.name = "dps", .host = config.dps_host, .address = config.dps_host, .counts = {}});
  for (const auto& hub : config.hubs) {
    places.push_back({.name = hub.name, .host = hub.host, .address = hub.address, .counts = {}});
  }
}

Device* World::find_device(std::string_view id) {
  const auto found = devices.find(id);
  return found == devices.end() ? nullptr : found->second.get();
}

Connection* World::find_open(ConnectionId id) {
  const auto found = connections.find(id);
  return found == connections.end() || found->second.closed ? nullptr : &found->second;
}

std::optional<Place> World::place_named(std::string_view name) const {
  for (Place place = 0; place < places.size(); ++place) {
    if (places[place].name == name || places[place].address == name) return place;
  }
  return std::nullopt;
}

std::string World::random_hex(std::size_t digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (i % 16 == 0) bits = random.next();
    text += kDigits[bits & 0xFU];
    bits >>= 4U;
  }
  return text;
}

std::size_t World::log_bytes_per_device() const {
  constexpr std::size_t kOne = 1024 * 1024;
  return std::min(kOne, config.log_bytes_max / std::max<std::size_t>(devices.size(), 1));
}

void World::send(Connection& connection, mqtt::Packet packet, Now now) {
  if (connection.closed) return;
  if (faults.find(FaultKind::Silent, connection.place) != nullptr) {
    connection.missed = true;
    return;
  }
  if (connection.device != nullptr) {
    connection.device->trace.add(connection.id, connection.place, now.wall, false, packet);
  }
  outputs.push_back({connection.id, std::move(packet)});
}

void World::close(Connection& connection, std::string reason, Now now) {
  if (connection.closed) return;
  outputs.push_back({connection.id, Close{}});
  ++places[connection.place].counts.closed[reason];
  if (connection.device != nullptr) {
    ++connection.device->counts.closed[reason];
    connection.device->trace.add_end(connection.id, connection.place, now.wall, false,
                                     std::move(reason));
  }
  detach(connection, now);
}

void World::cut(Connection& connection, mqtt::Packet packet, Now now) {
  if (connection.closed) return;
  constexpr std::size_t kHalfAnAcknowledgement = 2;
  outputs.push_back({connection.id, Cut{std::move(packet), kHalfAnAcknowledgement}});
  ++places[connection.place].counts.closed["cut"];
  if (connection.device != nullptr) {
    ++connection.device->counts.closed["cut"];
    connection.device->trace.add_end(connection.id, connection.place, now.wall, false, "cut");
  }
  detach(connection, now);
}

void World::ended_by_peer(Connection& connection, std::string reason, Now now) {
  if (connection.closed) return;
  if (connection.device != nullptr) {
    connection.device->trace.add_end(connection.id, connection.place, now.wall, true,
                                     std::move(reason));
  }
  detach(connection, now);
}

void World::refuse(Connection& connection, std::uint8_t code, const std::string& why, Now now) {
  const std::string name = std::to_string(code) + ' ' + why;
  ++places[connection.place].counts.refused[name];
  if (connection.device != nullptr) ++connection.device->counts.refused[name];
  send(connection, mqtt::Connack{.return_code = code}, now);
  close(connection, "refused", now);
}

void World::detach(Connection& connection, Now now) {
  connection.closed = true;
  closed_.push_back(connection.id);
  Device* device = connection.device;
  if (device == nullptr || device->connection != connection.id) return;
  device->connection.reset();
  for (auto& message : device->c2d) {
    message.delivered_before = message.delivered_before || message.in_flight != 0;
    message.in_flight = 0;
  }
  if (!device->session_kept) device->subscriptions.clear();
  if (connection.will && deliver_will) {
    deliver_will(*device, connection.place, *connection.will, now);
  }
}

void World::forget_closed() {
  for (const auto id : closed_) connections.erase(id);
  closed_.clear();
}

void World::at(SteadyTime when, std::function<void(Now)> action) {
  timers_.emplace(std::pair(when, timer_count_++), std::move(action));
}

std::optional<SteadyTime> World::next_timer() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void World::run_timers(Now now) {
  while (!timers_.empty() && timers_.begin()->first.first <= now.steady) {
    const auto action = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    action(now);
  }
}

}  // namespace hubward::simcloud
