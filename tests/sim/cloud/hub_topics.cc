#include "tests/sim/cloud/hub_topics.h"

#include "proto/percent.h"

namespace hubward::simcloud {
namespace {

bool strip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string c2d_filter(std::string_view device_id) {
  return "devices/" + std::string(device_id) + "/messages/devicebound/#";
}

bool is_device_filter(std::string_view filter, std::string_view device_id) {
  return filter == kMethodFilter || filter == kTwinAnswerFilter || filter == kDesiredFilter ||
         filter == c2d_filter(device_id);
}

std::optional<TelemetryTopic> TelemetryTopic::parse(std::string_view topic,
                                                    std::string_view device_id) {
  if (!strip(topic, "devices/") || !strip(topic, device_id) || !strip(topic, "/messages/events")) {
    return std::nullopt;
  }
  if (!topic.empty() && !strip(topic, "/")) return std::nullopt;
  if (topic.ends_with('/')) topic.remove_suffix(1);
  // A slash inside a value must be escaped (section 3.5); raw it makes this another topic.
  if (topic.find('/') != std::string_view::npos) return std::nullopt;
  const auto pairs = split_bag(topic);
  if (!pairs) return std::nullopt;
  TelemetryTopic result;
  result.bag = topic;
  for (const auto& pair : *pairs) {
    const auto key = percent_decode(pair.key);
    const auto value = percent_decode(pair.value.value_or(""));
    if (!key || !value) return std::nullopt;
    if (*key == "$.mid") result.message_id = *value;
    // System properties count with their values only.
    result.property_bytes += value->size() + (key->starts_with("$.") ? 0 : key->size());
  }
  return result;
}

}  // namespace hubward::simcloud
