// One connection to the broker: one Paho client, used once.
#pragma once

#include <MQTTAsync.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/api/broker_link.h"

namespace hubward::platform {

// What Paho's threads report. Called on them, so that everything is posted on.
struct PahoReports {
  std::function<void()> on_ready;  // connected and subscribed
  std::function<void(BrokerMessage, BrokerAck)> on_message;
  std::function<void(std::uint64_t id, bool taken)> on_published;
  std::function<void(std::string why)> on_ended;
};

// As Paho 1.3.12 reads:
//
// - It sends the PUBACK after messageArrived() returns, whatever that returns: 0 only makes it keep
//   the message in memory and offer it again. A message that was not stored is therefore not
//   acknowledged only if the socket is broken before the callback returns; that is done here.
// - All callbacks, and name resolution, run under one lock that every other call takes too: none of
//   its functions may be called on a loop. open(), publish() and destroy() run on the link's
//   worker.
// - Destroying the last client stops its threads, which takes up to 10 s: one that is never
//   connected is kept for the life of the process.
// - A client connected again sends again what was not acknowledged, long after the caller was told
//   that it failed: each connection is a new client.
class PahoClient {
 public:
  PahoClient(BrokerSettings settings, std::vector<std::string> addresses, PahoReports reports);
  ~PahoClient();  // after destroy()
  PahoClient(const PahoClient&) = delete;
  PahoClient& operator=(const PahoClient&) = delete;

  // Worker thread. Answers with on_ready or on_ended.
  void open();
  void publish(std::uint64_t id, const std::string& topic, const std::string& payload);
  void destroy();  // after it returns nothing is reported

  // Any thread. No message is handed up any more; the one that waits for its BrokerAck is not
  // acknowledged.
  void end() noexcept;

 private:
  struct Wait;
  struct Publish {
    PahoClient* client;
    std::uint64_t id;
  };
  void subscribe();
  void break_socket() noexcept;
  [[nodiscard]] bool hand_up(BrokerMessage message);

  static int arrived(void* self, char* topic, int length, MQTTAsync_message* message);
  static void lost(void* self, char* cause);
  static void connected(void* self, MQTTAsync_successData* data);
  static void refused(void* self, MQTTAsync_failureData* data);
  static void subscribed(void* self, MQTTAsync_successData* data);
  static void not_subscribed(void* self, MQTTAsync_failureData* data);
  static void published(void* publish, MQTTAsync_successData* data);
  static void not_published(void* publish, MQTTAsync_failureData* data);
  void finish(const Publish& publish, bool taken);

  const BrokerSettings settings_;
  const std::vector<std::string> addresses_;  // numeric, of settings_.host
  const PahoReports reports_;
  MQTTAsync handle_ = nullptr;
  std::atomic<bool> ended_ = false;

  std::mutex mutex_;  // guards what follows
  std::shared_ptr<Wait> waiting_;
  std::map<std::uint64_t, std::unique_ptr<Publish>> publishes_;
};

}  // namespace hubward::platform
