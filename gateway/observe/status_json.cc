#include "gateway/observe/status_json.h"

#include <algorithm>
#include <cmath>

#include "gateway/api/failure_words.h"
#include "gateway/api/store_words.h"
#include "gateway/observe/endpoint_words.h"
#include "gateway/observe/json_fields.h"
#include "gateway/observe/line_json.h"
#include "gateway/observe/newcomer_json.h"
#include "gateway/observe/plain_words.h"
#include "gateway/observe/store_sentence.h"

namespace hubward::observe {
namespace {

// Whole numbers up to here are exact in JavaScript; larger ones go as text.
constexpr std::int64_t kExactMax = 9'007'199'254'740'991;
// Text values are data, not documents: the page shows the beginning.
constexpr std::size_t kTextValueBytesMax = 256;

void write_value(json::Writer& out, const TagValue& value) {
  struct Visitor {
    json::Writer& out;
    void operator()(bool flag) const { out.Bool(flag); }
    void operator()(std::int64_t whole) const {
      if (whole >= -kExactMax && whole <= kExactMax) {
        out.Int64(whole);
      } else {
        out.String(std::to_string(whole));
      }
    }
    void operator()(std::uint64_t whole) const {
      if (whole <= static_cast<std::uint64_t>(kExactMax)) {
        out.Uint64(whole);
      } else {
        out.String(std::to_string(whole));
      }
    }
    void operator()(double real) const {
      if (std::isfinite(real)) {
        out.Double(real);
      } else {
        out.String(std::isnan(real) ? "not a number" : real > 0 ? "infinite" : "-infinite");
      }
    }
    void operator()(const std::string& words) const {
      out.String(shown_text(std::string_view(words).substr(0, kTextValueBytesMax)));
    }
  };
  std::visit(Visitor{out}, value);
}

std::string shown_name(const DeviceDescription& device) {
  return shown_text(device.display_name.empty() ? device.id : device.display_name);
}

void write_failure(json::Writer& out, const Condition& condition) {
  if (condition.failure) {
    const FailureWords& words = words_for(*condition.failure);
    text(out, "failure", words.label);
    text(out, "failure_name", words.name);
  }
  if (!condition.reason.empty()) text(out, "reason", condition.reason);
  if (!condition.detail.empty()) text(out, "detail", condition.detail);
  if (!condition.gateway_does.empty()) text(out, "gateway_does", condition.gateway_does);
  if (!condition.person_does.empty()) text(out, "person_does", condition.person_does);
  time(out, "next_attempt_ms", condition.next_attempt);
}

void write_tags(json::Writer& out, const DeviceDescription& description, const DeviceView& view,
                WallTime now) {
  out.Key("tags");
  out.StartArray();
  for (std::size_t i = 0; i < description.tags.size(); ++i) {
    const TagDescription& tag = description.tags[i];
    const TagStatus& status = view.status.tags[i];
    out.StartObject();
    text(out, "name", shown_text(tag.name));
    if (!tag.component.empty()) text(out, "component", shown_text(tag.component));
    if (!tag.unit.empty()) text(out, "unit", shown_text(tag.unit));
    if (tag.writable) {
      out.Key("writable");
      out.Bool(true);
    }
    if (tag.only_written) {
      out.Key("only_written");
      out.Bool(true);
    }
    if (status.last) {
      const bool good = status.last->quality == Quality::Good;
      text(out, "quality", !good ? "bad" : is_stale(view, i, now) ? "old" : "good");
      time(out, "at_ms", status.at);
      if (good) {
        out.Key("value");
        write_value(out, status.last->value);
      } else {
        std::string why(words_for(status.last->code).name);
        if (!status.last->detail.empty()) why += ": " + shown_text(status.last->detail);
        text(out, "why", why);
      }
    } else {
      text(out, "quality", "none");
    }
    out.EndObject();
  }
  out.EndArray();
}

void write_stages(json::Writer& out, const DeviceView& view, WallTime now) {
  out.Key("stages");
  out.StartArray();
  for (const Stage& stage : stages_of(view, now)) {
    out.StartObject();
    text(out, "name", stage.name);
    text(out, "state", stage_word(stage.state));
    if (!stage.text.empty()) text(out, "text", stage.text);
    time(out, "at_ms", stage.at);
    out.EndObject();
  }
  out.EndArray();
}

void write_bad_input(json::Writer& out, const StatusBoard& board, const BadInputCount& row) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  std::string raw;
  for (const std::byte byte : row.sample) {
    const auto value = std::to_integer<unsigned char>(byte);
    if (!hex.empty()) hex += ' ';
    hex += kHex[value >> 4U];
    hex += kHex[value & 0xFU];
    raw += static_cast<char>(value);
  }
  const FailureWords& words = words_for(row.code);
  out.StartObject();
  if (row.device && row.device->value < board.site().devices.size()) {
    text(out, "device", board.site().devices[row.device->value].id);
  }
  text(out, "source", shown_text(row.source));
  text(out, "label", words.label);
  text(out, "name", words.name);
  number(out, "count", row.count);
  time(out, "last_ms", row.last);
  text(out, "hex", hex);
  text(out, "text", shown_text(raw));
  out.EndObject();
}

std::vector<BadInputCount> newest_first(std::vector<BadInputCount> rows) {
  std::sort(rows.begin(), rows.end(),
            [](const BadInputCount& a, const BadInputCount& b) { return a.last > b.last; });
  return rows;
}

void write_endpoints(json::Writer& out, const std::vector<EndpointStatus>& endpoints) {
  out.Key("endpoints");
  out.StartArray();
  for (const EndpointStatus& endpoint : endpoints) {
    out.StartObject();
    text(out, "host", shown_text(endpoint.host));
    text(out, "kind", endpoint.is_dps ? "dps" : "hub");
    text(out, "state", endpoint_label(endpoint.state));
    time(out, "next_look_ms", endpoint.next_look);
    number(out, "waiting", endpoint.waiting);
    out.Key("closes_everybody");
    out.Bool(endpoint.closes_everybody);
    out.EndObject();
  }
  out.EndArray();
}

void write_trends(json::Writer& out, const StatusBoard& board, DeviceIndex device) {
  out.Key("trends");
  out.StartArray();
  for (std::size_t i = 0; i < board.site().devices[device.value].tags.size(); ++i) {
    out.StartArray();
    for (const TrendPoint& point : board.trend(device, TagIndex{static_cast<std::uint16_t>(i)})) {
      out.StartArray();
      out.Int64(point.at.time_since_epoch().count());
      out.Double(point.value);
      out.EndArray();
    }
    out.EndArray();
  }
  out.EndArray();
}

std::string_view trust_word(ClockTrust trust) {
  switch (trust) {
    case ClockTrust::Wrong:
      return "wrong";
    case ClockTrust::HeldOver:
      return "held_over";
    case ClockTrust::Synchronised:
      return "synchronised";
  }
  return "wrong";
}

void write_clock(json::Writer& out, const ClockState& clock) {
  out.Key("clock");
  out.StartObject();
  text(out, "trust", trust_word(clock.trust));
  if (clock.trust == ClockTrust::Wrong) {
    text(out, "why", clock.why);
    text(out, "person_does", words_for(ErrorCode::ClockWrong).person_does);
  }
  if (clock.cloud_ahead) {
    out.Key("cloud_ahead_s");
    out.Int64(clock.cloud_ahead->count());
  }
  number(out, "times_set", clock.times_set);
  out.EndObject();
}

void write_store(json::Writer& out, const StoreStatus& store) {
  out.Key("store");
  out.StartObject();
  text(out, "state", words_for(store.health).label);
  text(out, "meaning", words_for(store.health).meaning);
  text(out, "person_does", words_for(store.health).advice);
  text(out, "detail", shown_text(store.detail));
  out.Key("memory_only");
  out.Bool(store.memory_only);
  number(out, "memory_messages", store.memory_messages);
  number(out, "memory_bytes", store.memory_bytes);
  number(out, "removed_devices", store.removed_devices);
  number(out, "removed_messages", store.removed_messages);
  number(out, "removed_bytes", store.removed_bytes);
  number(out, "set_aside", store.set_aside);
  number(out, "rescued_messages", store.rescued_messages);
  out.EndObject();
}

}  // namespace

