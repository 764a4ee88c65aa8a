#include "proto/base64.h"
#include "proto/iso_time.h"
#include "proto/percent.h"
#include "proto/utf8.h"
#include "tests/sim/cloud/control.h"
#include "tests/sim/net/json_text.h"

namespace hubward::simcloud {
namespace {

using simnet::JsonText;

std::string_view place_name(const World& world, Place place) { return world.places[place].name; }

void write_counts(JsonText& out, const std::map<std::string, std::uint64_t>& counts) {
  out.object();
  for (const auto& [name, count] : counts) out.add(name, count);
  out.end_object();
}

// {"total":..,"unique":..,"repeated":..,"order_violations":..,"without_id":..,"by_hub":{..}}
void write_telemetry(JsonText& out, const World& world, const Ledger& ledger) {
  out.object()
      .add("total", ledger.total())
      .add("unique", ledger.unique())
      .add("repeated", ledger.repeated())
      .add("order_violations", ledger.order_violations())
      .add("without_id", ledger.without_id())
      .key("by_hub")
      .object();
  for (const auto& [hub, totals] : ledger.by_hub()) {
    out.key(place_name(world, hub))
        .object()
        .add("total", totals.total)
        .add("unique", totals.unique)
        .add("repeated", totals.repeated)
        .end_object();
  }
  out.end_object().end_object();
}

void write_link_counts(JsonText& out, const HubCounts& counts) {
  out.add("connects", counts.connects).key("refused");
  write_counts(out, counts.refused);
  out.key("closed");
  write_counts(out, counts.closed);
}

void write_dps_counts(JsonText& out, const DpsCounts& counts) {
  out.object()
      .add("connects", counts.connects)
      .add("conversations", counts.conversations)
      .add("polls", counts.polls)
      .add("impatient_polls", counts.impatient_polls)
      .add("assigned", counts.assigned)
      .key("refused");
  write_counts(out, counts.refused);
  out.end_object();
}

void write_ranges(JsonText& out, const IntervalSet& set) {
  out.array();
  for (const auto& [first, last] : set.ranges()) {
    out.array().value(first).value(last).end_array();
  }
  out.end_array();
}

void write_brief(JsonText& out, World& world, const Device& device) {
  out.add("id", device.id)
      .add("registrationId", device.registration_id)
      .add("enrollment", device.enrollment->name)
      .key("hub");
  device.hub ? out.value(place_name(world, *device.hub)) : out.null();
  out.add("home", place_name(world, device.home)).key("failed_over_to");
  device.failover ? out.value(place_name(world, device.failover->to)) : out.null();
  out.add("connected", device.connection.has_value())
      .add("disabled", device.disabled)
      .add("blocked", device.blocked)
      .add("deleted", device.was_deleted)
      .key("telemetry");
  write_telemetry(out, world, device.ledger);
}

// JSON as it is, other text as a string, bytes as base64.
void write_body(JsonText& out, std::string_view body) {
  if (json::parse(body, {.bytes_max = kTelemetryBytesMax})) {
    out.key("body").raw(body);
  } else if (is_valid_text(body)) {
    out.key("body").null().add("text", body);
  } else {
    out.key("body").null().add("base64", base64_encode(std::as_bytes(std::span(body))));
  }
}

void write_properties(JsonText& out, std::string_view bag) {
  out.object();
  if (const auto pairs = parse_bag(bag)) {
    for (const auto& pair : *pairs) {
      out.key(pair.key);
      pair.value ? out.value(*pair.value) : out.null();
    }
  }
  out.end_object();
}

}  // namespace

std::string view_devices(World& world) {
  JsonText out;
  out.object().key("devices").array();
  for (const auto& [id, device] : world.devices) {
    out.object();
    write_brief(out, world, *device);
    out.end_object();
  }
  return out.end_array().end_object().text();
}

std::string view_device(World& world, const Device& device) {
  JsonText out;
  out.object();
  write_brief(out, world, device);
  out.key("twin").raw(device.twin.to_text()).key("subscriptions").object();
  for (const auto& [filter, qos] : device.subscriptions) out.add(filter, static_cast<int>(qos));
  out.end_object().add("c2d_waiting", device.c2d.size()).key("dps_payload");
  device.dps_payload.empty() ? out.null() : out.raw(device.dps_payload);
  out.add("user_name", device.hub_user_name).key("counts").object();
  write_link_counts(out, device.counts);
  out.add("c2d_completed", device.counts.c2d_completed)
      .add("methods_answered", device.counts.methods_answered)
      .add("twin_gets", device.counts.twin_gets)
      .add("twin_reports", device.counts.twin_reports)
      .end_object()
      .key("dps");
  const auto dps = world.dps_counts.find(device.registration_id);
  write_dps_counts(out, dps == world.dps_counts.end() ? DpsCounts() : dps->second);
  return out.end_object().text();
}

std::string view_messages(World& world, const Device& device, std::uint64_t after,
                          std::size_t limit) {
  const auto& log = device.ledger.log();
  JsonText out;
  out.object()
      .add("total", device.ledger.total())
      .add("oldest", log.empty() ? std::uint64_t{0} : log.front().number)
      .key("messages")
      .array();
  for (const auto& message : log) {
    if (message.number <= after) continue;
    if (limit-- == 0) break;
    out.object()
        .add("n", message.number)
        .add("id", message.id)
        .add("hub", place_name(world, message.hub))
        .add("received_at", to_iso8601(message.received))
        .add("repeated", message.repeated);
    if (message.retain) out.add("mqtt-retain", true);
    if (message.will) out.add("will", true);
    out.key("properties");
    write_properties(out, message.bag);
    write_body(out, message.body);
    out.end_object();
  }
  return out.end_array().end_object().text();
}

std::string view_ids(const Device& device) {
  JsonText out;
  out.object().key("series").array();
  for (const auto& [prefix, series] : device.ledger.ids()) {
    out.object().add("prefix", prefix).add("count", series.seen.size()).key("ranges");
    write_ranges(out, series.seen);
    out.end_object();
  }
  out.end_array().key("others").array();
  for (const auto& id : device.ledger.other_ids()) out.value(id);
  return out.end_array().end_object().text();
}

std::string view_counters(const Device& device) {
  JsonText out;
  out.object();
  for (const auto& [name, series] : device.ledger.counters()) {
    out.key(name)
        .object()
        .add("received", series.received)
        .add("distinct", series.seen.size())
        .add("last", series.last)
        .add("order_violations", series.order_violations)
        .key("ranges");
    write_ranges(out, series.seen);
    out.end_object();
  }
  return out.end_object().text();
}

std::string view_counts(World& world) {
  std::uint64_t total = 0;
  std::uint64_t unique = 0;
  std::uint64_t repeated = 0;
  std::uint64_t order_violations = 0;
  std::uint64_t values = 0;
  std::uint64_t connected = 0;
  for (const auto& [id, device] : world.devices) {
    total += device->ledger.total();
    unique += device->ledger.unique();
    repeated += device->ledger.repeated();
    order_violations += device->ledger.order_violations();
    values += device->ledger.values();
    connected += device->connection ? 1 : 0;
  }
  JsonText out;
  out.object()
      .add("devices", world.devices.size())
      .add("connected", connected)
      .add("connections", world.connections.size())
      .key("telemetry")
      .object()
      .add("total", total)
      .add("unique", unique)
      .add("repeated", repeated)
      .add("order_violations", order_violations)
      .add("values", values)
      .end_object()
      .key("places")
      .object();
  for (const auto& place : world.places) {
    out.key(place.name)
        .object()
        .add("host", place.host)
        .add("address", place.address)
        .add("telemetry", place.telemetry)
        .add("tcp_refused", place.tcp_refused);
    write_link_counts(out, place.counts);
    out.end_object();
  }
  return out.end_object().end_object().text();
}

std::string view_dps(World& world) {
  JsonText out;
  out.object();
  for (const auto& [registration, counts] : world.dps_counts) {
    out.key(registration);
    write_dps_counts(out, counts);
  }
  return out.end_object().text();
}

std::string view_faults(World& world) {
  JsonText out;
  out.object().key("faults").array();
  for (const auto& fault : world.faults.all()) {
    out.object().add("id", fault.id).add("kind", name_of(fault.kind)).key("target");
    fault.place ? out.value(place_name(world, *fault.place)) : out.null();
    out.add("device", fault.device).add("used", fault.used).key("times_left");
    fault.times ? out.value(*fault.times) : out.null();
    out.end_object();
  }
  return out.end_array().end_object().text();
}

std::string view_trace(World& world, const Device& device, std::uint64_t after) {
  JsonText out;
  out.object().key("trace").array();
  for (const auto& entry : device.trace.entries()) {
    if (entry.number <= after) continue;
    out.object()
        .add("n", entry.number)
        .add("connection", entry.connection)
        .add("place", place_name(world, entry.place))
        .add("at", to_iso8601(entry.at))
        .add("from", entry.from_device ? "device" : "cloud")
        .add("packet", entry.what)
        .add("detail", entry.detail);
    if (!entry.payload.empty() && is_valid_text(entry.payload)) {
      out.add("payload", entry.payload);
    }
    out.end_object();
  }
  return out.end_array().end_object().text();
}

std::string plain_trace(World& world, const Device& device, std::uint64_t after) {
  std::string out;
  for (const auto& entry : device.trace.entries()) {
    if (entry.number <= after) continue;
    out += std::string(place_name(world, entry.place)) + (entry.from_device ? " < " : " > ") +
           entry.what + (entry.detail.empty() ? "" : " ") + entry.detail + '\n';
  }
  return out;
}

}  // namespace hubward::simcloud
