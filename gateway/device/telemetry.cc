#include "gateway/device/telemetry.h"

#include <algorithm>
#include <cmath>

#include "gateway/device/tag_json.h"

namespace hubward::device {
namespace {

bool has_a_number_or_text(const TagValue& value) {
  const auto* number = std::get_if<double>(&value);
  return number == nullptr || std::isfinite(*number);
}

OutboxMessage& message_for(std::vector<OutboxMessage>& messages, const std::string& component,
                           const ReadingBatch& batch, const RunStamp& stamp) {
  const auto found = std::find_if(messages.begin(), messages.end(), [&](const auto& message) {
    return message.component == component;
  });
  if (found != messages.end()) return *found;
  OutboxMessage message;
  message.priority = Priority::Low;
  message.created = batch.at;
  message.since_boot = batch.at_steady.time_since_epoch();
  message.boot_id = stamp.boot_id;
  message.clock_trusted = stamp.clock_trusted;
  message.component = component;
  return messages.emplace_back(std::move(message));
}

}  // namespace

std::vector<OutboxMessage> telemetry_messages(const DeviceDescription& device,
                                              const ReadingBatch& batch, const RunStamp& stamp) {
  std::vector<OutboxMessage> messages;
  for (const auto& reading : batch.readings) {
    if (reading.quality != Quality::Good || reading.tag.value >= device.tags.size()) continue;
    const TagDescription& tag = device.tags[reading.tag.value];
    if (tag.as != TagDescription::As::Telemetry || !has_a_number_or_text(reading.value)) continue;
    OutboxMessage& message = message_for(messages, tag.component, batch, stamp);
    message.priority = std::max(message.priority, tag.priority);
    message.body += message.body.empty() ? '{' : ',';
    append_json_string(message.body, tag.name);
    message.body += ':';
    append_json(message.body, reading.value);
  }
  for (auto& message : messages) message.body += '}';
  return messages;
}

}  // namespace hubward::device
