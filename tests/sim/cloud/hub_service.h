// IoT Hubs over MQTT (reference section 3). One object serves all hubs; the place of a connection
// says which one it is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/cloud/world.h"

namespace hubward::simcloud {

using MethodCallId = std::uint64_t;

// How a direct method ended. `status` is the device's own, or 404 (offline or not subscribed) or
// 504 (no answer in time) with `answered` false.
struct MethodResult {
  MethodCallId call = 0;
  bool answered = false;
  int status = 0;
  std::string payload;
};

class HubService {
 public:
  explicit HubService(World& world);

  void on_connect(Connection& connection, mqtt::Connect&& packet, Now now);
  void on_packet(Connection& connection, mqtt::Packet&& packet, Now now);

  // The cloud's clock or the grace was changed: looks at every live token again.
  void watch_tokens(Now now);

  // --- What a back end asks of the hub.
  MethodCallId call_method(Device& device, std::string_view name, std::string_view payload,
                           std::chrono::milliseconds timeout, Now now);
  std::vector<MethodResult> take_method_results();
  Result<std::int64_t> patch_desired(Device& device, std::string_view patch, Now now);
  // `bag` is the encoded property bag. LimitExceeded: too large, or 50 messages wait already.
  Result<std::uint64_t> send_c2d(Device& device, std::string bag, std::string body,
                                 std::chrono::seconds time_to_live, Now now);

 private:
  // hub_service.cc: connecting and sessions.
  std::string refusal_of(Connection& connection, const mqtt::Connect& packet, Device*& device,
                         Now now);
  void accept(Connection& connection, Device& device, mqtt::Connect&& packet, Now now);
  void accept_in_turn(Connection& connection, Device& device, mqtt::Connect&& packet, Fault& rate,
                      Now now);
  void watch_token(Connection& connection, Now now);
  void on_subscribe(Connection& connection, const mqtt::Subscribe& packet, Now now);
  void on_unsubscribe(Connection& connection, const mqtt::Unsubscribe& packet, Now now);

  // hub_messages.cc: what a device publishes, and what is sent to it.
  void on_publish(Connection& connection, mqtt::Publish&& packet, Now now);
  void on_telemetry(Connection& connection, mqtt::Publish&& packet, ReceivedMessage&& message,
                    Now now);
  void acknowledge(Connection& connection, const mqtt::Publish& packet, Now now);
  void on_twin_get(Connection& connection, std::string_view query, Now now);
  void on_twin_report(Connection& connection, std::string_view query, std::string_view patch,
                      Now now);
  void on_method_answer(Connection& connection, std::string_view rest, std::string&& payload);
  void on_puback(Connection& connection, mqtt::PacketId id);
  void deliver_c2d(Device& device, Now now);
  bool send_twin_fault(Connection& connection, std::string_view rid, Now now);
  void send_plain(Connection& connection, std::string topic, std::string payload, Now now);

  struct PendingCall {
    Device* device;
    std::string rid;
  };

  World& world_;
  std::map<MethodCallId, PendingCall> calls_;
  std::vector<MethodResult> results_;
  MethodCallId next_call_ = 1;
};

}  // namespace hubward::simcloud
