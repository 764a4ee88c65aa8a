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

constexpr auto kStopping = "hubward is stopping; not written";

}  // namespace

MqttAdapter::MqttAdapter(BrokerSettings broker, std::vector<DeviceSettings> devices,
                         BrokerConnector& connector, Loop& loop)
    : broker_(std::move(broker)),
      where_(broker_.host + ":" + std::to_string(broker_.port)),
      connector_(connector),
      loop_(loop) {
  for (DeviceSettings& device : devices) {
    devices_.push_back(
        {.settings = std::move(device), .extractor = {}, .topic = {}, .reported = {}});
  }
}

MqttAdapter::~MqttAdapter() { stop(); }

void MqttAdapter::welcome(std::vector<DeviceSettings> kinds, NewcomerHeard heard) {
  for (DeviceSettings& settings : kinds) kinds_.push_back({{}, {}, std::move(settings)});
  heard_ = std::move(heard);
}

Status MqttAdapter::start(ReadingSink& sink) {
  telemetry_.emplace();
  availability_.emplace();
  answers_.emplace();
  for (std::size_t place = 0; place < devices_.size(); ++place) {
    if (auto added = route(place); !added) return added;
  }
  for (const TopicRoutes* routes : {&*telemetry_, &*availability_, &*answers_}) {
    for (std::string& filter : routes->filters()) subscribe(std::move(filter));
  }
  for (Kind& kind : kinds_) {
    if (auto made = expect(kind); !made) return made;
  }
  sink_ = &sink;
  link_ = connector_.connect(broker_, *this, loop_);
  link_->start();
  return {};
}

Status MqttAdapter::route(std::size_t place) {
  Device& device = devices_[place];
  const DeviceSettings& settings = device.settings;
  auto extractor = PayloadExtractor::make(settings);
  if (!extractor) return tl::unexpected(extractor.error());
  using enum TopicRoutes::Sharing;
  const auto owner = [&](const std::string& topic) {
    return TopicRoutes::Owner{place, settings.device_name, topic};
  };
  if (auto added = telemetry_->add(owner(settings.topic_template), Refused); !added) return added;
  if (const auto& said = settings.availability) {
    if (auto added = availability_->add(owner(said->topic_template), Allowed); !added) return added;
  }
  if (const auto& answer = settings.answer) {
    if (auto added = answers_->add(owner(answer->topic_template), Allowed); !added) return added;
  }
  device.extractor.emplace(std::move(*extractor));
  auto names = TopicTemplate::parse(settings.topic_template);
  if (names && (names->names_component() || names->names_tag())) device.topic = std::move(*names);
  for (const TagSettings& tag : settings.tags) {
    if (tag.write) written_topics_.insert(tag.write->topic);
  }
  return {};
}

void MqttAdapter::subscribe(std::string filter) {
  if (!is_subscribed(filter)) broker_.filters.push_back(std::move(filter));
}

bool MqttAdapter::is_subscribed(const std::string& filter) const {
  return std::find(broker_.filters.begin(), broker_.filters.end(), filter) != broker_.filters.end();
}

Status MqttAdapter::expect(Kind& kind) {
  const DeviceSettings& settings = kind.settings;
  auto topic = TopicTemplate::parse(settings.topic_template);
  if (!topic) return tl::unexpected(topic.error());
  subscribe(topic->filter());
  kind.topic = std::move(*topic);
  std::vector<std::string> others;
  if (settings.availability) others.push_back(settings.availability->topic_template);
  if (settings.answer) others.push_back(settings.answer->topic_template);
  for (const std::string& text : others) {
    auto other = TopicTemplate::parse(text);
    if (!other) return tl::unexpected(other.error());
    subscribe(other->filter());
    kind.others.push_back(std::move(*other));
  }
  return {};
}

Status MqttAdapter::add(DeviceSettings device) {
  std::vector<const std::string*> topics{&device.topic_template};
  if (device.availability) topics.push_back(&device.availability->topic_template);
  if (device.answer) topics.push_back(&device.answer->topic_template);
  for (const std::string* text : topics) {
    const auto topic = TopicTemplate::parse(*text);
    if (!topic || !is_subscribed(topic->filter())) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                     "topic \"" + *text + "\" was not subscribed to at the start");
    }
  }
  devices_.push_back({.settings = std::move(device), .extractor = {}, .topic = {}, .reported = {}});
  auto added = route(devices_.size() - 1);
  if (!added) devices_.pop_back();
  return added;
}

void MqttAdapter::stop() noexcept {
  loop_.cancel(std::exchange(write_timer_, {}));
  writes_.stop();
  sink_ = nullptr;
  if (link_) link_->stop();
}