void write_site(json::Writer& out, const StatusBoard& board, const SiteSummary& summary,
                const std::string& sentence) {
  out.StartObject();
  text(out, "name", shown_text(board.site().name));
  text(out, "version", board.site().version);
  time(out, "started_ms", board.started());
  const bool writes_paused = board.writes_paused();
  const auto endpoints = board.endpoints();
  const ClockState clock = board.clock_state();
  const StoreStatus store = board.store();
  std::string sentences = sentence + endpoint_sentences(endpoints, board.clock().wall());
  sentences += clock_sentence(clock);
  sentences += shown_text(store_sentence(store));
  if (writes_paused) sentences += " Writing to the plant is paused for maintenance.";
  text(out, "sentence", sentences);
  write_endpoints(out, endpoints);
  out.Key("writes_paused");
  out.Bool(writes_paused);
  Severity worst = summary.severity;
  if (clock.trust == ClockTrust::Wrong) worst = std::max(worst, Severity::Warning);
  if (store_fails(store)) worst = Severity::Alarm;
  text(out, "severity", severity_word(worst));
  time(out, "cloud_out_since_ms", summary.cloud_out_since);
  number(out, "devices", summary.devices);
  number(out, "delivering", summary.delivering);
  for (const Severity severity :
       {Severity::Normal, Severity::Busy, Severity::Warning, Severity::Alarm}) {
    number(out, severity_word(severity).data(),
           summary.by_severity[static_cast<std::size_t>(severity)]);
  }
  number(out, "stored", summary.outbox.appended);
  number(out, "delivered", summary.outbox.delivered);
  number(out, "waiting", summary.outbox.waiting);
  number(out, "waiting_bytes", summary.outbox.waiting_bytes);
  time(out, "oldest_waiting_ms", summary.outbox.oldest_waiting);
  number(out, "dropped", summary.dropped);
  number(out, "expired", summary.expired);
  number(out, "refused", summary.outbox.refused);
  number(out, "unstored", summary.outbox.unstored);
  number(out, "quarantined", summary.quarantined);
  write_store(out, store);
  number(out, "bad_inputs", board.bad_inputs_total());
  out.Key("clock_trusted");
  out.Bool(board.clock().wall_is_trusted());
  write_clock(out, clock);
  out.EndObject();
}

