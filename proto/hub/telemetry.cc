#include "proto/hub/telemetry.h"

#include "proto/iso_time.h"
#include "proto/percent.h"

namespace hubward::hub {
namespace {

// What most topics stay below.
constexpr std::size_t kUsualTopicBytes = 256;

// Calls `take` with key (as it stands in the topic) and value of each system property.
template <class Take>
void each_system_property(const TelemetryProperties& properties, std::string_view created,
                          const Take& take) {
  const auto give = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) take(key, value);
  };
  give("%24.mid", properties.message_id);
  give("%24.ct", properties.content_type);
  give("%24.ce", properties.content_encoding);
  give("%24.sub", properties.component);
  give("%24.ctime", created);
}

std::string created_text(const TelemetryProperties& properties) {
  return properties.created_at ? to_iso8601(*properties.created_at) : std::string();
}

std::size_t size_of(const TelemetryProperties& properties, std::string_view created,
                    std::size_t body_bytes) {
  std::size_t bytes = body_bytes;
  each_system_property(properties, created,
                       [&](std::string_view, std::string_view value) { bytes += value.size(); });
  for (const auto& [key, value] : properties.user) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

std::size_t message_size(const TelemetryProperties& properties, std::size_t body_bytes) {
  return size_of(properties, created_text(properties), body_bytes);
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
  const std::string created_at = created_text(properties);
  if (const auto bytes = size_of(properties, created_at, body_bytes); bytes > kMaxMessageBytes) {
    return failure(ErrorCode::MessageTooLarge, ErrorKind::Permanent,
                   std::to_string(bytes) + " bytes with properties; a hub takes at most " +
                       std::to_string(kMaxMessageBytes));
  }
  std::string topic;
  topic.reserve(kUsualTopicBytes);
  topic += "devices/";
  topic += device_id;
  topic += "/messages/events/";
  const std::size_t bag = topic.size();
  const auto add = [&](std::string_view encoded_key, std::string_view value) {
    if (topic.size() > bag) topic += '&';
    topic += encoded_key;
    topic += '=';
    append_percent_encoded(topic, value);
  };
  each_system_property(properties, created_at, add);
  for (const auto& [key, value] : properties.user) add(percent_encode(key), value);
  if (topic.size() > kMaxTopicBytes) {
    return failure(ErrorCode::MessageTooLarge, ErrorKind::Permanent,
                   "the message's properties do not fit into an MQTT topic");
  }
  return topic;
}

}  // namespace hubward::hub
