#include "gateway/observe/condition.h"

#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/observe/plain_words.h"

namespace hubward::observe {
namespace {

// Tags that a sentence names; more would not be read.
constexpr std::size_t kNamed = 3;
// So much came without one usable value that it is no accident; or it is long ago that something
// came, and nothing better did since.
constexpr std::uint64_t kUselessMin = 3;
constexpr std::chrono::seconds kUselessFor{60};

struct TagSummary {
  std::size_t all = 0;  // those that can have a value
  std::size_t seen = 0, bad = 0, stale = 0;
  std::vector<std::size_t> bad_ones, never_seen;
  bool twice = false;  // some tag has been heard more than once
  std::optional<WallTime> newest;
};

TagSummary summarize_tags(const DeviceView& view, WallTime now) {
  TagSummary summary;
  for (std::size_t i = 0; i < view.status.tags.size(); ++i) {
    const TagStatus& tag = view.status.tags[i];
    if (tag.last || !is_only_written(view, i)) ++summary.all;
    if (!tag.last) {
      if (!is_only_written(view, i)) summary.never_seen.push_back(i);
      continue;
    }
    ++summary.seen;
    if (tag.last->quality == Quality::Bad) {
      ++summary.bad;
      summary.bad_ones.push_back(i);
    }
    if (view.usual_gap[i]) summary.twice = true;
    if (is_stale(view, i, now)) ++summary.stale;
    if (!summary.newest || tag.at > *summary.newest) summary.newest = tag.at;
  }
  return summary;
}

std::string name_of(const DeviceView& view, std::size_t tag) {
  if (view.description == nullptr || tag >= view.description->tags.size()) return "a tag";
  const TagDescription& described = view.description->tags[tag];
  return shown_text(described.component.empty() ? described.name
                                                : described.component + "." + described.name);
}

template <class Words>
std::string listed(const std::vector<std::size_t>& tags, Words words_of, std::string_view between) {
  std::string words;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (i == kNamed) return words + " and " + std::to_string(tags.size() - i) + " more";
    if (i > 0) words += between;
    words += words_of(tags[i]);
  }
  return words;
}

// "ghost: illegal data address; energy: ..."
std::string bad_words(const DeviceView& view, const std::vector<std::size_t>& tags) {
  return listed(
      tags,
      [&](std::size_t tag) {
        const TagReading& last = *view.status.tags[tag].last;
        return name_of(view, tag) + ": " +
               (last.detail.empty() ? lower_first(std::string(words_for(last.code).name))
                                    : shown_text(last.detail));
      },
      "; ");
}

bool acknowledgements_missing(const DeviceView& view, WallTime now) {
  const DeviceStatus& status = view.status;
  if (status.cloud != CloudState::Online || status.outbox.waiting == 0) return false;
  WallTime last = status.cloud_since;
  if (status.last_delivered) last = std::max(last, *status.last_delivered);
  // What waits may be younger than the last acknowledgement.
  if (status.outbox.oldest_waiting) last = std::max(last, *status.outbox.oldest_waiting);
  return now - last > kAckPauseMax;
}

void explain(Condition& condition, ErrorCode code, std::string_view detail) {
  const FailureWords& words = words_for(code);
  condition.failure = code;
  condition.reason = words.meaning;
  condition.gateway_does = words.gateway_does;
  condition.person_does = words.person_does;
  condition.detail = shown_text(detail);
}

void explain_useless(Condition& condition, const UselessInput& input) {
  condition.severity = Severity::Warning;
  condition.since = input.since;
  explain(condition, input.code, {});
  condition.state = "Nothing that it sends is understood";
  condition.reason = useless_words(input) + " " + condition.reason;
  if (!input.sample.empty()) condition.detail = "last: " + shown_text(input.sample);
}

// The cloud side when the device is not online.
Condition offline_condition(const DeviceView& view) {
  const DeviceStatus& status = view.status;
  Condition condition;
  condition.since = view.offline_since.value_or(status.cloud_since);
  condition.next_attempt = status.next_attempt;
  const std::string hub = short_hub(status.assigned_hub);
  switch (status.cloud) {
    case CloudState::Starting:
    case CloudState::Online:
      condition.state = "Starting";
      break;
    case CloudState::WaitingForTurn:
      condition.state = "Waiting for its turn to connect";
      break;
    case CloudState::Provisioning:
      condition.state = "Asking the cloud for its hub";
      break;
    case CloudState::Connecting:
      condition.state = "Connecting to " + (hub.empty() ? "its hub" : hub);
      break;
    case CloudState::BackingOff:
    case CloudState::WaitingForOperator:
      condition.state = status.cloud_failure ? std::string(words_for(*status.cloud_failure).name)
                                             : "Waiting to try again";
      break;
    case CloudState::Stopped:
      condition.state = "Stopped";
      return condition;
  }
  if (status.cloud_failure) explain(condition, *status.cloud_failure, status.cloud_detail);
  const bool failed = status.cloud_failure.has_value() || status.cloud == CloudState::BackingOff;
  if (failed) condition.severity = Severity::Warning;
  if (status.cloud == CloudState::WaitingForOperator) condition.severity = Severity::Alarm;
  return condition;
}

Condition online_condition(const DeviceView& view, WallTime now) {
  const DeviceStatus& status = view.status;
  const std::string hub = short_hub(status.assigned_hub);
  const TagSummary tags = summarize_tags(view, now);
  Condition condition;
  condition.since = std::max(status.cloud_since, status.field_since);
  if (acknowledgements_missing(view, now)) {
    condition.severity = Severity::Warning;
    explain(condition, ErrorCode::PubackMissing, {});
    condition.state = words_for(ErrorCode::PubackMissing).name;
    return condition;
  }
  if (tags.seen == 0) {
    condition.state = "Connected, no reading yet";
    if (is_useless(status.useless, now)) explain_useless(condition, status.useless);
    return condition;
  }
  if (tags.stale == tags.seen) {
    if (is_useless(status.useless, now)) {
      explain_useless(condition, status.useless);
      return condition;
    }
    condition.severity = Severity::Warning;
    condition.since = *tags.newest;
    condition.state = "No new readings";
    condition.reason = "The equipment was heard before, and has sent nothing new since.";
    condition.gateway_does = "Keeps listening; everything received before is safe.";
    condition.person_does = "Check that the equipment is switched on and connected.";
    return condition;
  }
  condition.delivering = true;
  if (tags.bad > 0) {
    condition.severity = Severity::Warning;
    explain(condition, status.tags[tags.bad_ones.front()].last->code,
            bad_words(view, tags.bad_ones));
    condition.state = tags.bad == tags.seen
                          ? "Delivering, but no value is usable"
                          : "Delivering, " + std::to_string(tags.bad) + " of " +
                                counted(tags.all, "value", "values") + " not usable";
    return condition;
  }
  condition.state = hub.empty() ? "Delivering" : "Delivering to " + hub;
  condition.severity = Severity::Normal;
  if (status.cloud_trouble) {
    condition.severity = Severity::Warning;
    explain(condition, *status.cloud_trouble, {});
    condition.state += "; " + lower_first(std::string(words_for(*status.cloud_trouble).name));
    return condition;
  }
  // It may be right: an alarm that has never been raised. So it is said, and is no warning.
  if (tags.twice && !tags.never_seen.empty()) {
    condition.state += "; " + std::to_string(tags.never_seen.size()) + " of " +
                       counted(tags.all, "value", "values") + " never came";
    condition.reason =
        listed(
            tags.never_seen, [&](std::size_t tag) { return name_of(view, tag); }, ", ") +
        (tags.never_seen.size() == 1 ? " has" : " have") +
        " not been in anything that the device has sent since hubward started.";
    condition.person_does =
        "If it should have come by now: compare its place in the device's file (a JSON pointer "
        "with upper and lower case) with what the device sends; after a change there restart "
        "hubward.";
  }
  return condition;
}

Stage reading_stage(const DeviceView& view, WallTime now) {
  const TagSummary tags = summarize_tags(view, now);
  Stage stage{"Reading", StageState::Ok, {}, tags.newest};
  if (tags.seen == 0 && is_useless(view.status.useless, now)) {
    stage.state = StageState::Stopped;
    stage.text = "not understood";
  } else if (tags.seen == 0) {
    stage.state = StageState::Unknown;
    stage.text = "none yet";
  } else if (view.status.field.link == FieldState::Link::Down) {
    stage.state = StageState::Waiting;
  } else if (tags.stale == tags.seen) {
    stage.state = StageState::Stopped;
    stage.text = is_useless(view.status.useless, now) ? "not understood" : "nothing new";
  } else if (tags.bad > 0) {
    stage.state = tags.bad == tags.seen ? StageState::Stopped : StageState::Partly;
    stage.text = std::to_string(tags.bad) + " of " + std::to_string(tags.all) + " bad";
  }
  return stage;
}

Stage stored_stage(const DeviceView& view) {
  const OutboxCounts& outbox = view.status.outbox;
  Stage stage{"Stored", StageState::Ok, {}, std::nullopt};
  const std::uint64_t dropped = outbox.dropped - std::min(outbox.dropped, view.dropped_at_start);
  const std::uint64_t expired = outbox.expired - std::min(outbox.expired, view.expired_at_start);
  const std::uint64_t not_taken = outbox.refused + outbox.unstored;
  if (not_taken > 0) {
    stage.state = StageState::Partly;
    stage.text = count_words(not_taken) + " not stored";
  } else if (dropped > 0) {
    stage.state = StageState::Partly;
    stage.text = count_words(dropped) + " oldest dropped";
  } else if (expired > 0) {
    stage.state = StageState::Partly;
    stage.text = count_words(expired) + " too old, dropped";
  } else if (outbox.waiting > 0) {
    stage.text = count_words(outbox.waiting) + " waiting";
  } else if (outbox.appended == 0) {
    stage.state = StageState::Unknown;
    stage.text = "none yet";
  } else {
    stage.text = "none waiting";
  }
  return stage;
}

Stage sent_stage(const DeviceView& view) {
  const DeviceStatus& status = view.status;
  const std::string hub = short_hub(status.assigned_hub);
  Stage stage{"Sent", StageState::Waiting, {}, std::nullopt};
  if (status.cloud == CloudState::Online) {
    stage.state = StageState::Ok;
    stage.text = hub;
  } else if (status.cloud_failure) {
    stage.state = StageState::Stopped;
    stage.text = words_for(*status.cloud_failure).name;
  } else {
    stage.text = offline_condition(view).state;
  }
  return stage;
}

}  // namespace

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::Normal:
      return "normal";
    case Severity::Busy:
      return "busy";
    case Severity::Warning:
      return "warning";
    case Severity::Alarm:
      return "alarm";
  }
  return "alarm";
}

