#include "tests/sim/cloud/model.h"

#include <algorithm>

namespace hubward::simcloud {
CloudModel::CloudModel(CloudConfig config, RandomSource& random)
    : world_(std::move(config), random), dps_(world_), hubs_(world_) {}

bool CloudModel::is_up(Place place) {
  return world_.faults.find(FaultKind::Down, place) == nullptr;
}

bool CloudModel::is_silent(Place place) {
  return world_.faults.find(FaultKind::Silent, place) != nullptr ||
         world_.faults.find(FaultKind::SilentTcp, place) != nullptr;
}

Admission CloudModel::open(ConnectionId id, std::string_view host, Now now) {
  const auto found = std::find_if(world_.places.begin(), world_.places.end(),
                                  [&](const PlaceState& place) { return place.host == host; });
  if (found == world_.places.end()) return Admission::Refused;
  const auto place = static_cast<Place>(found - world_.places.begin());
  if (!is_up(place)) {
    ++found->tcp_refused;
    return Admission::Refused;
  }
  Connection& connection = world_.connections[id];
  connection.id = id;
  connection.place = place;
  connection.last_received = now.steady;
  if (world_.faults.find(FaultKind::SilentTcp, place) != nullptr) {
    connection.missed = true;
    return Admission::Ignored;
  }
  world_.at(now.steady + world_.config.connect_timeout, [this, id](Now later) {
    Connection* open = world_.find_open(id);
    if (open != nullptr && !open->connected && !is_silent(open->place)) {
      world_.close(*open, "no CONNECT in time", later);
    }
  });
  return Admission::Accepted;
}

void CloudModel::receive(ConnectionId id, mqtt::Packet packet, Now now) {
  Connection* connection = world_.find_open(id);
  if (connection == nullptr) return;
  connection->last_received = now.steady;
  if (is_silent(connection->place)) {
    connection->missed = true;
    return;
  }
  const bool is_dps = connection->place == kDps;
  if (auto* connect = std::get_if<mqtt::Connect>(&packet)) {
    if (connection->connected || connection->waiting_for_connack) {
      world_.close(*connection, "second CONNECT", now);  // [MQTT-3.1.0-2]
    } else {
      is_dps ? dps_.on_connect(*connection, std::move(*connect), now)
             : hubs_.on_connect(*connection, std::move(*connect), now);
      watch_keep_alive(id, now);
    }
  } else if (connection->waiting_for_connack && std::holds_alternative<mqtt::Pingreq>(packet)) {
    // Allowed, and answered by the CONNACK that is to come.
  } else if (!connection->connected) {
    world_.close(*connection, "no CONNECT first", now);  // [MQTT-3.1.0-1]
  } else {
    if (connection->device != nullptr) {
      connection->device->trace.add(id, connection->place, now.wall, true, packet);
    }
    if (std::holds_alternative<mqtt::Pingreq>(packet)) {
      world_.send(*connection, mqtt::Pingresp{}, now);
    } else if (std::holds_alternative<mqtt::Disconnect>(packet)) {
      connection->will.reset();
      world_.ended_by_peer(*connection, "after DISCONNECT", now);
      world_.outputs.push_back({id, Close{}});
    } else {
      is_dps ? dps_.on_packet(*connection, std::move(packet), now)
             : hubs_.on_packet(*connection, std::move(packet), now);
    }
  }
  world_.forget_closed();
}

void CloudModel::watch_keep_alive(ConnectionId id, Now now) {
  Connection* connection = world_.find_open(id);
  if (connection == nullptr) return;
  // Section 3.3: one and a half times the keep-alive, with a ceiling that also holds for 0.
  const auto asked = connection->keep_alive.count() == 0
                         ? kKeepAliveMax
                         : std::min<std::chrono::seconds>(connection->keep_alive, kKeepAliveMax);
  const auto limit = std::chrono::milliseconds(asked) * 3 / 2;
  const SteadyTime due = connection->last_received + limit;
  if (due <= now.steady && !is_silent(connection->place)) {
    return world_.close(*connection, "keep-alive", now);
  }
  const SteadyTime again = due <= now.steady ? now.steady + limit : due;
  world_.at(again, [this, id](Now later) { watch_keep_alive(id, later); });
}

void CloudModel::protocol_error(ConnectionId id, Now now) {
  if (Connection* connection = world_.find_open(id)) {
    world_.close(*connection, "malformed", now);
  }
  world_.forget_closed();
}

void CloudModel::closed_by_peer(ConnectionId id, Now now) {
  if (Connection* connection = world_.find_open(id)) {
    world_.ended_by_peer(*connection, "without DISCONNECT", now);
  }
  world_.forget_closed();
}

void CloudModel::advance(Now now) {
  world_.run_timers(now);
  world_.forget_closed();
}

std::vector<Output> CloudModel::take_outputs() { return std::exchange(world_.outputs, {}); }

}  // namespace hubward::simcloud
