#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "tests/sim/plant/device.h"

struct mosquitto;

namespace hubward::plant {

struct SensorSettings {
  std::string id;
  std::string broker_host = "127.0.0.1";
  int broker_port = 1883;
  std::string password;  // empty: no user name is sent; otherwise the user name is the id
  double messages_per_s = 1;
  Sequence first_sequence = 1;
  int index = 0;  // shifts the phase of its values
  bool paused = false;
};

// An environment and vibration sensor: publishes JSON at QoS 1 to `plant/<id>/telemetry`. A message
// counts as sent when the broker's PUBACK is here; libmosquitto repeats what was not acknowledged.
class SensorDevice final : public Device {
 public:
  explicit SensorDevice(SensorSettings settings);
  ~SensorDevice() override;

  [[nodiscard]] std::string_view id() const override { return settings_.id; }
  [[nodiscard]] std::string_view kind() const override { return "sensor"; }
  void describe(json::Writer& writer) const override;
  void write_counters(json::Writer& writer) const override;
  void write_values(json::Writer& writer) override;
  // Messages on plant/<id>/command.
  void write_writes(json::Writer& writer) const override;
  void start() override;
  void stop() override;
  // Publishes bad payloads at once; kinds in README.md.
  Status inject(const json::Value& order) override;
  void heal() override {}
  // {"payload": "...", or "hex": "..."; "topic": "..."}
  Status send(const json::Value& order) override;
  Status plug(bool in) override;
  Status set_rate(double samples_per_s) override;
  void shut_down() override;

  // For libmosquitto's callbacks only.
  void on_connected(int code);
  void on_disconnected();
  void on_published(int message_id);
  void on_command(std::string_view payload);

 private:
  using SteadyClock = std::chrono::steady_clock;
  // While the broker is away at most this many samples wait in memory; then sampling pauses.
  static constexpr std::size_t kWaitingMax = 50'000;
  static constexpr std::size_t kCommandsKept = 1'000;

  void connect_first(const std::stop_token& stop);
  void run(const std::stop_token& stop);
  void publish_sample();
  [[nodiscard]] std::string payload(Sequence number) const;
  Status publish(const std::string& topic, std::string_view payload, bool counted, Sequence number);

  const SensorSettings settings_;
  const std::string topic_;
  const SteadyClock::time_point began_ = SteadyClock::now();
  std::unique_ptr<mosquitto, void (*)(mosquitto*)> client_;
  mutable std::mutex mutex_;  // guards everything below; held while publishing, so that a PUBACK
                              // finds its number
  std::condition_variable_any wake_;
  std::unordered_map<int, Sequence> waiting_;  // message id -> number
  Sequence next_sequence_;
  double messages_per_s_;
  SteadyClock::time_point next_sample_;
  bool running_;
  bool connected_ = false;
  int connect_code_ = -1;
  std::uint64_t published_ = 0;
  std::uint64_t bad_published_ = 0;
  std::vector<std::string> commands_;
  std::jthread thread_;
};

}  // namespace hubward::plant
