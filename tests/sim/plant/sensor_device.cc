#include "tests/sim/plant/sensor_device.h"

#include <mosquitto.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "tests/sim/plant/modbus_fault.h"

namespace hubward::plant {
namespace {

constexpr double kMessagesPerSecondMax = 2'000;

SensorDevice& self(void* object) { return *static_cast<SensorDevice*>(object); }

// What a confused or hostile sensor may say.
Result<std::string> bad_payload(std::string_view kind) {
  if (kind == "not_json") return std::string("temperature=21.5;humidity=48");
  if (kind == "empty") return std::string();
  if (kind == "truncated") return std::string(R"({"seq":1,"environment":{"temperature":{"val)");
  if (kind == "binary") return std::string("\x00\xff\xfe\x80{}\x01", 7);
  if (kind == "wrong_type") {
    return std::string(R"({"seq":"many","environment":{"temperature":{"value":[21.5]}}})");
  }
  if (kind == "missing") return std::string(R"({"hello":"world"})");
  if (kind == "hostile_number") {
    return R"({"environment":{"humidity":1)" + std::string(400, '0') + R"(e-99999999999}})";
  }
  if (kind == "deep") return std::string(100'000, '[');
  if (kind == "huge") return "{\"filler\":\"" + std::string(200'000, 'x') + "\"}";
  if (kind == "repeated_key") return std::string(R"({"seq":1,"seq":2})");
  if (kind == "bad_utf8") return std::string("{\"status\":{\"mode\":\"\xc3\x28\"}}");
  return refused(
      "\"kind\" must be one of: not_json empty truncated binary wrong_type missing hostile_number "
      "deep huge repeated_key bad_utf8");
}

}  // namespace

SensorDevice::SensorDevice(SensorSettings settings)
    : settings_(std::move(settings)),
      topic_("plant/" + settings_.id + "/telemetry"),
      client_(mosquitto_new(settings_.id.c_str(), false, this), &mosquitto_destroy),
      next_sequence_(settings_.first_sequence),
      messages_per_s_(settings_.messages_per_s),
      next_sample_(SteadyClock::now()),
      running_(!settings_.paused) {
  mosquitto* client = client_.get();
  mosquitto_connect_callback_set(
      client, [](mosquitto*, void* object, int code) { self(object).on_connected(code); });
  mosquitto_disconnect_callback_set(
      client, [](mosquitto*, void* object, int) { self(object).on_disconnected(); });
  mosquitto_publish_callback_set(
      client, [](mosquitto*, void* object, int mid) { self(object).on_published(mid); });
  mosquitto_message_callback_set(
      client, [](mosquitto*, void* object, const mosquitto_message* message) {
        self(object).on_command({static_cast<const char*>(message->payload),
                                 static_cast<std::size_t>(message->payloadlen)});
      });
  if (!settings_.password.empty()) {
    mosquitto_username_pw_set(client, settings_.id.c_str(), settings_.password.c_str());
  }
  mosquitto_reconnect_delay_set(client, 1, 2, false);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SensorDevice::~SensorDevice() { shut_down(); }

void SensorDevice::shut_down() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  mosquitto_disconnect(client_.get());
  mosquitto_loop_stop(client_.get(), true);
}

void SensorDevice::on_connected(int code) {
  {
    const std::scoped_lock lock(mutex_);
    connected_ = code == 0;
    connect_code_ = code;
  }
  const std::string commands = "plant/" + settings_.id + "/command";
  if (code == 0) mosquitto_subscribe(client_.get(), nullptr, commands.c_str(), 1);
}

void SensorDevice::on_disconnected() {
  const std::scoped_lock lock(mutex_);
  connected_ = false;
}

void SensorDevice::on_published(int message_id) {
  const std::scoped_lock lock(mutex_);
  const auto found = waiting_.find(message_id);
  if (found == waiting_.end()) return;
  log.sent(found->second);
  waiting_.erase(found);
}

void SensorDevice::on_command(std::string_view payload) {
  const std::scoped_lock lock(mutex_);
  if (commands_.size() < kCommandsKept) commands_.emplace_back(payload.substr(0, 1024));
}

// libmosquitto's own thread reconnects, but gives up if the very first attempt fails.
void SensorDevice::connect_first(const std::stop_token& stop) {
  while (mosquitto_connect(client_.get(), settings_.broker_host.c_str(), settings_.broker_port,
                           30) != MOSQ_ERR_SUCCESS) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, std::chrono::milliseconds(300), [] { return false; });
    if (stop.stop_requested()) return;
  }
  mosquitto_loop_start(client_.get());
}

void SensorDevice::run(const std::stop_token& stop) {
  connect_first(stop);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = SteadyClock::now();
    const auto interval = std::chrono::duration_cast<SteadyClock::duration>(
        std::chrono::duration<double>(1 / messages_per_s_));
    // At most a tenth of a second is made up after a delay, so that a stall is no burst.
    next_sample_ = std::max(next_sample_, now - std::chrono::milliseconds(100));
    while (running_ && next_sample_ <= now && waiting_.size() < kWaitingMax) {
      publish_sample();
      next_sample_ += interval;
    }
    if (!running_) next_sample_ = now;
    const auto wait = running_ ? next_sample_ - now : std::chrono::milliseconds(50);
    wake_.wait_for(lock, stop, std::max<SteadyClock::duration>(wait, std::chrono::milliseconds(1)),
                   [] { return false; });
  }
}

std::string SensorDevice::payload(Sequence number) const {
  const double t =
      std::chrono::duration<double>(SteadyClock::now() - began_).count() + settings_.index * 37.0;
  const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
  const double x = 0.4 + 0.3 * std::sin(t * 3.1) + 0.1 * std::sin(t * 41);
  const double y = 0.3 + 0.2 * std::sin(t * 2.7 + 1);
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(),
                R"({"device":"%s","seq":%llu,"unix_ms":%lld,)"
                R"("environment":{"temperature":{"value":%.2f,"unit":"degC"},"humidity":%.1f},)"
                R"("vibration":{"axes":[%.3f,%.3f],"rms":%.4f},)"
                R"("status":{"battery":%d,"door_open":%s,"mode":"%s"}})",
                settings_.id.c_str(), static_cast<unsigned long long>(number),
                static_cast<long long>(unix_ms), 22 + 4 * std::sin(t / 60) + 0.2 * std::sin(t),
                48 + 9 * std::sin(t / 75 + 2), x, y, std::sqrt(x * x + y * y),
                100 - static_cast<int>(t / 60) % 80, std::fmod(t, 40) < 3 ? "true" : "false",
                std::fmod(t, 120) < 90 ? "run" : "idle");
  return text.data();
}

