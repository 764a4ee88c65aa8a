// What a device's file says about how it speaks on the local MQTT broker.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mqtt/settings.h"
#include "gateway/config/record.h"
#include "gateway/config/serial_fields.h"

namespace hubward::config {

struct MqttAnswerFields {
  std::string topic;
  std::string id = "/id";
  std::string error = "/error";
  std::vector<std::string> done;
};

struct MqttAvailabilityFields {
  std::string topic;
  std::string pointer;
  std::string online = "online";
  std::string offline = "offline";
};

// Where they stand is said as for a tag.
struct MqttTimeFields : SerialTagFields {
  mqtt::TimeFormat format = mqtt::TimeFormat::Iso8601;
};
struct MqttQualityFields : SerialTagFields {
  std::vector<std::string> good;
};

struct MqttFields {
  std::string topic;
  mqtt::PayloadForm payload = mqtt::PayloadForm::Json;
  std::string device;  // empty: the device's id
  std::optional<std::string> each;
  mqtt::DeviceSettings::EachName each_name = mqtt::DeviceSettings::EachName::Nothing;
  CsvFields csv;
  std::size_t record_bytes = 0;
  std::optional<MqttTimeFields> time;
  std::optional<MqttQualityFields> quality;
  std::optional<MqttAvailabilityFields> availability;
  std::optional<MqttAnswerFields> answer;
  std::chrono::milliseconds answer_timeout{5000};
};

[[nodiscard]] Codec<MqttFields> mqtt_codec();
// A place in a JSON text.
[[nodiscard]] Codec<std::string> json_pointer();

}  // namespace hubward::config
