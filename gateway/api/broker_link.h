// The southbound connection to the local MQTT broker. QoS 1, persistent session, fixed client id:
// what was delivered and not acknowledged is delivered again after a reconnect.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/loop.h"
#include "gateway/api/secret.h"
#include "proto/mqtt/version.h"
#include "proto/result.h"

namespace hubward {

struct BrokerSettings {
  mqtt::Version version = mqtt::Version::V311;
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string client_id = "hubward";
  std::string user_name;  // empty: none
  SecretText password;
  std::string ca_file;               // empty: no TLS
  std::vector<std::string> filters;  // subscribed at QoS 1 after every connect
};

struct BrokerMessage {
  std::string topic;
  std::string payload;
  bool retained = false;
  std::string correlation{};  // MQTT 5: what the request had that it answers
};

// A broker of 3.1.1 gets topic and payload only.
struct BrokerPublish {
  std::string topic;
  std::string payload;
  std::string response_topic{}, correlation{};               // empty: none
  std::optional<std::chrono::milliseconds> expires_after{};  // then the broker delivers it no more
};
// The broker has it.
struct BrokerTook {
  bool nobody_listens = false;  // MQTT 5: and says that nobody has subscribed to the topic
};
using BrokerPublished = std::function<void(const Result<BrokerTook>&)>;

// Must run once, on the link's loop. True: durable or deliberately dropped, acknowledge it. False:
// do not; the broker will deliver it again after the link has been dropped.
using BrokerAck = std::function<void(bool taken)>;

class BrokerEvents {
 public:
  virtual ~BrokerEvents() = default;
  // `remark` is for people: where the broker keeps less than was asked for. Once more where it has
  // grown since.
  virtual void on_connected(std::string remark) = 0;
  virtual void on_closed(Error why) = 0;  // the link reconnects by itself, at a fixed modest rate
  // Many messages may wait for their BrokerAck at once.
  virtual void on_message(BrokerMessage message, BrokerAck ack) = 0;
  // One was longer than kMessageBytesMax (InputTooLong), or had properties that it may not have
  // (BadPayload; `why` for people): it was acknowledged and dropped.
  virtual void on_message_dropped(std::string_view topic, ErrorCode code, std::string_view why) = 0;
};

class BrokerLink {
 public:
  static constexpr std::size_t kMessageBytesMax = 256 * 1024;
  // The longest a message may wait for its BrokerAck before the link is dropped.
  static constexpr std::chrono::seconds kAckWaitMax{10};
  virtual ~BrokerLink() = default;
  virtual void start() = 0;
  // QoS 1; `done` runs once on the loop: the broker has it, or why not. An error of kind Permanent
  // means that nothing was sent.
  virtual void publish(BrokerPublish message, BrokerPublished done) = 0;
  // Publishes that wait until the broker takes more are answered with `why`, and never sent.
  virtual void withdraw_waiting(Error why) = 0;
  virtual void stop() noexcept = 0;  // no event follows
};

class BrokerConnector {
 public:
  virtual ~BrokerConnector() = default;
  // Events come on `loop`; `events` and `loop` outlive the link.
  virtual std::unique_ptr<BrokerLink> connect(BrokerSettings settings, BrokerEvents& events,
                                              Loop& loop) = 0;
};

}  // namespace hubward
