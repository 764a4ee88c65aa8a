#include "gateway/observe/metrics_text.h"

#include <functional>
#include <map>
#include <optional>

#include "gateway/api/failure_words.h"
#include "gateway/api/store_words.h"
#include "gateway/observe/condition.h"
#include "gateway/observe/endpoint_words.h"

namespace hubward::observe {
namespace {

using Views = std::vector<std::shared_ptr<const DeviceView>>;
using Number = std::function<std::optional<double>(const DeviceView&)>;

std::string_view state_label(CloudState state) {
  switch (state) {
    case CloudState::Starting:
      return "starting";
    case CloudState::WaitingForTurn:
      return "waiting_for_turn";
    case CloudState::Provisioning:
      return "provisioning";
    case CloudState::Connecting:
      return "connecting";
    case CloudState::Online:
      return "online";
    case CloudState::BackingOff:
      return "backing_off";
    case CloudState::WaitingForOperator:
      return "waiting_for_operator";
    case CloudState::Stopped:
      return "stopped";
  }
  return "unknown";
}

// A label value: backslash, quote and line feed escaped as the format asks.
std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string number_text(double value) {
  if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return std::to_string(value);
}

double seconds(WallTime at) { return static_cast<double>(at.time_since_epoch().count()) / 1000.0; }

class Exposition {
 public:
  Exposition(const StatusBoard& board, const Views& views) : board_(board), views_(views) {}

  void head(std::string_view name, std::string_view type, std::string_view help) {
    text_ += "# HELP ";
    text_ += name;
    text_ += ' ';
    text_ += help;
    text_ += "\n# TYPE ";
    text_ += name;
    text_ += ' ';
    text_ += type;
    text_ += '\n';
  }
  void sample(std::string_view name, const std::string& labels, double value) {
    text_ += name;
    if (!labels.empty()) text_ += "{" + labels + "}";
    text_ += ' ' + number_text(value) + '\n';
  }
  void site(std::string_view name, std::string_view type, std::string_view help, double value,
            const std::string& labels = {}) {
    head(name, type, help);
    sample(name, labels, value);
  }
  // One sample a device; devices without the number are left out.
  void each(std::string_view name, std::string_view type, std::string_view help,
            const Number& read) {
    head(name, type, help);
    for (std::size_t i = 0; i < views_.size(); ++i) {
      if (const auto value = read(*views_[i])) sample(name, device_label(i), *value);
    }
  }
  [[nodiscard]] std::string device_label(std::size_t i) const {
    return "device=" + quoted(board_.site().devices[i].id);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  const StatusBoard& board_;
  const Views& views_;
  std::string text_;
};

void device_numbers(Exposition& out) {
  using View = const DeviceView&;
  const auto count = [](std::uint64_t value) { return std::optional(static_cast<double>(value)); };
  out.each("hubward_device_up", "gauge", "1 while the equipment answers, 0 while it does not.",
           [](View v) -> std::optional<double> {
             if (v.status.field.link == FieldState::Link::Unknown) return std::nullopt;
             return v.status.field.link == FieldState::Link::Up ? 1.0 : 0.0;
           });
  out.each("hubward_device_last_sample_timestamp_seconds", "gauge",
           "When the newest reading arrived.", [](View v) -> std::optional<double> {
             std::optional<double> newest;
             for (const auto& tag : v.status.tags) {
               if (tag.last) newest = std::max(newest.value_or(0.0), seconds(tag.at));
             }
             return newest;
           });
  out.each("hubward_device_last_delivered_timestamp_seconds", "gauge",
           "When the hub last acknowledged a message.", [](View v) -> std::optional<double> {
             if (!v.status.last_delivered) return std::nullopt;
             return seconds(*v.status.last_delivered);
           });
  out.each("hubward_messages_stored_total", "counter", "Messages taken into the store.",
           [&](View v) { return count(v.status.outbox.appended); });
  out.each("hubward_messages_delivered_total", "counter", "Messages that the hub acknowledged.",
           [&](View v) { return count(v.status.outbox.delivered); });
  out.each("hubward_messages_dropped_total", "counter",
           "Oldest messages dropped because the store was full, for the store's life.",
           [&](View v) { return count(v.status.outbox.dropped); });
  out.each("hubward_messages_expired_total", "counter",
           "Messages dropped because they were older than is kept, for the store's life.",
           [&](View v) { return count(v.status.outbox.expired); });
  out.each("hubward_messages_refused_total", "counter",
           "Messages not taken, because the store had no room for them.",
           [&](View v) { return count(v.status.outbox.refused); });
  out.each("hubward_messages_unstored_total", "counter",
           "Messages not taken, because the disk failed or was too slow.",
           [&](View v) { return count(v.status.outbox.unstored); });
  out.each("hubward_messages_quarantined_total", "counter",
           "Messages set aside after repeated link drops, for the store's life.",
           [&](View v) { return count(v.status.outbox.quarantined); });
  out.each("hubward_messages_waiting", "gauge", "Messages in the store, not yet acknowledged.",
           [&](View v) { return count(v.status.outbox.waiting); });
  out.each("hubward_uplink_connects_total", "counter", "Successful logins at a hub.",
           [&](View v) { return count(v.status.hub_connects); });
  out.each("hubward_uplink_failures_in_a_row", "gauge", "Failed attempts since the last success.",
           [&](View v) { return count(v.status.attempts); });
  out.each("hubward_dps_conversations_total", "counter",
           "Times the provisioning service was asked.",
           [&](View v) { return count(v.status.dps_conversations); });
  out.each("hubward_commands_total", "counter", "Commands received from the cloud.",
           [&](View v) { return count(v.status.commands); });
  out.each("hubward_command_failures_total", "counter", "Commands that did not succeed.",
           [&](View v) { return count(v.status.command_failures); });
}

void endpoint_numbers(Exposition& out, const StatusBoard& board) {
  const auto endpoints = board.endpoints();
  const auto label = [](const EndpointStatus& endpoint) {
    return "host=" + quoted(endpoint.host) + ",kind=" + quoted(endpoint.is_dps ? "dps" : "hub");
  };
  out.head("hubward_endpoint_state", "gauge",
           "1 for the state of a hub or of the provisioning service, as all devices found it.");
  for (const auto& endpoint : endpoints) {
    out.sample("hubward_endpoint_state",
               label(endpoint) + ",state=" + quoted(endpoint_label(endpoint.state)), 1);
  }
  out.head("hubward_endpoint_waiting", "gauge", "Devices that wait for their turn there.");
  for (const auto& endpoint : endpoints) {
    out.sample("hubward_endpoint_waiting", label(endpoint), static_cast<double>(endpoint.waiting));
  }
}

void store_numbers(Exposition& out, const StoreStatus& store) {
  out.head("hubward_store_state", "gauge", "1 for the state the store on disk is in.");
  for (const StoreWords& words : kStoreWords) {
    out.sample("hubward_store_state", "state=" + quoted(words.label),
               words.health == store.health ? 1 : 0);
  }
  out.site("hubward_store_memory_messages", "gauge",
           "Messages in memory only, because the disk takes none.",
           static_cast<double>(store.memory_messages));
  out.site("hubward_store_memory_bytes", "gauge", "Their size.",
           static_cast<double>(store.memory_bytes));
  out.site("hubward_store_removed_devices", "gauge",
           "Devices no longer configured of which messages are kept.",
           static_cast<double>(store.removed_devices));
  out.site("hubward_store_removed_messages", "gauge", "Their messages.",
           static_cast<double>(store.removed_messages));
  out.site("hubward_store_set_aside_total", "counter", "Damaged stores set aside in this run.",
           static_cast<double>(store.set_aside));
}

void uplink_states(Exposition& out, const Views& views) {
  out.head("hubward_uplink_state", "gauge", "1 for the state a device's cloud side is in.");
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto state = quoted(state_label(views[i]->status.cloud));
    out.sample("hubward_uplink_state", out.device_label(i) + ",state=" + state, 1);
  }
  out.head("hubward_uplink_failure", "gauge",
           "1 for the reason why a device is not online, or not wholly.");
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto& status = views[i]->status;
    const auto& failure =
        status.cloud == CloudState::Online ? status.cloud_trouble : status.cloud_failure;
    if (!failure) continue;
    const auto reason = quoted(words_for(*failure).label);
    out.sample("hubward_uplink_failure", out.device_label(i) + ",reason=" + reason, 1);
  }
}

}  // namespace

