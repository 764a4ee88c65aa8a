#include "gateway/cli/plan_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gateway/config/device_plan.h"
#include "proto/json.h"

namespace hubward::cli {
namespace {

constexpr json::Limits kStatusLimits{256 * 1024 * 1024, 16};
constexpr std::size_t kTagNamesMax = 6;  // of one request

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

double as_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

std::string ms_text(std::chrono::nanoseconds time) { return formatted("%.1f ms", as_ms(time)); }
std::string percent(double share) { return formatted("%.1f %%", share * 100); }

std::string interval_text(std::chrono::milliseconds interval) {
  if (interval % std::chrono::seconds{1} == std::chrono::milliseconds{0}) {
    return std::to_string(interval / std::chrono::seconds{1}) + " s";
  }
  return std::to_string(interval.count()) + " ms";
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

const char* table_word(modbus::Table table) {
  switch (table) {
    case modbus::Table::Coil:
      return "coil";
    case modbus::Table::DiscreteInput:
      return "discrete";
    case modbus::Table::HoldingRegister:
      return "holding";
    case modbus::Table::InputRegister:
      break;
  }
  return "input";
}

struct Found {
  const modbus::BusSettings* bus;
  const modbus::DeviceSettings* device;
};

std::optional<Found> find(const config::SiteSettings& site, const std::string& id) {
  for (const auto& bus : site.modbus_buses) {
    for (const auto& device : bus.devices) {
      if (site.devices[device.device.value].id == id) return Found{&bus, &device};
    }
  }
  return std::nullopt;
}

// The line as this device sees it.
modbus::BusTiming timing_for(const modbus::BusSettings& bus, const std::string& id,
                             const Turnarounds& measured) {
  modbus::BusTiming timing = modbus::timing_of(bus.attachment);
  if (const auto known = measured.find(id); known != measured.end()) {
    timing.turnaround = known->second;
  }
  return timing;
}

std::string request_line(const config::PlannedRequest& request, const DeviceDescription& device) {
  const auto& read = request.read;
  std::string tags;
  for (std::size_t i = 0; i < std::min(request.tags.size(), kTagNamesMax); ++i) {
    tags += (i == 0 ? "" : ", ") + device.tags[request.tags[i]].name;
  }
  if (request.tags.size() > kTagNamesMax) {
    tags += " and " + std::to_string(request.tags.size() - kTagNamesMax) + " more";
  }
  const auto function = static_cast<unsigned>(modbus::function_of(modbus::Request(read)));
  return "  function " + std::to_string(function) + "  " +
         padded(std::string(table_word(read.table)) + ":" + std::to_string(read.address), 15) +
         padded("count " + std::to_string(read.count), 12) + padded(ms_text(request.time), 11) +
         tags + "\n";
}

std::string rounds_text(const config::DevicePlan& plan, const DeviceDescription& device,
                        const Paint& paint) {
  std::string out;
  for (const auto& round : plan.rounds) {
    std::chrono::nanoseconds time{0};
    for (const auto& request : round.requests) time += request.time;
    out += paint(Colour::Bold, "every " + interval_text(round.interval)) + ": " +
           std::to_string(round.requests.size()) +
           (round.requests.size() == 1 ? " request, " : " requests, ") + ms_text(time) + "\n";
    for (const auto& request : round.requests) out += request_line(request, device);
  }
  return out;
}

std::string line_text(const config::SiteSettings& site, const Found& found,
                      const Turnarounds& measured, const Paint& paint) {
  std::string out;
  double share = 0;
  std::chrono::nanoseconds cycle{0};
  for (const auto& device : found.bus->devices) {
    const std::string& id = site.devices[device.device.value].id;
    const auto plan = config::plan_of(device, timing_for(*found.bus, id, measured));
    share += plan.need.share;
    cycle += plan.everything;
    out += "  " + padded(id, 24) + padded(percent(plan.need.share), 10) + ms_text(plan.everything) +
           " for all its tags\n";
  }
  const std::size_t count = found.bus->devices.size();
  const std::string verdict = percent(share) + " of its time" + (share > 1 ? ": cannot fit" : "");
  const bool serial = modbus::timing_of(found.bus->attachment).serial.has_value();
  return paint(Colour::Bold, std::string("the ") + (serial ? "line" : "connection") + " with " +
                                 std::to_string(count) + (count == 1 ? " device" : " devices")) +
         " needs " + paint(share > 1 ? Colour::Red : Colour::Plain, verdict) + "\n" + out +
         "shortest cycle in which everything is read: " + ms_text(cycle) + "\n";
}

}  // namespace

Turnarounds turnarounds_in(const std::string& status_json) {
  Turnarounds turnarounds;
  const auto document = json::parse(status_json, kStatusLimits);
  const auto* lines = document ? json::find(*document, "lines") : nullptr;
  if (lines == nullptr || !lines->IsArray()) return turnarounds;
  for (const auto& line : lines->GetArray()) {
    const auto* devices = json::find(line, "devices");
    if (devices == nullptr || !devices->IsArray()) continue;
    for (const auto& device : devices->GetArray()) {
      const auto id = json::as_string(json::find(device, "id"));
      const auto us = json::as_int(json::find(device, "turnaround_us"));
      if (id && us && *us >= 0 && *us < 3'600'000'000) {
        turnarounds[std::string(*id)] = std::chrono::microseconds{*us};
      }
    }
  }
  return turnarounds;
}

std::optional<std::string> plan_text(const config::SiteSettings& site, const std::string& device,
                                     const Turnarounds& measured, const Paint& paint) {
  const auto found = find(site, device);
  if (!found) return std::nullopt;
  const DeviceDescription& description = site.devices[found->device->device.value];
  const modbus::BusTiming timing = timing_for(*found->bus, device, measured);
  const auto plan = config::plan_of(*found->device, timing);
  return paint(Colour::Bold, description.id) + ": " + description.attached_to + "\n" +
         "answers after " + ms_text(timing.turnaround) +
         (measured.contains(device) ? " (measured)" : " (assumed)") + "; reads across gaps of " +
         std::to_string(plan.limits.register_gap_max) + " registers or " +
         std::to_string(plan.limits.bit_gap_max) + " bits\n\n" +
         rounds_text(plan, description, paint) + "\n" + line_text(site, *found, measured, paint);
}

}  // namespace hubward::cli
