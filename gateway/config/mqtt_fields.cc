#include "gateway/config/mqtt_fields.h"

namespace hubward::config {
namespace {

using mqtt::PayloadForm;
using mqtt::TimeFormat;
using EachName = mqtt::DeviceSettings::EachName;

Codec<std::string> topic() { return text(1, 1024, "a topic such as \"plant/{device}/state\""); }

Codec<MqttTimeFields> time() {
  Record<MqttTimeFields> r("mqtt_time", "when a sample was taken, by the message's own word");
  r.optional("pointer", &MqttTimeFields::pointer, json_pointer(), "where the time stands");
  add_places(r);
  r.optional("type", &MqttTimeFields::serial_type, serial_type_codec(),
             "with \"byte\": how many bits it has, e.g. \"uint32\"");
  r.required("as", &MqttTimeFields::format,
             choice<TimeFormat>({{"iso8601", TimeFormat::Iso8601},
                                 {"unix_s", TimeFormat::UnixSeconds},
                                 {"unix_ms", TimeFormat::UnixMilliseconds},
                                 {"unix_us", TimeFormat::UnixMicroseconds}}),
             "how it is written: \"iso8601\" in UTC, or the time since 1970 in seconds, "
             "milliseconds or microseconds");
  return r.codec();
}

Codec<MqttQualityFields> quality() {
  Record<MqttQualityFields> r("mqtt_quality",
                              "whether a sample is good, by the message's own word");
  r.optional("pointer", &MqttQualityFields::pointer, json_pointer(), "where it says so");
  add_places(r);
  r.optional("type", &MqttQualityFields::serial_type, serial_type_codec(),
             "with \"byte\": how many bits it has, e.g. \"uint8\"");
  r.required("good", &MqttQualityFields::good, list_of(text(0, 64, "text"), 1, 16),
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
             "where the answer repeats what was sent as {id}; an answer with MQTT 5's correlation "
             "data needs none");
  r.optional("error", &MqttAnswerFields::error, json_pointer(),
             "where it says what went wrong; null, false, 0, \"\" or nothing there: it was done");
  r.optional("done", &MqttAnswerFields::done, list_of(text(0, 64, "text"), 0, 16),
             "for answers that are plain text or a single value, by MQTT 5's correlation data: "
             "what they say when it was done, e.g. [\"OK\"]; anything else is what went wrong");
  return r.codec();
}

}  // namespace

Codec<std::string> json_pointer() {
  return text(0, 1024, "^(/.*)?$", "a JSON Pointer such as \"/temperature\", or \"\"");
}

Codec<MqttFields> mqtt_codec() {
  Record<MqttFields> r("mqtt", "a device that publishes to the local MQTT broker");
  r.required("topic", &MqttFields::topic, topic(),
             "the topic it publishes to; {device} stands for its name there, {tag} and {component} "
             "for the tag whose value comes and its component; + and # are allowed");
  r.optional("device", &MqttFields::device, text(1, 255, "^[^/+#]+$", "a name without /, + and #"),
             "what {device} stands for; the device's id if left out");
  r.optional(
      "payload", &MqttFields::payload,
      choice<PayloadForm>({{"json", PayloadForm::Json},
                           {"text", PayloadForm::Text},
                           {"csv", PayloadForm::Csv},
                           {"binary", PayloadForm::Binary}}),
      "what a message is: JSON, plain text (one value, or several at fixed places), lines of "
      "separated columns (each line a sample), or bytes");
  r.optional(
      "each", &MqttFields::each, json_pointer(),
      "json: where an array or object stands in the message whose members are a sample each; "
      "the other pointers then lead into the sample. * stands for every member of an array "
      "or object: \"/groups/*/samples/*\"");
  r.optional("each_name", &MqttFields::each_name,
             choice<EachName>({{"nothing", EachName::Nothing},
                               {"tag", EachName::Tag},
                               {"component", EachName::Component}}),
             "with \"each\": what the name of a sample's member says, e.g. \"tag\" for "
             "{\"temp\": {\"v\": 21}, \"hum\": {\"v\": 48}}");
  r.optional("csv", &MqttFields::csv, csv_codec(), "csv: how its lines are made of columns");
  r.optional("record_bytes", &MqttFields::record_bytes, integer_as<std::size_t>(0, 65536),
             "binary: the bytes of one sample, where a message holds many; 0: it holds one");
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
