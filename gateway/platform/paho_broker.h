// The link to the local MQTT broker over Eclipse Paho 1.3.12.
#pragma once

#include <memory>

#include "gateway/api/broker_link.h"

namespace hubward::platform {

class Resolver;

// Links are used on the loop given to connect(); `resolver` and the loop outlive them.
//
// One message is handed up at a time, and the next one when it was acknowledged: a link carries
// 1 / (time until a reading is committed) messages a second. With the outbox's default of commits
// at least 5 ms apart that is about 190.
class PahoBrokerConnector final : public BrokerConnector {
 public:
  // From the end of a connection or attempt to the next attempt.
  static constexpr std::chrono::seconds kReconnectAfter{2};
  // Until a broker that was found lets us in. Paho's own time-out is not relied on: its thread
  // waits by the wall clock (Thread_wait_cond of 1.3.12), and one that is set back makes it wait
  // longer.
  static constexpr std::chrono::seconds kAttemptMax{8};
  // Publishes that wait for the broker's acknowledgement; past it publish() answers LimitExceeded.
  static constexpr std::size_t kPublishesWaitingMax = 1000;

  explicit PahoBrokerConnector(Resolver& resolver) : resolver_(resolver) {}
  std::unique_ptr<BrokerLink> connect(BrokerSettings settings, BrokerEvents& events,
                                      Loop& loop) override;

 private:
  Resolver& resolver_;
};

}  // namespace hubward::platform