std::string_view stage_word(StageState state) {
  switch (state) {
    case StageState::Ok:
      return "ok";
    case StageState::Waiting:
      return "waiting";
    case StageState::Partly:
      return "partly";
    case StageState::Stopped:
      return "stopped";
    case StageState::Unknown:
      return "unknown";
  }
  return "unknown";
}

std::string short_hub(std::string_view assigned_hub) {
  constexpr std::string_view kAzure = ".azure-devices.net";
  const std::string_view host = assigned_hub.substr(0, assigned_hub.rfind(':'));
  return shown_text(host.ends_with(kAzure) ? host.substr(0, host.size() - kAzure.size()) : host);
}

bool is_useless(const UselessInput& input, WallTime now) {
  return input.count >= kUselessMin || (input.count > 0 && now - input.since >= kUselessFor);
}

std::string useless_words(const UselessInput& input) {
  return counted(input.count, "message was", "messages were") + " dropped, and no value has come.";
}

bool is_only_written(const DeviceView& view, std::size_t tag) {
  return view.description != nullptr && tag < view.description->tags.size() &&
         view.description->tags[tag].only_written;
}

bool is_stale(const DeviceView& view, std::size_t tag, WallTime now) {
  const TagStatus& status = view.status.tags[tag];
  if (!status.last) return false;
  std::chrono::milliseconds allowed = kSilenceUnknown;
  if (view.usual_gap[tag]) {
    allowed = std::max<std::chrono::milliseconds>(kSilenceMin, *view.usual_gap[tag] * 5);
  }
  return now - status.at > allowed;
}

