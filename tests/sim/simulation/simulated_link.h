// The gateway's end of one connection at a time, over SimulatedNetwork.
#pragma once

#include <map>
#include <memory>

#include "tests/sim/simulation/simulated_network.h"

namespace hubward::simulation {

class SimulatedLinks final : public MqttLinkOpener {
 public:
  explicit SimulatedLinks(SimulatedNetwork& network) : network_(network) {}
  std::unique_ptr<MqttLink> open(MqttLinkEvents& events, Loop& loop) override;

 private:
  SimulatedNetwork& network_;
};

class SimulatedLink final : public MqttLink {
 public:
  SimulatedLink(SimulatedNetwork& network, MqttLinkEvents& events, Loop& loop);
  ~SimulatedLink() override;

  void connect(const MqttConnect& options) override;
  void subscribe(const std::vector<Subscription>& subscriptions) override;
  void unsubscribe(const std::string& filter) override;
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
  void report_end(LinkOutcome outcome);
  void end();
  std::uint16_t next_packet_id();
  void watch_keep_alive();
  [[nodiscard]] bool is_to_dps() const { return options_.host == kDpsHost; }

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