void MqttAdapter::write(WriteRequest request, WriteDone done) {
  if (winding_down_) {
    return done({.outcome = WriteResult::Outcome::Refused,
                 .code = ErrorCode::Stopped,
                 .detail = kStopping,
                 .read_back = {}});
  }
  const auto device = std::find_if(devices_.begin(), devices_.end(), [&](const Device& one) {
    return one.settings.device == request.device;
  });
  const TagSettings* tag = nullptr;
  if (device != devices_.end()) {
    for (const TagSettings& one : device->settings.tags) {
      if (one.tag == request.tag && one.write) tag = &one;
    }
  }
  if (tag == nullptr || !link_ || sink_ == nullptr) {
    return done({.outcome = WriteResult::Outcome::Refused,
                 .code = ErrorCode::NotWritable,
                 .detail = "the tag's file says no topic for it",
                 .read_back = {}});
  }
  const Clock& clock = loop_.clock();
  auto begun = writes_.begin(device->settings, *tag, std::move(request), std::move(done),
                             clock.steady(), clock.wall());
  if (!begun) return;
  plan_write_timer();
  link_->publish(std::move(begun->publish),
                 [this, id = std::move(begun->id)](const Result<BrokerTook>& taken) {
                   // What was refused at once has not been sent; see BrokerLink::publish().
                   const bool was_sent = taken || taken.error().kind != ErrorKind::Permanent;
                   writes_.on_published(id, taken, was_sent);
                 });
}

void MqttAdapter::withdraw_writes() {
  withdraw(ErrorCode::WritesPaused, "maintenance began; not written");
}

void MqttAdapter::wind_down(std::function<void()> done) {
  winding_down_ = true;
  withdraw(ErrorCode::Stopped, kStopping);
  loop_.post(std::move(done));
}

void MqttAdapter::withdraw(ErrorCode code, std::string why) {
  if (link_) link_->withdraw_waiting({code, ErrorKind::Permanent, std::move(why)});
  plan_write_timer();
}

void MqttAdapter::on_connected(std::string remark) {
  const bool again = broker_state_ && broker_state_->link == FieldState::Link::Unknown;
  std::string detail = "broker " + where_ + " is connected; no message has come yet";
  if (!remark.empty()) detail += "; " + std::move(remark);
  broker_state_ =
      FieldState{.link = FieldState::Link::Unknown, .code = {}, .detail = std::move(detail)};
  for (Device& device : devices_) {
    // Who was heard, or has said that it is away, since the broker is connected stays that.
    const bool is_known = device.reported && device.reported->link != FieldState::Link::Unknown;
    if (!again || !is_known) report_broker(device);
  }
}

void MqttAdapter::on_closed(Error why) {
  const std::string context = why.context.empty() ? "" : ": " + why.context;
  broker_state_ = FieldState{
      .link = FieldState::Link::Down, .code = why.code, .detail = "broker " + where_ + context};
  for (Device& device : devices_) report_broker(device);
}

void MqttAdapter::report_broker(DeviceIndex device) {
  for (Device& one : devices_) {
    if (one.settings.device == device) report_broker(one);
  }
}

void MqttAdapter::report_broker(Device& device) {
  if (!broker_state_) return;
  report_state(device, broker_state_->link, broker_state_->code, broker_state_->detail);
}

void MqttAdapter::on_message(BrokerMessage message, BrokerAck ack) {
  if (sink_ == nullptr) return ack(false);
  if (take_answer(message)) return ack(true);
  const std::vector<std::size_t> announced = availability_->owners_of(message.topic);
  for (const std::size_t place : announced) take_availability(devices_[place], message);
  const bool means_else = !announced.empty() || !answers_->owners_of(message.topic).empty() ||
                          written_topics_.contains(message.topic);
  const std::vector<std::size_t> owners = telemetry_->owners_of(message.topic);
  if (!owners.empty()) {
    return take_samples(devices_[owners.front()], std::move(message),
                        means_else ? Also::SomethingElse : Also::Nothing, ack);
  }
  if (!means_else && !take_newcomer(message)) {
    report_bad(nullptr, message, ErrorCode::BadPayload);
  }
  ack(true);
}

bool MqttAdapter::take_newcomer(const BrokerMessage& message) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    const Kind& kind = kinds_[i];
    if (const auto names = kind.topic->match(message.topic); names && !names->device.empty()) {
      if (!message.retained) heard_(i, names->device, message.topic, message.payload);
      return true;
    }
    for (const TopicTemplate& other : kind.others) {
      if (other.match(message.topic)) return true;
    }
  }
  return false;
}

bool MqttAdapter::take_answer(const BrokerMessage& message) {
  for (const std::size_t place : answers_->owners_of(message.topic)) {
    if (!writes_.on_answer(devices_[place].settings, message)) continue;
    plan_write_timer();
    return true;
  }
  return false;
}

