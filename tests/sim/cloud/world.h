// What DPS and hubs share inside the model: places, devices, connections, timers, outputs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/api/random_source.h"
#include "tests/sim/cloud/device.h"
#include "tests/sim/cloud/fault.h"
#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

struct Connection {
  ConnectionId id = 0;
  Place place = 0;
  bool connected = false;  // CONNECT was accepted
  bool closed = false;     // ended; goes at the end of the current call
  bool missed = false;     // a silent place dropped packets of it
  std::chrono::seconds keep_alive{0};
  SteadyTime last_received{};
  std::optional<mqtt::Will> will;
  Device* device = nullptr;
  // DPS only.
  std::string registration_id;
  std::string scope;
  std::string password;
  std::optional<mqtt::Qos> dps_subscription;
  SteadyTime poll_allowed{};
  // Hub only.
  SteadyTime pubacks_in_line{};  // no PUBACK may overtake an earlier, delayed one
  mqtt::PacketId next_packet_id = 1;
  bool waiting_for_connack = false;  // in the line of a connect rate
  WallTime token_expires{};
  std::uint64_t token_watch = 0;  // a timer of an older watch is void
};

struct PlaceState {
  std::string name;
  std::string host;
  std::string address;
  HubCounts counts;
  std::uint64_t tcp_refused = 0;
  std::uint64_t telemetry = 0;
};

class World {
 public:
  World(CloudConfig config, RandomSource& random);

  const CloudConfig config;
  RandomSource& random;
  std::vector<PlaceState> places;  // index: Place
  std::map<std::string, std::unique_ptr<Device>, std::less<>> devices;
  std::map<std::string, Device*, std::less<>> devices_by_registration;
  std::vector<std::unique_ptr<Enrollment>> enrollments;
  std::map<std::string, DpsCounts, std::less<>> dps_counts;  // by registration id
  FaultBook faults;
  std::map<ConnectionId, Connection> connections;
  std::vector<Output> outputs;
  std::chrono::milliseconds clock_offset{0};  // how far the cloud's clock is ahead of ours
  std::chrono::seconds token_grace;
  std::optional<std::chrono::seconds> token_lifetime_max;  // longer tokens are refused

  Device* find_device(std::string_view id);
  Connection* find_open(ConnectionId id);  // nullptr once it was closed
  std::optional<Place> place_named(std::string_view name) const;
  WallTime cloud_time(Now now) const { return now.wall + clock_offset; }
  std::string random_hex(std::size_t digits);
  std::size_t log_bytes_per_device() const;

  void send(Connection& connection, mqtt::Packet packet, Now now);
  // Ends the connection from our side; `reason` is counted. Safe to call twice.
  void close(Connection& connection, std::string reason, Now now);
  void cut(Connection& connection, mqtt::Packet packet, Now now);
  // The other side ended it. A will is delivered unless DISCONNECT came.
  void ended_by_peer(Connection& connection, std::string reason, Now now);
  void refuse(Connection& connection, std::uint8_t code, const std::string& why, Now now);
  void forget_closed();

  // Timers run in the order of their time, equal times in the order of setting.
  void at(SteadyTime when, std::function<void(Now)> action);
  std::optional<SteadyTime> next_timer() const;
  void run_timers(Now now);

  // Set by the hub service: a connection's will is telemetry.
  std::function<void(Device&, Place, const mqtt::Will&, Now)> deliver_will;

 private:
  void detach(Connection& connection, Now now);
  std::map<std::pair<SteadyTime, std::uint64_t>, std::function<void(Now)>> timers_;
  std::uint64_t timer_count_ = 0;
  std::vector<ConnectionId> closed_;
};

}  // namespace hubward::simcloud
