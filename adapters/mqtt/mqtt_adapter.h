// Reads every device that publishes to the local MQTT broker, and writes to those that listen.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/mqtt/payload_extractor.h"
#include "adapters/mqtt/settings.h"
#include "adapters/mqtt/topic_routes.h"
#include "adapters/mqtt/write_exchange.h"
#include "gateway/api/broker_link.h"
#include "gateway/api/newcomer.h"
#include "gateway/api/queues_writes.h"
#include "gateway/api/southbound.h"

namespace hubward::mqtt {

// All calls and events on `loop`. A message is acknowledged to the broker when its readings are in
// the outbox, or when it was dropped on purpose: bad input, unknown topic, an old retained message.
class MqttAdapter final : public SouthboundAdapter, public QueuesWrites, private BrokerEvents {
 public:
  // What is remembered of a device whose template has wildcards, and a topic for each tag where it
  // has more. Retained messages of more topics are stored again after each reconnect.
  static constexpr std::size_t kTopicsHeardMax = 64;

  // `broker.filters` is filled in here. `connector` and `loop` outlive the adapter.
  MqttAdapter(BrokerSettings broker, std::vector<DeviceSettings> devices,
              BrokerConnector& connector, Loop& loop);
  ~MqttAdapter() override;
  MqttAdapter(const MqttAdapter&) = delete;
  MqttAdapter& operator=(const MqttAdapter&) = delete;

  // Before start(): what devices of nobody's may look like, with any name. `heard` learns of their
  // messages, which are acknowledged and not stored. A retained message makes no newcomer: who
  // published it may be long gone.
  void welcome(std::vector<DeviceSettings> kinds, NewcomerHeard heard);

  // Error ConfigInvalid as TopicRoutes::make() and PayloadExtractor::make().
  Status start(ReadingSink& sink) override;
  // One more device, after start(). Errors: ConfigInvalid, also for a topic that was not subscribed
  // to at the start; after one nothing has changed.
  Status add(DeviceSettings device);
  // What devices that were there before know of the broker, for one that was added.
  void report_broker(DeviceIndex device);
  void write(WriteRequest request, WriteDone done) override;
  void withdraw_writes() override;
  // A write is one publish and begins nothing that must be ended. What the broker has is answered
  // as usual until stop().
  void wind_down(std::function<void()> done) override;
  // Messages not acknowledged by then are delivered again after the next start.
  void stop() noexcept override;

 private:
  struct Device {
    DeviceSettings settings;
    std::optional<PayloadExtractor> extractor;
    std::optional<TopicTemplate> topic;  // where it names a component or a tag
    // Topics that a message was stored from since the start: a retained one has nothing new to tell
    // there any more. Shared with stores under way, which may end after the adapter.
    std::shared_ptr<std::set<std::string>> heard = std::make_shared<std::set<std::string>>();
    std::optional<FieldState> reported;
  };

  struct Kind {
    std::optional<TopicTemplate> topic;
    std::vector<TopicTemplate> others;  // availability, answers
    DeviceSettings settings;
  };

  // Makes the device at that place ready for its messages.
  Status route(std::size_t place);
  Status expect(Kind& kind);
  void subscribe(std::string filter);
  void withdraw(ErrorCode code, std::string why);
  [[nodiscard]] bool is_subscribed(const std::string& filter) const;
  // True: it is one of a newcomer's.
  bool take_newcomer(const BrokerMessage& message);

  void on_connected(std::string remark) override;
  void on_closed(Error why) override;
  void on_message(BrokerMessage message, BrokerAck ack) override;
  void on_message_dropped(std::string_view topic, ErrorCode code, std::string_view why) override;

  // Whether a topic that fits a device's template also has another meaning.
  enum class Also : std::uint8_t { Nothing, SomethingElse };
  void take_samples(Device& device, BrokerMessage message, Also also, BrokerAck ack);
  void take_availability(Device& device, const BrokerMessage& message);
  bool take_answer(const BrokerMessage& message);
  void plan_write_timer();
  void report_broker(Device& device);
  void report_state(Device& device, FieldState::Link link, ErrorCode code, std::string detail);
  void report_bad(const Device* device, const BrokerMessage& message, ErrorCode code,
                  std::string_view why = {});

  BrokerSettings broker_;
  const std::string where_;     // for people
  std::deque<Device> devices_;  // writes under way point into it
  std::vector<Kind> kinds_;
  NewcomerHeard heard_;
  std::optional<TopicRoutes> telemetry_, availability_, answers_;
  std::set<std::string, std::less<>> written_topics_;  // what we publish ourselves may come back
  WriteExchange writes_;
  TimerId write_timer_;
  BrokerConnector& connector_;
  Loop& loop_;
  ReadingSink* sink_ = nullptr;  // while started
  std::unique_ptr<BrokerLink> link_;
  bool winding_down_ = false;
  std::optional<FieldState> broker_state_;  // nothing: neither connected nor refused yet
};

}  // namespace hubward::mqtt