Condition condition_of(const DeviceView& view, WallTime now) {
  const DeviceStatus& status = view.status;
  if (!view.reported) {
    Condition condition;
    condition.state = "Starting";
    condition.since = status.cloud_since;
    return condition;
  }
  if (status.field.link == FieldState::Link::Down && status.cloud != CloudState::Stopped) {
    Condition condition;
    condition.severity = Severity::Alarm;
    condition.since = status.field_since;
    explain(condition, status.field.code, status.field.detail);
    condition.state = words_for(status.field.code).name;
    return condition;
  }
  if (status.cloud != CloudState::Online) return offline_condition(view);
  return online_condition(view, now);
}

std::array<Stage, 5> stages_of(const DeviceView& view, WallTime now) {
  const DeviceStatus& status = view.status;
  Stage equipment{"Equipment", StageState::Unknown, "not heard yet", std::nullopt};
  if (status.field.link == FieldState::Link::Up) {
    equipment = {"Equipment", StageState::Ok, "answers", std::nullopt};
  } else if (status.field.link == FieldState::Link::Down) {
    equipment = {"Equipment", StageState::Stopped, std::string(words_for(status.field.code).name),
                 status.field_since};
  } else if (status.useless.count > 0) {
    equipment = {"Equipment", StageState::Ok, "sends", std::nullopt};
  }
  Stage acknowledged{"Acknowledged", StageState::Waiting, {}, status.last_delivered};
  if (acknowledgements_missing(view, now)) {
    acknowledged.state = StageState::Stopped;
    acknowledged.text = "nothing confirmed";
  } else if (status.last_delivered) {
    if (status.cloud == CloudState::Online) acknowledged.state = StageState::Ok;
  } else {
    acknowledged.state = StageState::Unknown;
    acknowledged.text = "none yet";
  }
  return {std::move(equipment), reading_stage(view, now), stored_stage(view), sent_stage(view),
          std::move(acknowledged)};
}

}  // namespace hubward::observe
