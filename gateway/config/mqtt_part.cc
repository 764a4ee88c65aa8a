#include "gateway/config/mqtt_part.h"

#include <utility>

#include "gateway/config/attach_part.h"
#include "proto/mqtt/topic_template.h"

namespace hubward::config {
namespace {

constexpr std::string_view kPlaceholder = "{device}";

std::string with_name(std::string topic, const std::string& device) {
  if (const std::size_t at = topic.find(kPlaceholder); at != std::string::npos) {
    topic.replace(at, kPlaceholder.size(), device);
  }
  return topic;
}

bool is_template(const std::string& topic, const std::string& at, FileReport& report) {
  const auto parsed = mqtt::TopicTemplate::parse(topic);
  if (!parsed && report.clean(at)) {
    report.error(at, "topic", "\"topic\" cannot be used: " + parsed.error().context);
  }
  return parsed.has_value();
}

std::optional<mqtt::WriteSettings> write_settings(const TagFields& tag, const std::string& at,
                                                  const std::string& device, FileReport& report) {
  if (!tag.writable) {
    if (!tag.write_topic.empty() && report.clean(at + "/write_topic")) {
      report.error(at + "/write_topic", "writable",
                   "there is a topic for writes, but the tag is not \"writable\": true");
    }
    return std::nullopt;
  }
  if (tag.write_topic.empty()) {
    report.error(at + "/writable", "writable",
                 "a writable tag of an MQTT device needs a \"write_topic\", e.g. "
                 "\"plant/{device}/set\"");
    return std::nullopt;
  }
  mqtt::WriteSettings write;
  write.topic = with_name(tag.write_topic, device);
  if (write.topic.find_first_of("+#") != std::string::npos) {
    report.error(at + "/write_topic", "topic",
                 "\"write_topic\" cannot be used: a message goes to one topic, without + and #");
  }
  if (!tag.write_payload.empty()) write.payload = tag.write_payload;
  return write;
}

void set_samples(const MqttFields& fields, FileReport& report, mqtt::DeviceSettings& device) {
  const std::string at = "/attach/mqtt";
  device.each = fields.each;
  if (fields.each) check_json_pointer(*fields.each, at + "/each", report);
  device.time = fields.time;
  if (fields.time) check_json_pointer(fields.time->pointer, at + "/time/pointer", report);
  device.quality = fields.quality;
  if (fields.quality) check_json_pointer(fields.quality->pointer, at + "/quality/pointer", report);
}

void set_other_topics(const MqttFields& fields, FileReport& report, mqtt::DeviceSettings& device) {
  const std::string at = "/attach/mqtt";
  if (const auto& said = fields.availability) {
    is_template(said->topic, at + "/availability/topic", report);
    check_json_pointer(said->pointer, at + "/availability/pointer", report);
    device.availability = {said->topic, said->pointer, said->online, said->offline};
  }
  if (const auto& answer = fields.answer) {
    is_template(answer->topic, at + "/answer/topic", report);
    check_json_pointer(answer->id, at + "/answer/id", report);
    check_json_pointer(answer->error, at + "/answer/error", report);
    device.answer = {answer->topic, answer->id, answer->error};
  }
  device.answer_timeout = fields.answer_timeout;
}

}  // namespace

void attach_mqtt(const DeviceFile& file, const GatewayPart* gateway, FileReport& report,
                 DevicePart& part) {
  const MqttFields& fields = *file.attach.mqtt;
  mqtt::DeviceSettings device;
  device.device_name = fields.device.empty() ? file.id : fields.device;
  device.topic_template = fields.topic;
  // Of this device's messages only; empty after an error.
  if (report.clean("/attach") && report.clean("/id") &&
      is_template(fields.topic, "/attach/mqtt/topic", report)) {
    part.topic_filter = with_name(fields.topic, device.device_name);
  }
  set_samples(fields, report, device);
  set_other_topics(fields, report, device);
  part.description.kind = "mqtt";
  part.description.attached_to = "MQTT " + part.topic_filter;
  if (gateway != nullptr && !gateway->has_broker) {
    report.error("/attach/mqtt", "broker-missing",
                 "the device is attached by MQTT, but gateway.json names no \"broker\"; add one, "
                 "e.g. \"broker\": {\"host\": \"127.0.0.1\"}");
  }
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const TagFields& tag = file.tags[i];
    const std::string at = "/tags/" + std::to_string(i);
    check_json_pointer(tag.pointer, at + "/pointer", report);
    device.tags.push_back({TagIndex{static_cast<std::uint16_t>(i)}, tag.pointer,
                           write_settings(tag, at, device.device_name, report)});
  }
  if (report.clean("/attach")) part.attached = std::move(device);
}

}  // namespace hubward::config