void write_device_state(json::Writer& out, const DeviceDescription& description,
                        const DeviceView& view, const Condition& condition) {
  text(out, "id", description.id);
  number(out, "place", view.status.device.value);  // in the configuration
  text(out, "name", shown_name(description));
  text(out, "kind", description.kind);
  text(out, "attached_to", shown_text(description.attached_to));
  text(out, "severity", severity_word(condition.severity));
  out.Key("delivering");
  out.Bool(condition.delivering);
  text(out, "state", condition.state);
  time(out, "since_ms", condition.since);
  text(out, "hub", shown_text(view.status.assigned_hub));
  write_failure(out, condition);
}

void write_device_values(json::Writer& out, const DeviceDescription& description,
                         const DeviceView& view, WallTime now) {
  const DeviceStatus& status = view.status;
  write_stages(out, view, now);
  write_tags(out, description, view, now);
  number(out, "waiting", status.outbox.waiting);
  time(out, "oldest_waiting_ms", status.outbox.oldest_waiting);
  number(out, "stored", status.outbox.appended);
  number(out, "delivered", status.outbox.delivered);
  time(out, "last_delivered_ms", status.last_delivered);
  number(out, "dropped", status.outbox.dropped);
  number(out, "expired", status.outbox.expired);
  number(out, "refused", status.outbox.refused);
  number(out, "unstored", status.outbox.unstored);
  number(out, "quarantined", status.outbox.quarantined);
  number(out, "attempts", status.attempts);
  number(out, "hub_connects", status.hub_connects);
  number(out, "dps_conversations", status.dps_conversations);
  number(out, "commands", status.commands);
  number(out, "command_failures", status.command_failures);
}

void write_event(json::Writer& out, const StatusBoard& board, const SiteEvent& event) {
  out.StartObject();
  time(out, "at_ms", event.at);
  if (event.device && event.device->value < board.site().devices.size()) {
    const auto& device = board.site().devices[event.device->value];
    text(out, "device", device.id);
    text(out, "device_name", shown_name(device));
  }
  text(out, "event", shown_text(event.event));
  text(out, "text", shown_text(event.text));
  out.EndObject();
}

std::string status_json(const StatusBoard& board) {
  const WallTime now = board.clock().wall();
  const auto views = board.devices();
  std::vector<Condition> conditions;
  conditions.reserve(views.size());
  for (const auto& view : views) conditions.push_back(condition_of(*view, now));
  const SiteSummary summary = summarize(views, conditions);
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  time(out, "now_ms", now);
  out.Key("site");
  write_site(out, board, summary, site_sentence(board.site(), summary, conditions, now));
  out.Key("devices");
  out.StartArray();
  for (std::size_t i = 0; i < views.size(); ++i) {
    out.StartObject();
    write_device_state(out, board.site().devices[i], *views[i], conditions[i]);
    write_device_values(out, board.site().devices[i], *views[i], now);
    out.EndObject();
  }
  out.EndArray();
  out.Key("lines");
  write_lines(out, board, {});
  out.Key("newcomers");
  write_newcomers(out, board.newcomers(), {});
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string device_json(const StatusBoard& board, DeviceIndex device) {
  const WallTime now = board.clock().wall();
  const auto view = board.device_view(device);
  if (!view) return "{}";
  const auto& description = board.site().devices[device.value];
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  time(out, "now_ms", now);
  out.Key("device");
  out.StartObject();
  write_device_state(out, description, *view, condition_of(*view, now));
  write_device_values(out, description, *view, now);
  out.EndObject();
  write_trends(out, board, device);
  out.Key("events");
  out.StartArray();
  for (const auto& event : board.device_events(device)) write_event(out, board, event);
  out.EndArray();
  out.Key("bad_inputs");
  out.StartArray();
  for (const auto& row : newest_first(board.bad_inputs())) {
    if (row.device == device) write_bad_input(out, board, row);
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string bad_inputs_json(const StatusBoard& board) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  time(out, "now_ms", board.clock().wall());
  out.Key("bad_inputs");
  out.StartArray();
  for (const auto& row : newest_first(board.bad_inputs())) write_bad_input(out, board, row);
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace hubward::observe