void SensorDevice::publish_sample() {
  const Sequence number = next_sequence_++;
  if (publish(topic_, payload(number), true, number)) {
    ++published_;
  } else {
    log.spoiled(number);
  }
}

Status SensorDevice::publish(const std::string& topic, std::string_view text, bool counted,
                             Sequence number) {
  int message_id = 0;
  const int code = mosquitto_publish(client_.get(), &message_id, topic.c_str(),
                                     static_cast<int>(text.size()), text.data(), 1, false);
  // Without a connection libmosquitto keeps the message and sends it later.
  if (code != MOSQ_ERR_SUCCESS && code != MOSQ_ERR_NO_CONN) {
    return refused(mosquitto_strerror(code));
  }
  if (counted) waiting_[message_id] = number;
  return {};
}

void SensorDevice::start() {
  const std::scoped_lock lock(mutex_);
  running_ = true;
  next_sample_ = SteadyClock::now();
}

void SensorDevice::stop() {
  const std::scoped_lock lock(mutex_);
  running_ = false;
}

Status SensorDevice::inject(const json::Value& order) {
  const auto payload_text = bad_payload(json::as_string(json::find(order, "kind")).value_or(""));
  if (!payload_text) return tl::unexpected(payload_text.error());
  const auto count = json::as_int(json::find(order, "count")).value_or(1);
  if (count < 1 || count > 10'000) return refused("\"count\" must be 1 to 10000");
  const std::scoped_lock lock(mutex_);
  for (std::int64_t i = 0; i < count; ++i) {
    if (auto done = publish(topic_, *payload_text, false, 0); !done) return done;
    ++bad_published_;
  }
  return {};
}

Status SensorDevice::send(const json::Value& order) {
  std::string text(json::as_string(json::find(order, "payload")).value_or(""));
  if (const auto hex = json::as_string(json::find(order, "hex"))) {
    const auto raw = from_hex(*hex);
    if (!raw) return refused("\"hex\" must be pairs of hexadecimal digits");
    for (const std::byte byte : *raw) text.push_back(static_cast<char>(byte));
  }
  const std::string topic(json::as_string(json::find(order, "topic")).value_or(topic_));
  const std::scoped_lock lock(mutex_);
  return publish(topic, text, false, 0);
}

Status SensorDevice::plug(bool) { return refused("only serial devices can be unplugged"); }

Status SensorDevice::set_rate(double samples_per_s) {
  if (!(samples_per_s > 0 && samples_per_s <= kMessagesPerSecondMax)) {
    return refused("a sensor publishes more than 0 and at most 2000 messages a second");
  }
  const std::scoped_lock lock(mutex_);
  messages_per_s_ = samples_per_s;
  next_sample_ = SteadyClock::now();
  return {};
}

void SensorDevice::describe(json::Writer& writer) const {
  writer.Key("broker");
  writer.String(settings_.broker_host + ":" + std::to_string(settings_.broker_port));
  writer.Key("topic");
  writer.String(topic_);
  writer.Key("payload");
  writer.String(payload(0));
}

void SensorDevice::write_counters(json::Writer& writer) const {
  const std::scoped_lock lock(mutex_);
  writer.Key("published");
  writer.Uint64(published_);
  writer.Key("waiting");
  writer.Uint64(waiting_.size());
  writer.Key("bad_published");
  writer.Uint64(bad_published_);
  writer.Key("connected");
  writer.Bool(connected_);
  writer.Key("connack");
  writer.Int(connect_code_);
}

void SensorDevice::write_values(json::Writer& writer) {
  const std::string text = payload(0);
  writer.RawValue(text.data(), text.size(), rapidjson::kObjectType);
}

void SensorDevice::write_writes(json::Writer& writer) const {
  const std::scoped_lock lock(mutex_);
  writer.StartArray();
  for (const std::string& command : commands_) writer.String(command);
  writer.EndArray();
}

}  // namespace hubward::plant
