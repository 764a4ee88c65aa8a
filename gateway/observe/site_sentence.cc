#include "gateway/observe/site_sentence.h"

#include <algorithm>

#include "gateway/observe/plain_words.h"

namespace hubward::observe {
namespace {

// Names the sentence may mention; more would not be read.
constexpr std::size_t kNamed = 2;

bool is_network(ErrorCode code) {
  switch (code) {
    case ErrorCode::NameUnknown:
    case ErrorCode::Unreachable:
    case ErrorCode::TlsFailed:
    case ErrorCode::ConnectTimeout:
    case ErrorCode::LinkLost:
    case ErrorCode::OwnNetworkDown:
      return true;
    default:
      return false;
  }
}

std::string name_of(const SiteDescription& site, DeviceIndex device) {
  const auto& description = site.devices[device.value];
  return shown_text(description.display_name.empty() ? description.id : description.display_name);
}

std::string one_device(const SiteDescription& site, DeviceIndex device, const Condition& condition,
                       WallTime now) {
  std::string sentence = " " + name_of(site, device) + ": " + lower_first(condition.state);
  if (condition.next_attempt && *condition.next_attempt > now) {
    sentence += "; next try in " + duration_words(*condition.next_attempt - now);
  }
  return sentence + ".";
}

std::string named(const SiteDescription& site, const std::vector<DeviceIndex>& devices,
                  std::size_t count) {
  std::string words = name_of(site, devices[0]);
  if (count == 2) return words + " and " + name_of(site, devices[1]);
  if (count > 2) words += " and " + count_words(count - 1) + " others";
  return words;
}

std::string kept(const SiteSummary& summary) {
  std::string words =
      summary.outbox.waiting == 0
          ? " No message is waiting"
          : " " + counted(summary.outbox.waiting, "message is", "messages are") + " kept";
  if (summary.dropped > 0) {
    words += ", but the store is full: the oldest " + count_words(summary.dropped) +
             (summary.dropped == 1 ? " was" : " were") + " dropped.";
  }
  if (summary.expired > 0) {
    words += summary.dropped > 0 ? " Another " : ", but ";
    words += count_words(summary.expired) + (summary.expired == 1 ? " was" : " were") +
             " dropped, because too old.";
  }
  const std::uint64_t not_taken = summary.outbox.refused + summary.outbox.unstored;
  if (not_taken > 0) {
    words += summary.dropped + summary.expired > 0 ? " Another " : ", but ";
    words += count_words(not_taken) + " could not be stored.";
  }
  if (summary.dropped + summary.expired + not_taken > 0) return words;
  return words + "; nothing is lost.";
}

std::string troubles(const SiteDescription& site, const SiteSummary& summary,
                     const std::vector<Condition>& conditions, WallTime now) {
  const std::size_t alarms = summary.by_severity[static_cast<std::size_t>(Severity::Alarm)];
  const std::size_t warnings = summary.by_severity[static_cast<std::size_t>(Severity::Warning)];
  std::string words;
  if (alarms == 1) {
    words += one_device(site, summary.alarms[0], conditions[summary.alarms[0].value], now);
  } else if (alarms > 1) {
    words += " " + named(site, summary.alarms, alarms) + " need attention.";
  }
  if (summary.cloud_out_since || warnings == 0) return words;
  if (warnings == 1 && alarms == 0) {
    words += one_device(site, summary.warnings[0], conditions[summary.warnings[0].value], now);
  } else {
    words += alarms == 0     ? " There are warnings for "
             : warnings == 1 ? " There is also a warning for "
                             : " There are also warnings for ";
    words += named(site, summary.warnings, warnings) + ".";
  }
  return words;
}

std::string delivering(const SiteDescription& site, const SiteSummary& summary) {
  const std::size_t count = summary.devices;
  if (summary.delivering == count) {
    // Its own sentence says that it delivers, and what is wrong all the same.
    if (count == 1 && summary.severity > Severity::Busy) return {};
    if (count == 1) return name_of(site, DeviceIndex{0}) + " is delivering.";
    if (count == 2) return "Both devices are delivering.";
    return "All " + count_words(count) + " devices are delivering.";
  }
  const bool starting = summary.severity == Severity::Busy;
  if (starting && summary.delivering == 0) {
    return "Starting: " + counted(count, "device is", "devices are") + " connecting.";
  }
  std::string words = starting ? "Starting: " : "";
  if (summary.delivering == 0 && count == 1) return words + "The device is not delivering.";
  if (summary.delivering == 0) return words + "No device is delivering.";
  return words + count_words(summary.delivering) + " of " + count_words(count) +
         (summary.delivering == 1 ? " devices is" : " devices are") + " delivering.";
}

}  // namespace

SiteSummary summarize(const std::vector<std::shared_ptr<const DeviceView>>& views,
                      const std::vector<Condition>& conditions) {
  SiteSummary summary;
  summary.devices = views.size();
  bool cloud_out = !views.empty();
  bool network_named = false;
  WallTime out_since{};
  for (std::size_t i = 0; i < views.size(); ++i) {
    const DeviceView& view = *views[i];
    const DeviceStatus& status = view.status;
    const Condition& condition = conditions[i];
    const OutboxCounts& outbox = status.outbox;
    ++summary.by_severity[static_cast<std::size_t>(condition.severity)];
    summary.severity = std::max(summary.severity, condition.severity);
    if (condition.delivering) ++summary.delivering;
    const DeviceIndex index{static_cast<std::uint32_t>(i)};
    if (condition.severity == Severity::Alarm && summary.alarms.size() < kNamed) {
      summary.alarms.push_back(index);
    }
    if (condition.severity == Severity::Warning && summary.warnings.size() < kNamed) {
      summary.warnings.push_back(index);
    }
    const bool online = status.cloud == CloudState::Online;
    cloud_out = cloud_out && !online && status.cloud != CloudState::Stopped &&
                (!status.cloud_failure || is_network(*status.cloud_failure));
    network_named = network_named || (status.cloud_failure && is_network(*status.cloud_failure));
    out_since = std::max(out_since, view.offline_since.value_or(status.cloud_since));
    summary.outbox.appended += outbox.appended;
    summary.outbox.delivered += outbox.delivered;
    summary.outbox.dropped += outbox.dropped;
    summary.outbox.expired += outbox.expired;
    summary.outbox.refused += outbox.refused;
    summary.outbox.unstored += outbox.unstored;
    summary.outbox.quarantined += outbox.quarantined;
    summary.outbox.waiting += outbox.waiting;
    summary.outbox.waiting_bytes += outbox.waiting_bytes;
    if (outbox.oldest_waiting && (!summary.outbox.oldest_waiting ||
                                  *outbox.oldest_waiting < *summary.outbox.oldest_waiting)) {
      summary.outbox.oldest_waiting = outbox.oldest_waiting;
    }
    summary.dropped += outbox.dropped - std::min(outbox.dropped, view.dropped_at_start);
    summary.expired += outbox.expired - std::min(outbox.expired, view.expired_at_start);
    summary.quarantined +=
        outbox.quarantined - std::min(outbox.quarantined, view.quarantined_at_start);
  }
  if (cloud_out && network_named) {
    summary.cloud_out_since = out_since;
    if (summary.dropped > 0) summary.severity = Severity::Alarm;
  }
  return summary;
}

std::string site_sentence(const SiteDescription& site, const SiteSummary& summary,
                          const std::vector<Condition>& conditions, WallTime now) {
  if (summary.devices == 0) {
    return "No devices are configured yet. Add a file for each to the folder devices.d.";
  }
  if (summary.cloud_out_since) {
    return "The cloud has been out of reach for " + duration_words(now - *summary.cloud_out_since) +
           "." + kept(summary) + troubles(site, summary, conditions, now);
  }
  std::string sentence = delivering(site, summary) + troubles(site, summary, conditions, now);
  if (sentence.starts_with(' ')) sentence.erase(0, 1);
  return sentence;
}

std::string site_sentence(const StatusBoard& board) {
  const WallTime now = board.clock().wall();
  const auto views = board.devices();
  std::vector<Condition> conditions;
  conditions.reserve(views.size());
  for (const auto& view : views) conditions.push_back(condition_of(*view, now));
  return site_sentence(board.site(), summarize(views, conditions), conditions, now);
}

std::string clock_sentence(const ClockState& clock) {
  if (clock.trust != ClockTrust::Wrong || clock.why.empty()) return {};
  std::string sentence = " " + clock.why;
  sentence[1] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[1])));
  return sentence + "; times of readings are marked, and corrected as soon as the time is known.";
}

}  // namespace hubward::observe
