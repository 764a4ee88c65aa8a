// What a device's file says about how it speaks on the local MQTT broker.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mqtt/settings.h"
#include "gateway/config/record.h"

namespace hubward::config {

struct MqttAnswerFields {
  std::string topic;
  std::string id = "/id";
  std::string error = "/error";
};

struct MqttAvailabilityFields {
  std::string topic;
  std::string pointer;
  std::string online = "online";
  std::string offline = "offline";
};

struct MqttFields {
  std::string topic;
  std::string device;  // empty: the device's id
  std::optional<std::string> each;
  std::optional<mqtt::TimeSettings> time;
  std::optional<mqtt::QualitySettings> quality;
  std::optional<MqttAvailabilityFields> availability;
  std::optional<MqttAnswerFields> answer;
  std::chrono::milliseconds answer_timeout{5000};
};

[[nodiscard]] Codec<MqttFields> mqtt_codec();
// A place in a JSON text.
[[nodiscard]] Codec<std::string> json_pointer();

}  // namespace hubward::config
