#include "gateway/device/properties.h"

#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/device/tag_json.h"

namespace hubward::device {
namespace {

// Of the values that are known, in the order of how much they tell of the plant. An answer needs
// one: where nothing is known it is the wish.
std::string known_value(const std::string& last, const std::string& reported,
                        const std::string& wish) {
  if (!last.empty()) return last;
  return reported.empty() ? wish : reported;
}

bool is_for_the_next_run(const WriteResult& result) {
  const bool untouched = result.outcome == WriteResult::Outcome::Refused ||
                         result.outcome == WriteResult::Outcome::Expired;
  return untouched && result.code == ErrorCode::Stopped;
}

std::string reported_value(const hub::DesiredProperty& property) {
  return property.answered ? property.answered->value : std::string{};
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
  const WishAnswer* const answer = answers_.find(key);
  return answer == nullptr ? hub::Acknowledgement{hub::AckCode::DeviceDefault, 0, {}} : answer->ack;
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
  const bool is_other = answers_.begin_whole(twin.desired.version);
  if (is_other) in_step_till_.reset();  // with this one we never were
  std::vector<Wish> wishes;
  for (const auto& property : twin.desired.properties) {
    const auto tag = find(property);
    if (!tag) {
      answers_.keep(property);
      continue;
    }
    const auto verdict = answers_.judge(property);
    if (verdict == WishAnswers::Verdict::Unheard) answer_again(property, *tag);
    if (verdict != WishAnswers::Verdict::New) continue;
    auto wish = take(property, *tag, too_old(device_.tags[tag->value]));
    if (wish) wishes.push_back(std::move(*wish));
  }
  answers_.end_whole();
  if (is_other) report_all();
  return wishes;
}

std::vector<Wish> Properties::on_patch(const hub::DesiredProperties& desired) {
  std::vector<Wish> wishes;
  for (const auto& property : desired.properties) {
    if (property.value == "null") {  // the wish was withdrawn: nothing to write
      answers_.withdraw({property.component, property.name});
      continue;
    }
    const auto tag = find(property);
    if (!tag) continue;  // of another part of the model; not ours to answer
    if (auto wish = take(property, *tag, false)) wishes.push_back(std::move(*wish));
  }
  return wishes;
}

bool Properties::too_old(const TagDescription& tag) const {
  if (!tag.wish_age_max) return false;
  return !in_step_till_ || twin_at_ - *in_step_till_ > *tag.wish_age_max;
}

std::optional<Wish> Properties::take(const hub::DesiredProperty& property, TagIndex index,
                                     bool is_too_old) {
  const TagDescription& tag = device_.tags[index.value];
  answers_.take(property);
  auto value = value_to_write(tag, property.value);
  if (value && is_too_old) {
    value = failure(ErrorCode::CommandExpired, ErrorKind::Permanent,
                    "not written: it was set while the device was away; set it again");
  }
  if (value) {
    return Wish{index, std::move(*value), property.value, property.version,
                reported_value(property)};
  }
  hub::Acknowledgement ack{hub::AckCode::Rejected, property.version, value.error().context};
  answers_.answer({tag.component, tag.name}, ack);
  report(tag, known_value(last_values_[index.value], reported_value(property), property.value),
         std::move(ack));
  return std::nullopt;
}

// The answer did not get there before a link or a run ended, or was overwritten.
void Properties::answer_again(const hub::DesiredProperty& property, TagIndex index) {
  const TagDescription& tag = device_.tags[index.value];
  const Key key{tag.component, tag.name};
  if (pending_.contains(key) || under_way_.contains(key)) return;
  hub::Acknowledgement ack = standing_ack(key);
  // What was written is newer than what the twin has.
  const std::string reported = ack.code == hub::AckCode::Done ? "" : reported_value(property);
  report(tag, known_value(last_values_[index.value], reported, property.value), std::move(ack));
}

// To a twin that has heard nothing of it. Answers to the wishes of another one are not for it.
void Properties::report_all() {
  for (std::size_t i = 0; i < device_.tags.size(); ++i) {
    const TagDescription& tag = device_.tags[i];
    if (tag.as != TagDescription::As::Property || last_values_[i].empty()) continue;
    std::optional<hub::Acknowledgement> ack;
    if (tag.writable) ack = standing_ack({tag.component, tag.name});
    report(tag, last_values_[i], std::move(ack));
  }
  for (auto& [key, property] : pending_) {
    if (property.ack) property.ack = standing_ack(key);
  }
}

Properties::Key Properties::key_of(const Wish& wish) const {
  const TagDescription& tag = device_.tags[wish.tag.value];
  return {tag.component, tag.name};
}

bool Properties::stands(const Wish& wish) const {
  const WishAnswer* const mine = answers_.find(key_of(wish));
  return mine != nullptr && mine->ack.version == wish.version && mine->wish == wish_mark(wish.json);
}

void Properties::on_waiting(const Wish& wish, const std::string& why) {
  if (!stands(wish)) return;
  const Key key = key_of(wish);
  answers_.put_back(key, "not written yet: " + why);
  report(device_.tags[wish.tag.value],
         known_value(last_values_[wish.tag.value], wish.before, wish.json), standing_ack(key));
}

bool Properties::try_again(const Wish& wish) {
  const WishAnswer* const mine = answers_.find(key_of(wish));
  const bool waits = mine != nullptr && mine->ack.version == wish.version && mine->wish.empty();
  if (waits) answers_.take_again(key_of(wish), wish.json);
  return waits;
}

void Properties::on_written(const Wish& wish, const WriteResult& result) {
  if (is_for_the_next_run(result)) {
    if (stands(wish)) answers_.put_back(key_of(wish), std::string(words_for(result.code).name));
    return;
  }
  const TagDescription& tag = device_.tags[wish.tag.value];
  std::string& last = last_values_[wish.tag.value];
  hub::Acknowledgement ack{hub::AckCode::Failed, wish.version, {}};
  if (result.read_back) last = to_json(*result.read_back);
  if (result.outcome == WriteResult::Outcome::Written) {
    ack.code = hub::AckCode::Done;
    ack.description = "written";
    if (!result.read_back) last = wish.json;
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
  const Key key = key_of(wish);
  const bool is_mine = stands(wish);
  if (is_mine) answers_.answer(key, ack);
  // Of a wish that was replaced or withdrawn meanwhile only the plant's value is of interest.
  if (!is_mine && last.empty()) return;
  report(tag, known_value(last, wish.before, wish.json),
         is_mine ? std::move(ack) : standing_ack(key));
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
