// The way between the gateway and the simulated cloud: latency, outages, half-open connections.
// Everything runs on one simulated clock; nothing is lost on a connection but its end.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/api/random_source.h"
#include "tests/sim/cloud/model.h"
#include "tests/support/manual_loop.h"

namespace hubward::simulation {

class SimulatedLink;

// When somebody tried to log in where: for the invariants.
struct Attempt {
  SteadyTime at;
  std::string host;
  std::string client_id;
};

class SimulatedNetwork {
 public:
  // `world` runs the network and the cloud; it survives the gateway's crashes.
  SimulatedNetwork(simcloud::CloudModel& cloud, test::ManualLoop& world, RandomSource& random);

  // --- Faults.
  void set_cut(bool cut);                                   // our own way out
  void set_name_unknown(const std::string& host, bool on);  // the name server does not answer

  // The gateway's process is gone: the kernel closes its connections.
  void forget_all_links();
  // What the cloud wants to say, after every call of it.
  void deliver_outputs();

  // --- For SimulatedLink.
  [[nodiscard]] simcloud::Now now() const;
  test::ManualLoop& world() { return world_; }
  std::chrono::nanoseconds latency();
  void open(SimulatedLink& link, const MqttConnect& options);
  void send(simcloud::ConnectionId connection, mqtt::Packet packet);
  void leave(simcloud::ConnectionId connection);

  [[nodiscard]] const std::vector<Attempt>& attempts() const { return attempts_; }
  void clear_attempts() { attempts_.clear(); }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  // A message cannot be delivered out of order, so this counts as one too.
  void violation(std::string what) { violations_.push_back(std::move(what)); }

 private:
  struct Pipe {
    SimulatedLink* link = nullptr;      // nullptr: the gateway's end is closed
    bool at_cloud = false;              // the cloud accepted the connection
    bool broken = false;                // a packet was lost: nothing gets through any more
    SteadyTime last_up{}, last_down{};  // keeps the order in each direction
    std::string host, client_id;
  };
  void arrive(simcloud::ConnectionId connection, std::string host, mqtt::Connect packet);
  void to_link(simcloud::ConnectionId connection, std::function<void(SimulatedLink&)> what);
  SteadyTime after(SteadyTime& last);

  simcloud::CloudModel& cloud_;
  test::ManualLoop& world_;
  RandomSource& random_;
  std::map<simcloud::ConnectionId, Pipe> pipes_;
  simcloud::ConnectionId last_connection_ = 0;
  bool cut_ = false;
  std::map<std::string, bool> name_unknown_;
  std::vector<Attempt> attempts_;
  std::vector<std::string> violations_;
};

class SimulatedLinks final : public MqttLinkOpener {
 public:
  explicit SimulatedLinks(SimulatedNetwork& network) : network_(network) {}
  std::unique_ptr<MqttLink> open(MqttLinkEvents& events, Loop& loop) override;

 private:
  SimulatedNetwork& network_;
};

// The gateway's end of one connection at a time.
class SimulatedLink final : public MqttLink {
 public:
  SimulatedLink(SimulatedNetwork& network, MqttLinkEvents& events, Loop& loop);
  ~SimulatedLink() override;

  void connect(const MqttConnect& options) override;
  void subscribe(const std::vector<Subscription>& subscriptions) override;
  bool publish(std::string_view topic, std::string_view payload, Qos qos,
               PublishToken token) override;
  void disconnect() noexcept override;

  // --- From the network, on the world's loop.
  void on_failed(LinkStage stage, ErrorCode code, const std::string& why);
  void on_packet(const mqtt::Packet& packet);
  void on_closed_by_cloud();
  void set_connection(simcloud::ConnectionId connection) { connection_ = connection; }

 private:
  void tell(std::function<void(MqttLinkEvents&)> event);
  void end();
  void watch();

  SimulatedNetwork& network_;
  MqttLinkEvents& events_;
  Loop& loop_;
  simcloud::ConnectionId connection_ = 0;  // 0: none
  LinkStage stage_ = LinkStage::Name;
  MqttConnect options_;
  std::uint16_t last_packet_id_ = 0;
  std::map<std::uint16_t, PublishToken> unacknowledged_;
  TimerId timer_;  // on the gateway's loop: transport, CONNACK, keep-alive
  bool ping_unanswered_ = false;
  std::shared_ptr<std::uint64_t> generation_ =
      std::make_shared<std::uint64_t>(0);  // shared with posted events
};

}  // namespace hubward::simulation
