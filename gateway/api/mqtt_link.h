// One northbound MQTT 3.1.1 connection over TLS, shared by DPS and hub sessions. It does what it is
// told and reports what it sees; it never retries.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/loop.h"
#include "gateway/api/secret.h"
#include "proto/result.h"

namespace hubward {

struct MqttConnect {
  std::string host;  // bare: for name resolution, SNI and certificate check
  std::uint16_t port = 8883;
  std::string client_id;
  std::string user_name;
  SecretText password;
  bool clean_session = false;
  std::chrono::seconds keep_alive{60};  // the longest silence; 5 s to 18 h
  // Name, TCP and TLS together, and then the wait for CONNACK (the hub may queue it for 60 s).
  std::chrono::seconds transport_timeout{20};
  std::chrono::seconds connack_timeout{60};
};

enum class Qos : std::uint8_t { AtMostOnce = 0, AtLeastOnce = 1 };

struct Subscription {
  std::string filter;
  Qos qos;
};

// How far a connection had come when it ended.
enum class LinkStage : std::uint8_t { Name, Tcp, Tls, Connack, Session };

// Chosen by the caller for each QoS 1 publish, unique per link.
struct PublishToken {
  std::uint64_t value = 0;
  friend auto operator<=>(PublishToken, PublishToken) = default;
};

class MqttLinkEvents {
 public:
  virtual ~MqttLinkEvents() = default;
  virtual void on_connected(bool session_present) = 0;
  virtual void on_refused(
      int connack_code) = 0;  // 1 to 5; the link is closed, no on_closed follows
  // One of these for each subscribe(): all filters granted, or not all.
  virtual void on_subscribed() = 0;
  virtual void on_subscription_refused() = 0;
  virtual void on_unsubscribed() {}  // nothing that was sent for the filter is still on its way
  virtual void on_published(PublishToken token) = 0;  // PUBACK
  virtual void on_message(std::string_view topic, std::string_view payload) = 0;
  // Ended without being asked to. `why.code`: NameUnknown, Unreachable, TlsFailed, TlsUntrusted,
  // ClockWrong (the certificate is not valid yet, or no longer, by this computer's clock),
  // ConnectTimeout, LinkSilent (keep-alive time-out), LinkLost (context: "closed by the hub", ...).
  virtual void on_closed(LinkStage stage, Error why) = 0;
};

// All calls and events on one loop; events never run inside a call of the same object.
class MqttLink {
 public:
  virtual ~MqttLink() = default;  // drops the connection without an event
  virtual void connect(const MqttConnect& options) = 0;
  virtual void subscribe(const std::vector<Subscription>& subscriptions) = 0;
  virtual void unsubscribe(const std::string& filter) = 0;
  // False: not taken (not connected, or the send buffer is full); nothing follows.
  [[nodiscard]] virtual bool publish(std::string_view topic, std::string_view payload, Qos qos,
                                     PublishToken token) = 0;
  // Sends DISCONNECT and closes. No event follows; the object may connect() again.
  virtual void disconnect() noexcept = 0;
};

class MqttLinkOpener {
 public:
  virtual ~MqttLinkOpener() = default;
  // `events` and `loop` outlive the link.
  virtual std::unique_ptr<MqttLink> open(MqttLinkEvents& events, Loop& loop) = 0;
};

}  // namespace hubward
