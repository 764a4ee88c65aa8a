// What the configuration says about devices that publish to the local MQTT broker.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/reading.h"
#include "proto/extract/binary_field.h"
#include "proto/extract/csv.h"
#include "proto/extract/place.h"
#include "proto/extract/value.h"

namespace hubward::mqtt {

using extract::BinaryField;
using extract::CsvColumn;
using extract::FixedColumns;
using extract::JsonMember;

enum class PayloadForm : std::uint8_t {
  Json,
  Text,    // one value, or several at fixed places
  Csv,     // each line a sample
  Binary,  // one sample, or records of one length
};

struct WholeText {};
// Where a value stands in a sample; which of them can be meant follows from the payload's form.
using Place = std::variant<JsonMember, WholeText, FixedColumns, CsvColumn, BinaryField>;

// How a write to a tag goes to the device.
struct WriteSettings {
  std::string topic;  // without placeholders but {device}
  // {value}: the value as JSON; {text}: the same without quotes; {id}: names this write, for the
  // answer.
  std::string payload = "{value}";
};

struct TagSettings {
  TagIndex tag;
  Place where{};                         // in the sample
  std::optional<WriteSettings> write{};  // only of a writable tag
  // How it is written; nothing: a JSON value as it is, a text as a number.
  std::optional<extract::ValueForm> form{};
  // What it is called where the topic, or a member's name, says which tag or component comes.
  std::string named{};
  std::string component_named{};
};

enum class TimeFormat : std::uint8_t { Iso8601, UnixSeconds, UnixMilliseconds, UnixMicroseconds };

// When a sample was taken, by its own word.
struct TimeSettings {
  Place where;
  TimeFormat format = TimeFormat::Iso8601;
};

// Whether a sample is good, by its own word.
struct QualitySettings {
  Place where;
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
  // What an answer that is no JSON object says when it did it; anything else is what went wrong.
  std::vector<std::string> done{};
  // MQTT 5: where a request asks to be answered; empty if the template has wildcards.
  std::string response_topic{};
};

struct DeviceSettings {
  DeviceIndex device;
  std::string device_name;  // what {device} stands for in the templates
  // E.g. "plant/{device}/telemetry"; {component} and {tag}, +, and # at the end
  std::string topic_template;
  PayloadForm payload = PayloadForm::Json;
  // JSON: where the samples are, as JsonMembers takes it; the pointers lead into one of them.
  std::optional<std::string> each{};
  // What the name of a sample's member says.
  enum class EachName : std::uint8_t { Nothing, Component, Tag } each_name = EachName::Nothing;
  extract::CsvForm csv{};
  std::size_t record_bytes = 0;  // Binary: of one sample; 0: the payload is one
  std::optional<TimeSettings> time{};
  std::optional<QualitySettings> quality{};
  std::optional<AvailabilitySettings> availability{};
  std::optional<AnswerSettings> answer{};
  std::chrono::milliseconds answer_timeout{5000};
  std::vector<TagSettings> tags;
};

}  // namespace hubward::mqtt
