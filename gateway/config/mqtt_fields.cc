#include "gateway/config/mqtt_fields.h"

namespace hubward::config {
namespace {

using mqtt::QualitySettings;
using mqtt::TimeFormat;
using mqtt::TimeSettings;

Codec<std::string> topic() { return text(1, 1024, "a topic such as \"plant/{device}/state\""); }

Codec<TimeSettings> time() {
  Record<TimeSettings> r("mqtt_time", "when a sample was taken, by the message's own word");
  r.required("pointer", &TimeSettings::pointer, json_pointer(), "where the time stands");
  r.required("as", &TimeSettings::format,
             choice<TimeFormat>({{"iso8601", TimeFormat::Iso8601},
                                 {"unix_s", TimeFormat::UnixSeconds},
                                 {"unix_ms", TimeFormat::UnixMilliseconds},
                                 {"unix_us", TimeFormat::UnixMicroseconds}}),
             "how it is written: \"iso8601\" in UTC, or the time since 1970 in seconds, "
             "milliseconds or microseconds");
  return r.codec();
}

Codec<QualitySettings> quality() {
  Record<QualitySettings> r("mqtt_quality", "whether a sample is good, by the message's own word");
  r.required("pointer", &QualitySettings::pointer, json_pointer(), "where it says so");
  r.required("good", &QualitySettings::good, list_of(text(0, 64, "text"), 1, 16),
             "what stands there when it is good, e.g. [\"good\", \"192\"]; anything else, or "
             "nothing, makes its values bad");
  return r.codec();
}

Codec<MqttAvailabilityFields> availability() {
  Record<MqttAvailabilityFields> r("mqtt_availability",
                                   "where the device, or its last will, says whether it is there");
  r.required("topic", &MqttAvailabilityFields::topic, topic(),
             "the topic it is said on; {device} stands for its name there");
  r.optional("pointer", &MqttAvailabilityFields::pointer, json_pointer(),
             "where it stands in a JSON message; left out: the whole message, plain text as well");
  r.optional("online", &MqttAvailabilityFields::online, text(1, 64, "text"),
             "what is said when it is there");
  r.optional("offline", &MqttAvailabilityFields::offline, text(1, 64, "text"),
             "what is said when it is not");
  return r.codec();
}

Codec<MqttAnswerFields> answer() {
  Record<MqttAnswerFields> r("mqtt_answer", "where the device says what became of a write");
  r.required("topic", &MqttAnswerFields::topic, topic(),
             "the topic of its answers; {device} stands for its name there");
  r.optional("id", &MqttAnswerFields::id, json_pointer(),
             "where the answer repeats what was sent as {id}");
  r.optional("error", &MqttAnswerFields::error, json_pointer(),
             "where it says what went wrong; null, false, 0, \"\" or nothing there: it was done");
  return r.codec();
}

}  // namespace

Codec<std::string> json_pointer() {
  return text(0, 1024, "^(/.*)?$", "a JSON Pointer such as \"/temperature\", or \"\"");
}

Codec<MqttFields> mqtt_codec() {
  Record<MqttFields> r("mqtt", "a device that publishes to the local MQTT broker");
  r.required("topic", &MqttFields::topic, topic(),
             "the topic it publishes to; {device} stands for its name there, + and # are allowed");
  r.optional("device", &MqttFields::device, text(1, 255, "^[^/+#]+$", "a name without /, + and #"),
             "what {device} stands for; the device's id if left out");
  r.optional("each", &MqttFields::each, json_pointer(),
             "where an array or object stands in the message whose members are a sample each; the "
             "other pointers then lead into the sample");
  r.optional("time", &MqttFields::time, time(),
             "where a sample says when it was taken; without it, or if it makes no sense, the time "
             "at which the message came counts");
  r.optional("quality", &MqttFields::quality, quality(), "where a sample says whether it is good");
  r.optional("availability", &MqttFields::availability, availability(),
             "where the device says whether it is there");
  r.optional("answer", &MqttFields::answer, answer(),
             "where the device says what became of a write; without it a write counts as done when "
             "the tag is heard with the new value");
  r.optional("answer_timeout_ms", &MqttFields::answer_timeout, milliseconds(100, 600000),
             "how long that may take; after it nobody knows whether the device did it");
  return r.codec();
}

}  // namespace hubward::config