std::string metrics_text(const StatusBoard& board) {
  const Views views = board.devices();
  Exposition out(board, views);
  out.site("hubward_build_info", "gauge", "1; the version is the label.", 1,
           "version=" + quoted(board.site().version));
  out.site("hubward_start_timestamp_seconds", "gauge", "When this run began.",
           seconds(board.started()));
  out.site("hubward_clock_synchronized", "gauge", "1 while the wall clock can be trusted.",
           board.clock().wall_is_trusted() ? 1 : 0);
  const ClockState clock = board.clock_state();
  out.site("hubward_clock_set_total", "counter", "How often the wall clock was set.",
           static_cast<double>(clock.times_set));
  if (clock.cloud_ahead) {
    out.site("hubward_clock_cloud_ahead_seconds", "gauge",
             "The cloud's clock minus this computer's, as the cloud has told it.",
             static_cast<double>(clock.cloud_ahead->count()));
  }
  out.site("hubward_devices", "gauge", "Configured devices.", static_cast<double>(views.size()));
  double bytes = 0;
  std::optional<WallTime> oldest;
  for (const auto& view : views) {
    bytes += static_cast<double>(view->status.outbox.waiting_bytes);
    const auto& waiting = view->status.outbox.oldest_waiting;
    if (waiting && (!oldest || *waiting < *oldest)) oldest = waiting;
  }
  out.site("hubward_store_waiting_bytes", "gauge", "Size of all messages in the store.", bytes);
  if (oldest) {
    out.site("hubward_store_oldest_timestamp_seconds", "gauge",
             "When the oldest message in the store was made.", seconds(*oldest));
  }
  store_numbers(out, board.store());
  std::map<std::string_view, std::uint64_t> bad_by_label;
  for (const auto& row : board.bad_inputs()) bad_by_label[words_for(row.code).label] += row.count;
  out.head("hubward_bad_inputs_total", "counter", "Malformed input that was dropped.");
  for (const auto& [label, count] : bad_by_label) {
    out.sample("hubward_bad_inputs_total", "reason=" + quoted(label), static_cast<double>(count));
  }
  endpoint_numbers(out, board);
  device_numbers(out);
  uplink_states(out, views);
  return out.take();
}

}  // namespace hubward::observe
