// The link to the local MQTT broker: a ClientSession over a stream, opened again when it ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "gateway/api/broker_link.h"
#include "gateway/api/byte_stream.h"

namespace hubward::mqtt {

// Links are used on the loop given to connect(); `streams` and the loop outlive them.
class BrokerClients final : public BrokerConnector {
 public:
  // From the end of a connection or attempt to the next attempt.
  static constexpr std::chrono::seconds kReconnectAfter{2};
  static constexpr std::chrono::seconds kAttemptMax{8};
  // Publishes that wait for the broker's acknowledgement; past it publish() answers LimitExceeded.
  static constexpr std::size_t kPublishesWaitingMax = 1000;
  // What a publish may carry, topic and payload together.
  static constexpr std::size_t kPublishBytesMax = 32 * 1024;

  explicit BrokerClients(StreamOpener& streams) : streams_(streams) {}
  std::unique_ptr<BrokerLink> connect(BrokerSettings settings, BrokerEvents& events,
                                      Loop& loop) override;

 private:
  StreamOpener& streams_;
};

}  // namespace hubward::mqtt
