#include "gateway/device/properties.h"

#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/device/tag_json.h"
#include "proto/json.h"

namespace hubward::device {
namespace {

// The value that was reported last for a property, as JSON text; empty if there is none.
std::string reported_value(const std::string& reported, const hub::DesiredProperty& property) {
  const auto document = json::parse(reported, {.bytes_max = hub::kMaxTwinBytes * 2});
  if (!document) return {};
  const json::Value* scope = &*document;
  if (!property.component.empty()) scope = json::find(*scope, property.component);
  const json::Value* entry = scope == nullptr ? nullptr : json::find(*scope, property.name);
  const json::Value* value = entry == nullptr ? nullptr : json::find(*entry, "value");
  return value == nullptr ? std::string{} : json::to_text(*value);
}

}  // namespace

Properties::Properties(const DeviceDescription& device)
    : device_(device), last_values_(device.tags.size()) {
  for (const auto& tag : device.tags) {
    const bool known =
        std::find(components_.begin(), components_.end(), tag.component) != components_.end();
    if (!tag.component.empty() && !known) components_.push_back(tag.component);
  }
}

void Properties::on_reading(const TagReading& reading) {
  if (reading.quality != Quality::Good || reading.tag.value >= device_.tags.size()) return;
  const TagDescription& tag = device_.tags[reading.tag.value];
  if (tag.as != TagDescription::As::Property) return;
  std::string json = to_json(reading.value);
  std::string& last = last_values_[reading.tag.value];
  if (json == last) return;
  last = json;
  std::optional<hub::Acknowledgement> ack;
  if (tag.writable) ack = standing_ack({tag.component, tag.name});
  report(tag, std::move(json), std::move(ack));
}

// Before any wish the device's own value stands: code 203, version 0.
hub::Acknowledgement Properties::standing_ack(const Key& key) const {
  const auto answered = answered_.find(key);
  if (answered == answered_.end()) return {hub::AckCode::DeviceDefault, 0, {}};
  return answered->second.ack;
}

std::optional<TagIndex> Properties::find(const hub::DesiredProperty& property) const {
  for (std::size_t i = 0; i < device_.tags.size(); ++i) {
    const auto& tag = device_.tags[i];
    if (tag.name == property.name && tag.component == property.component) {
      return TagIndex{static_cast<std::uint16_t>(i)};
    }
  }
  return std::nullopt;
}

std::vector<Wish> Properties::on_twin(const hub::Twin& twin, SteadyTime now) {
  twin_at_ = now;
  return take(twin.desired, true, twin.reported);
}

std::vector<Wish> Properties::on_patch(const hub::DesiredProperties& desired) {
  return take(desired, false, {});
}

bool Properties::answered_before(const hub::DesiredProperty& property, bool whole,
                                 const std::string& reported) const {
  const auto mine = answered_.find({property.component, property.name});
  if (mine != answered_.end() && mine->second.version >= property.version) return true;
  if (!whole) return false;
  // The version is the whole document's: it also moves when another property changes. An old
  // setpoint must not be written once more because of that, so the value decides.
  if (mine != answered_.end()) return mine->second.json == property.value;
  if (!property.acknowledged) return false;
  return *property.acknowledged >= property.version ||
         reported_value(reported, property) == property.value;
}

bool Properties::too_old(const TagDescription& tag) const {
  if (!tag.wish_age_max) return false;
  return !in_step_till_ || twin_at_ - *in_step_till_ > *tag.wish_age_max;
}

std::vector<Wish> Properties::take(const hub::DesiredProperties& desired, bool whole,
                                   const std::string& reported) {
  std::vector<Wish> wishes;
  for (const auto& property : desired.properties) {
    if (property.value == "null") continue;  // the wish was withdrawn: nothing to write
    const auto tag = find(property);
    if (!tag) continue;  // of another part of the model; not ours to answer
    if (answered_before(property, whole, reported)) continue;
    const Key key{property.component, property.name};
    Answered& answered = answered_[key];
    answered = {property.version, property.value, {hub::AckCode::InProgress, property.version, {}}};
    const TagDescription& description = device_.tags[tag->value];
    auto value = value_to_write(description, property.value);
    if (value && whole && too_old(description)) {
      value = failure(ErrorCode::CommandExpired, ErrorKind::Permanent,
                      "not written: it was set while the device was away; set it again");
    }
    if (!value) {
      const std::string& last = last_values_[tag->value];
      answered.ack.code = hub::AckCode::Rejected;
      answered.ack.description = value.error().context;
      report(description, last.empty() ? property.value : last, answered.ack);
      continue;
    }
    wishes.push_back({*tag, std::move(*value), property.value, property.version});
  }
  return wishes;
}

void Properties::on_written(const Wish& wish, const WriteResult& result) {
  const TagDescription& tag = device_.tags[wish.tag.value];
  std::string& last = last_values_[wish.tag.value];
  hub::Acknowledgement ack{hub::AckCode::Failed, wish.version, {}};
  std::string value = last.empty() ? wish.json : last;
  if (result.read_back) value = to_json(*result.read_back);
  if (result.outcome == WriteResult::Outcome::Written) {
    ack.code = hub::AckCode::Done;
    ack.description = "written";
    if (!result.read_back) value = wish.json;
  } else if (result.outcome == WriteResult::Outcome::Sent) {
    ack.code = hub::AckCode::InProgress;
    ack.description = "sent to all units of the line; nobody confirms it";
  } else {
    // The wish itself is at fault, not the equipment.
    const bool unfit = result.code == ErrorCode::BadValue || result.code == ErrorCode::OutOfRange;
    if (result.outcome == WriteResult::Outcome::Refused && unfit) ack.code = hub::AckCode::Rejected;
    ack.description = std::string(words_for(result.code).name);
    if (!result.detail.empty()) ack.description += ": " + result.detail;
  }
  last = value;
  const auto answered = answered_.find({tag.component, tag.name});
  const bool newest = answered != answered_.end() && answered->second.version == wish.version;
  if (newest) answered->second.ack = ack;
  report(tag, std::move(value), std::move(ack));
}

void Properties::report(const TagDescription& tag, std::string value,
                        std::optional<hub::Acknowledgement> ack) {
  pending_[{tag.component, tag.name}] = {tag.component, tag.name, std::move(value), std::move(ack)};
}

std::optional<std::string> Properties::take_report() {
  if (pending_.empty() || !under_way_.empty()) return std::nullopt;
  std::vector<hub::ReportedProperty> properties;
  for (const auto& [key, property] : pending_) properties.push_back(property);
  auto patch = hub::reported_patch(properties);
  if (!patch) {
    // Something in it no twin may hold; the binder refuses such names, so it is a foreign value.
    pending_.clear();
    return std::nullopt;
  }
  under_way_ = std::move(pending_);
  pending_.clear();
  return std::move(*patch);
}

void Properties::report_accepted() { under_way_.clear(); }

void Properties::report_failed() {
  pending_.merge(under_way_);  // keeps what has changed since
  under_way_.clear();
}

void Properties::report_refused() { under_way_.clear(); }

}  // namespace hubward::device
