#include "gateway/device/telemetry.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/device/tag_json.h"

namespace hubward::device {
namespace {

constexpr const char* kBadProperty = "bad";

bool has_a_number_or_text(const TagValue& value) {
  const auto* number = std::get_if<double>(&value);
  return number == nullptr || std::isfinite(*number);
}

// It goes into the topic, which takes 64 KB with everything percent-encoded.
constexpr std::size_t kBadBytesMax = 4096;

// How long the property is then.
std::size_t add_bad(OutboxMessage& message, const std::string& tag, ErrorCode code) {
  const std::string entry = tag + "=" + std::string(words_for(code).label);
  for (auto& [name, value] : message.properties) {
    if (name != kBadProperty) continue;
    value += "," + entry;
    return value.size();
  }
  message.properties.emplace_back(kBadProperty, entry);
  return entry.size();
}

}  // namespace

OutboxMessage& PollMessages::message_for(const std::string& component, const ReadingBatch& batch,
                                         const RunStamp& stamp) {
  const auto open =
      std::find_if(messages_.begin() + static_cast<std::ptrdiff_t>(open_from_), messages_.end(),
                   [&](const OutboxMessage& message) { return message.component == component; });
  if (open != messages_.end()) return *open;
  OutboxMessage message;
  message.priority = Priority::Low;
  message.created = batch.at;
  message.since_boot = batch.at_steady.time_since_epoch();
  message.boot_id = stamp.boot_id;
  message.clock_trusted = stamp.clock_trusted;
  message.component = component;
  message.body = "{";
  return messages_.emplace_back(std::move(message));
}

void PollMessages::add(const TagReading& reading, const ReadingBatch& batch,
                       const RunStamp& stamp) {
  const TagDescription& tag = device_.tags[reading.tag.value];
  const bool good = reading.quality == Quality::Good && has_a_number_or_text(reading.value);
  if (!good && !tag.report.on_change) return;
  // A tag that comes again, as on a bus that cannot keep up, belongs to another message.
  if (told_[reading.tag.value]) seal();
  OutboxMessage& message = message_for(tag.component, batch, stamp);
  told_[reading.tag.value] = true;
  message.priority = std::max(message.priority, tag.priority);
  if (!good) {
    if (add_bad(message, tag.name, reading.code) >= kBadBytesMax) seal();
    return;
  }
  if (message.body.size() > 1) message.body += ',';
  append_json_string(message.body, tag.name);
  message.body += ':';
  append_json(message.body, reading.value);
  if (message.body.size() >= kBodyBytesMax) seal();
}

void PollMessages::seal() {
  open_from_ = messages_.size();
  told_.assign(told_.size(), false);
}

void PollMessages::add(const ReadingBatch& batch, const RunStamp& stamp) {
  for (const auto& reading : batch.readings) {
    if (reading.tag.value >= device_.tags.size() ||
        device_.tags[reading.tag.value].as != TagDescription::As::Telemetry) {
      continue;
    }
    if (filter_.passes(reading, batch.at_steady)) add(reading, batch, stamp);
  }
}

bool PollMessages::is_urgent() const {
  return std::ranges::any_of(
      messages_, [](const OutboxMessage& message) { return message.priority == Priority::Alarm; });
}

std::vector<OutboxMessage> PollMessages::take() {
  for (auto& message : messages_) message.body += '}';
  open_from_ = 0;
  told_.assign(told_.size(), false);
  return std::exchange(messages_, {});
}

}  // namespace hubward::device
