#include "gateway/config/mqtt_part.h"

#include <utility>

#include "gateway/config/attach_part.h"
#include "gateway/config/mqtt_place.h"
#include "gateway/config/value_part.h"
#include "proto/mqtt/topic_template.h"

namespace hubward::config {
namespace {

using mqtt::PayloadForm;

std::string with(std::string topic, std::string_view placeholder, const std::string& name) {
  if (const std::size_t at = topic.find(placeholder); at != std::string::npos) {
    topic.replace(at, placeholder.size(), name);
  }
  return topic;
}

std::string with_name(std::string topic, const std::string& device) {
  return with(std::move(topic), "{device}", device);
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
  device.each_name = fields.each_name;
  if (fields.each && fields.payload != PayloadForm::Json && report.clean(at + "/each")) {
    report.error(at + "/each", "payload", "\"each\" is for JSON messages");
  }
  if (!fields.each && fields.each_name != mqtt::DeviceSettings::EachName::Nothing) {
    report.error(at + "/each_name", "payload", "\"each_name\" needs \"each\"");
  }
  if (fields.record_bytes != 0 && fields.payload != PayloadForm::Binary) {
    report.error(at + "/record_bytes", "payload", "\"record_bytes\" is for binary messages");
  }
  device.record_bytes = fields.record_bytes;
  device.csv = csv_form(fields.csv, at + "/csv", report);
  if (const auto& time = fields.time) {
    device.time = {mqtt_place(fields.payload, *time, false, at + "/time", report), time->format};
  }
  if (const auto& quality = fields.quality) {
    device.quality = {mqtt_place(fields.payload, *quality, false, at + "/quality", report),
                      quality->good};
  }
}

// How the value is written; nothing where a JSON value stays what it is.
std::optional<extract::ValueForm> value_form(const TagFields& tag, PayloadForm payload,
                                             const std::string& at, FileReport& report) {
  check_scale(tag, at, report);
  const bool says_something = tag.mqtt_type || tag.scale != 1 || tag.offset != 0 ||
                              tag.decimal_comma || !tag.unit_text.empty();
  if (payload == PayloadForm::Json && !says_something) return std::nullopt;
  if (payload != PayloadForm::Binary && binary_type(tag.serial_type) &&
      report.clean(at + "/type")) {
    report.error(at + "/type", "type",
                 "this type is one of bytes, in messages that are \"payload\": \"binary\"");
  }
  extract::ValueForm form;
  form.type = text_type(tag.serial_type);
  form.scale = tag.scale;
  form.offset = tag.offset;
  form.number = {tag.decimal_comma, bytes_at(tag.unit_text, at + "/unit_text", report)};
  form.utf8 = true;
  return form;
}

mqtt::TagSettings tag_settings(TagFields tag, TagIndex index, const MqttFields& fields,
                               bool may_be_whole, const std::string& at, FileReport& report) {
  tag.serial_type = tag.mqtt_type.value_or(SerialType::Number);
  mqtt::TagSettings settings;
  settings.tag = index;
  settings.where = mqtt_place(fields.payload, tag, may_be_whole, at, report);
  settings.form = value_form(tag, fields.payload, at, report);
  settings.named = tag.named.empty() ? tag.name : tag.named;
  settings.component_named = tag.component_named.empty() ? tag.component : tag.component_named;
  return settings;
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
    device.answer = {answer->topic, answer->id, answer->error, answer->done, {}};
    std::string asked_for = with_name(answer->topic, device.device_name);
    if (asked_for.find_first_of("+#{") == std::string::npos) {
      device.answer->response_topic = std::move(asked_for);
    }
  }
  device.answer_timeout = fields.answer_timeout;
}

// What a plain answer is known by there is only in MQTT 5, and only where it has one topic.
void check_done(const mqtt::DeviceSettings& device, const GatewayPart* gateway,
                FileReport& report) {
  const std::string at = "/attach/mqtt/answer/done";
  if (!device.answer || device.answer->done.empty()) return;
  if (device.answer->response_topic.empty()) {
    report.warning(at, "answer-done",
                   "it is never compared: a request can ask for an answer of plain text only where "
                   "\"topic\" is one topic, without +, #, {tag} and {component}");
  } else if (gateway != nullptr && gateway->settings.broker &&
             gateway->settings.broker->version != mqtt::Version::V5) {
    report.warning(at, "answer-done",
                   "it is never compared: an answer of plain text is known to be one only with "
                   "\"version\": \"5\" under \"broker\" in gateway.json");
  }
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
    part.topic_filter =
        with_name(with(with(fields.topic, "{component}", "+"), "{tag}", "+"), device.device_name);
  }
  device.payload = fields.payload;
  set_samples(fields, report, device);
  set_other_topics(fields, report, device);
  check_done(device, gateway, report);
  part.description.kind = "mqtt";
  part.description.attached_to = "MQTT " + part.topic_filter;
  if (gateway != nullptr && !gateway->has_broker) {
    report.error("/attach/mqtt", "broker-missing",
                 "the device is attached by MQTT, but gateway.json names no \"broker\"; add one, "
                 "e.g. \"broker\": {\"host\": \"127.0.0.1\"}");
  }
  const auto topic = mqtt::TopicTemplate::parse(fields.topic);
  const bool one_value = topic && topic->names_tag();
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const TagFields& tag = file.tags[i];
    const std::string at = "/tags/" + std::to_string(i);
    device.tags.push_back(
        tag_settings(tag, TagIndex{static_cast<std::uint16_t>(i)}, fields, one_value, at, report));
    device.tags.back().write = write_settings(tag, at, device.device_name, report);
  }
  if (report.clean("/attach")) part.attached = std::move(device);
}

}  // namespace hubward::config