void MqttAdapter::take_availability(Device& device, const BrokerMessage& message) {
  const AvailabilitySettings& settings = *device.settings.availability;
  std::string said = message.payload;
  if (const auto document = json::parse(message.payload)) {
    const auto place = JsonPlace::parse(settings.pointer);
    const json::Value* const found = place ? place->in(*document) : nullptr;
    if (found != nullptr) said = text_of(*found);
  }
  if (said == settings.online) {
    report_state(device, FieldState::Link::Up, {}, "announced itself on topic " + message.topic);
  } else if (said == settings.offline) {
    report_state(device, FieldState::Link::Down, ErrorCode::DeviceOffline,
                 "topic " + message.topic);
  } else {
    report_bad(&device, message, ErrorCode::BadPayload);
  }
}

void MqttAdapter::take_samples(Device& device, BrokerMessage message, Also also, BrokerAck ack) {
  // The broker sends a retained message again at every subscription. Only the first one of a topic
  // after the start can be news.
  if (message.retained && device.heard->contains(message.topic)) return ack(true);
  const auto names = device.topic ? device.topic->match(message.topic) : std::nullopt;
  auto samples = device.extractor->extract(message.payload, names.value_or(TopicNames{}));
  if (!samples) {
    if (also == Also::Nothing) report_bad(&device, message, samples.error().code);
    return ack(true);
  }
  // What the broker has kept says nothing of whether the device is there now.
  if (!message.retained || !device.settings.availability) {
    report_state(device, FieldState::Link::Up, {}, "topic " + message.topic);
  }
  // One acknowledgement for all samples, after the last of them. Shared by their answers.
  struct Stores {
    std::size_t left;
    bool again = false;
    BrokerAck ack;
  };
  const auto stores =
      std::make_shared<Stores>(Stores{.left = samples->size(), .ack = std::move(ack)});
  const std::size_t topics_max = std::max(kTopicsHeardMax, device.settings.tags.size());
  const Clock& clock = loop_.clock();
  for (Sample& sample : *samples) {
    if (!message.retained) {
      writes_.on_readings(device.settings.device, sample.readings, sample.at);
    }
    ReadingBatch batch{.device = device.settings.device,
                       .at = sample.at.value_or(clock.wall()),
                       .at_steady = clock.steady(),
                       .readings = std::move(sample.readings),
                       .timed_by_device = sample.at.has_value()};
    sink_->deliver(std::move(batch), [stores, topics_max, heard = device.heard,
                                      topic = message.topic](const Status& stored) {
      if (stored && heard->size() < topics_max) heard->insert(topic);
      stores->again |= wants_it_again(stored);
      if (--stores->left == 0) stores->ack(!stores->again);
    });
  }
  plan_write_timer();
}

void MqttAdapter::plan_write_timer() {
  loop_.cancel(std::exchange(write_timer_, {}));
  const auto deadline = writes_.deadline();
  if (!deadline) return;
  write_timer_ = loop_.call_at(*deadline, [this] {
    write_timer_ = {};
    writes_.on_timer(loop_.clock().steady());
    plan_write_timer();
  });
}

void MqttAdapter::on_message_dropped(std::string_view topic, ErrorCode code, std::string_view why) {
  if (sink_ == nullptr) return;
  const auto owners = telemetry_->owners_of(topic);
  report_bad(owners.empty() ? nullptr : &devices_[owners.front()],
             {.topic = std::string(topic), .payload = {}}, code, why);
}

void MqttAdapter::report_state(Device& device, FieldState::Link link, ErrorCode code,
                               std::string detail) {
  if (sink_ == nullptr) return;
  if (const auto& told = device.reported; told && told->link == link && told->code == code) {
    // Where it is heard changes from message to message; why there is nothing to hear is news.
    if (link == FieldState::Link::Up || told->detail == detail) return;
  }
  device.reported = FieldState{.link = link, .code = code, .detail = std::move(detail)};
  sink_->field_state(device.settings.device, *device.reported);
}

void MqttAdapter::report_bad(const Device* device, const BrokerMessage& message, ErrorCode code,
                             std::string_view why) {
  const auto bytes = std::as_bytes(std::span(message.payload));
  const auto kept = bytes.first(std::min(bytes.size(), BadInput::kSampleBytesMax));
  BadInput input{.device = {},
                 .source = "topic " + message.topic.substr(0, BadInput::kSampleBytesMax),
                 .code = code,
                 .sample = {kept.begin(), kept.end()}};
  if (!why.empty()) input.source.append(", ").append(why);
  if (device != nullptr) input.device = device->settings.device;
  sink_->bad_input(std::move(input));
}

}  // namespace hubward::mqtt
