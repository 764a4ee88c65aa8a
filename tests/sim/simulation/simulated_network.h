// The way between the gateway and the simulated cloud: latency, outages, half-open connections.
// Everything runs on one simulated clock; nothing is lost on a connection but its end.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/api/random_source.h"
#include "tests/sim/cloud/model.h"
#include "tests/sim/simulation/wire_watch.h"
#include "tests/support/manual_loop.h"

namespace hubward::simulation {

class SimulatedLink;

// Another party that speaks to the cloud, beside the gateway.
class Stranger {
 public:
  virtual ~Stranger() = default;
  virtual void on_output(simcloud::Output output) = 0;
};

class SimulatedNetwork {
 public:
  // `world` runs the network and the cloud; it survives the gateway's crashes.
  SimulatedNetwork(simcloud::CloudModel& cloud, test::ManualLoop& world, RandomSource& random,
                   WireWatch& watch);

  // --- Faults.
  void set_cut(bool cut) { cut_ = cut; }                    // our own way out
  void set_name_unknown(const std::string& host, bool on);  // the name server does not answer
  void set_black_hole(const std::string& host, bool on);  // nothing gets there, nobody hears of it
  // The connections of these clients lose everything from here on, and no end is seen by hub nor
  // gateway: a router that forgot them.
  void forget_silently(const std::set<std::string>& clients);
  void set_latency_factor(double factor) { latency_factor_ = factor; }

  // The gateway's process is gone. With `power`, nobody says goodbye to the cloud either.
  void forget_all_links(bool power);
  // What the cloud wants to say, after every call of it.
  void deliver_outputs();
  simcloud::ConnectionId new_connection(Stranger& stranger);
  void forget(simcloud::ConnectionId stranger) { strangers_.erase(stranger); }

  // --- For SimulatedLink.
  [[nodiscard]] simcloud::Now now() const;
  test::ManualLoop& world() { return world_; }
  WireWatch& watch() { return watch_; }
  void open(SimulatedLink& link, const MqttConnect& options);
  void send(simcloud::ConnectionId connection, mqtt::Packet packet);
  void leave(simcloud::ConnectionId connection);

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  void violation(std::string what);
  [[nodiscard]] std::size_t open_links() const { return open_links_; }

 private:
  struct Pipe {
    SimulatedLink* link = nullptr;      // nullptr: the gateway's end is closed
    bool at_cloud = false;              // the cloud accepted the connection
    bool broken = false;                // a packet was lost: nothing gets through any more
    SteadyTime last_up{}, last_down{};  // keeps the order in each direction
    std::string host, client_id;
  };
  [[nodiscard]] std::chrono::nanoseconds latency();
  [[nodiscard]] bool is_lost(const Pipe& pipe) const;
  void arrive(simcloud::ConnectionId connection, std::string host, mqtt::Connect packet);
  void to_link(simcloud::ConnectionId connection, const std::function<void(SimulatedLink&)>& what);
  SteadyTime after(SteadyTime& last);

  simcloud::CloudModel& cloud_;
  test::ManualLoop& world_;
  RandomSource& random_;
  WireWatch& watch_;
  std::unordered_map<simcloud::ConnectionId, Pipe> pipes_;
  std::unordered_map<std::string, int> hub_links_;  // open ends of ours, by client
  std::map<simcloud::ConnectionId, Stranger*> strangers_;
  simcloud::ConnectionId last_connection_ = 0;
  std::size_t open_links_ = 0;
  double latency_factor_ = 1;
  bool cut_ = false;
  std::set<std::string> names_unknown_, black_holes_;
  std::vector<std::string> violations_;
};

}  // namespace hubward::simulation
