#include "adapters/mqtt/mqtt_adapter.h"

#include <algorithm>
#include <span>
#include <utility>

namespace hubward::mqtt {
namespace {

// The store could not take it now: the broker keeps it and delivers it again. Any other refusal
// would come back each time, and one bad message must block nobody.
bool wants_it_again(const Status& stored) {
  if (stored) return false;
  const ErrorCode code = stored.error().code;
  return code == ErrorCode::StoreFailed || code == ErrorCode::StoreFull ||
         code == ErrorCode::Stopped;
}

}  // namespace

MqttAdapter::MqttAdapter(BrokerSettings broker, std::vector<DeviceSettings> devices,
                         BrokerConnector& connector, Loop& loop)
    : broker_(std::move(broker)),
      where_(broker_.host + ":" + std::to_string(broker_.port)),
      connector_(connector),
      loop_(loop) {
  for (DeviceSettings& device : devices) {
    devices_.push_back({.settings = std::move(device), .extractor = {}, .reported = {}});
  }
}

MqttAdapter::~MqttAdapter() { stop(); }

Status MqttAdapter::start(ReadingSink& sink) {
  std::vector<DeviceSettings> settings;
  for (Device& device : devices_) {
    auto extractor = PayloadExtractor::make(device.settings.tags);
    if (!extractor) return tl::unexpected(extractor.error());
    device.extractor.emplace(std::move(*extractor));
    settings.push_back(device.settings);
  }
  auto routes = TopicRoutes::make(settings);
  if (!routes) return tl::unexpected(routes.error());
  routes_.emplace(std::move(*routes));
  sink_ = &sink;
  broker_.filters = routes_->filters();
  link_ = connector_.connect(broker_, *this, loop_);
  link_->start();
  return {};
}

void MqttAdapter::stop() noexcept {
  sink_ = nullptr;
  if (link_) link_->stop();
}

void MqttAdapter::write(WriteRequest, WriteDone done) {
  done({.outcome = WriteResult::Outcome::Refused,
        .code = ErrorCode::NotWritable,
        .detail = "tags of MQTT devices cannot be written",
        .read_back = {}});
}

void MqttAdapter::on_connected() {
  for (Device& device : devices_) {
    report_state(device, FieldState::Link::Unknown, {},
                 "broker " + where_ + " is connected; no message has come yet");
  }
}

void MqttAdapter::on_closed(Error why) {
  const std::string context = why.context.empty() ? "" : ": " + why.context;
  for (Device& device : devices_) {
    report_state(device, FieldState::Link::Down, why.code, "broker " + where_ + context);
  }
}

void MqttAdapter::on_message(BrokerMessage message, BrokerAck ack) {
  if (sink_ == nullptr) return ack(false);
  const auto place = routes_->device_of(message.topic);
  if (!place) {
    report_bad(nullptr, message, ErrorCode::BadPayload);
    return ack(true);
  }
  Device& device = devices_[*place];
  // The broker sends a retained message again at every subscription. Only the first one of a topic
  // after the start can be news.
  if (message.retained && device.heard->contains(message.topic)) return ack(true);
  auto readings = device.extractor->extract(message.payload);
  if (!readings) {
    report_bad(&device, message, readings.error().code);
    return ack(true);
  }
  report_state(device, FieldState::Link::Up, {}, "topic " + message.topic);
  const Clock& clock = loop_.clock();
  sink_->deliver({.device = device.settings.device,
                  .at = clock.wall(),
                  .at_steady = clock.steady(),
                  .readings = std::move(*readings)},
                 [ack = std::move(ack), heard = device.heard,
                  topic = std::move(message.topic)](const Status& stored) {
                   if (stored && heard->size() < kTopicsHeardMax) heard->insert(topic);
                   ack(!wants_it_again(stored));
                 });
}

void MqttAdapter::on_message_too_long(std::string_view topic) {
  if (sink_ == nullptr) return;
  const auto place = routes_->device_of(topic);
  report_bad(place ? &devices_[*place] : nullptr, {std::string(topic), {}},
             ErrorCode::InputTooLong);
}

void MqttAdapter::report_state(Device& device, FieldState::Link link, ErrorCode code,
                               std::string detail) {
  if (sink_ == nullptr) return;
  if (device.reported && device.reported->link == link && device.reported->code == code) return;
  device.reported = FieldState{.link = link, .code = code, .detail = std::move(detail)};
  sink_->field_state(device.settings.device, *device.reported);
}

void MqttAdapter::report_bad(const Device* device, const BrokerMessage& message, ErrorCode code) {
  const auto bytes = std::as_bytes(std::span(message.payload));
  const auto kept = bytes.first(std::min(bytes.size(), BadInput::kSampleBytesMax));
  BadInput input{.device = {},
                 .source = "topic " + message.topic.substr(0, BadInput::kSampleBytesMax),
                 .code = code,
                 .sample = {kept.begin(), kept.end()}};
  if (device != nullptr) input.device = device->settings.device;
  sink_->bad_input(std::move(input));
}

}  // namespace hubward::mqtt
