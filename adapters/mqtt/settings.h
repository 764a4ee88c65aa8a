// What the configuration says about devices that publish to the local MQTT broker.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/reading.h"

namespace hubward::mqtt {

// How a write to a tag goes to the device.
struct WriteSettings {
  std::string topic;  // without placeholders but {device}
  // {value}: the value as JSON; {text}: the same without quotes; {id}: names this write, for the
  // answer.
  std::string payload = "{value}";
};

struct TagSettings {
  TagIndex tag;
  std::string pointer;  // JSON Pointer (RFC 6901) into the sample; "" is the whole of it
  std::optional<WriteSettings> write{};  // only of a writable tag
};

enum class TimeFormat : std::uint8_t { Iso8601, UnixSeconds, UnixMilliseconds, UnixMicroseconds };

// When a sample was taken, by its own word.
struct TimeSettings {
  std::string pointer;
  TimeFormat format = TimeFormat::Iso8601;
};

// Whether a sample is good, by its own word.
struct QualitySettings {
  std::string pointer;
  std::vector<std::string> good;  // as text: "good", "192", "true"
};

// Where the device, or its last will, says whether it is there.
struct AvailabilitySettings {
  std::string topic_template;
  std::string pointer;  // into the payload, if that is JSON; "" is all of it, plain text as well
  std::string online = "online";
  std::string offline = "offline";
};

// Where the device says what became of a write. All pointers lead into the answer's payload.
struct AnswerSettings {
  std::string topic_template;
  std::string id_pointer;  // to what was sent as {id}
  std::string
      error_pointer;  // to words or a number; null, false, 0, "" or nothing there: it did it
};

struct DeviceSettings {
  DeviceIndex device;
  std::string device_name;     // what {device} stands for in the templates
  std::string topic_template;  // e.g. "plant/{device}/telemetry"; + allowed, # at the end
  // JSON Pointer to an array or object each of whose members is a sample; pointers lead into it.
  std::optional<std::string> each{};
  std::optional<TimeSettings> time{};
  std::optional<QualitySettings> quality{};
  std::optional<AvailabilitySettings> availability{};
  std::optional<AnswerSettings> answer{};
  std::chrono::milliseconds answer_timeout{5000};
  std::vector<TagSettings> tags;
};

}  // namespace hubward::mqtt
