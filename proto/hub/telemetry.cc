#include "proto/hub/telemetry.h"

#include "proto/iso_time.h"
#include "proto/percent.h"

namespace hubward::hub {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs system_pairs(const TelemetryProperties& properties) {
  Pairs pairs;
  const auto add = [&pairs](const char* key, const std::string& value) {
    if (!value.empty()) pairs.emplace_back(key, value);
  };
  add("$.mid", properties.message_id);
  add("$.ct", properties.content_type);
  add("$.ce", properties.content_encoding);
  add("$.sub", properties.component);
  if (properties.created_at) add("$.ctime", to_iso8601(*properties.created_at));
  return pairs;
}

}  // namespace

std::size_t message_size(const TelemetryProperties& properties, std::size_t body_bytes) {
  std::size_t bytes = body_bytes;
  for (const auto& [key, value] : system_pairs(properties)) bytes += value.size();
  for (const auto& [key, value] : properties.user) bytes += key.size() + value.size();
  return bytes;
}

Result<std::string> telemetry_topic(std::string_view device_id,
                                    const TelemetryProperties& properties, std::size_t body_bytes) {
  if (properties.message_id.size() > kMaxMessageIdLength) {
    return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                   "a message id has at most 128 characters");
  }
  for (const auto& [key, value] : properties.user) {
    if (key.empty() || key.front() == '$') {
      return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                     "a message property needs a name that does not begin with $");
    }
  }
  if (const auto bytes = message_size(properties, body_bytes); bytes > kMaxMessageBytes) {
    return failure(ErrorCode::MessageTooLarge, ErrorKind::Permanent,
                   std::to_string(bytes) + " bytes with properties; a hub takes at most " +
                       std::to_string(kMaxMessageBytes));
  }
  Pairs pairs = system_pairs(properties);
  pairs.insert(pairs.end(), properties.user.begin(), properties.user.end());
  std::string topic = "devices/" + std::string(device_id) + "/messages/events/";
  bool first = true;
  for (const auto& [key, value] : pairs) {
    if (!first) topic += '&';
    first = false;
    topic += percent_encode(key) + "=" + percent_encode(value);
  }
  if (topic.size() > kMaxTopicBytes) {
    return failure(ErrorCode::MessageTooLarge, ErrorKind::Permanent,
                   "the message's properties do not fit into an MQTT topic");
  }
  return topic;
}

}  // namespace hubward::hub
