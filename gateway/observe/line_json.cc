#include "gateway/observe/line_json.h"

#include <algorithm>
#include <cmath>

#include "gateway/observe/json_fields.h"
#include "gateway/observe/plain_words.h"

namespace hubward::observe {
namespace {

struct Sums {
  double used = 0;
  double needed = 0;
  std::uint64_t late_polls = 0;
};

Sums sums_of(const LineUse& line) {
  Sums sums;
  for (const LineUse::Part& part : line.parts) {
    sums.used += part.used;
    sums.needed += part.needed;
    sums.late_polls += part.missed_cycles;
  }
  return sums;
}

double most(const LineUse::Part& part) { return std::max(part.used, part.needed); }

double busiest(const LineUse& line) {
  const Sums sums = sums_of(line);
  return std::max(sums.used, sums.needed);
}

// In tenths: more would change all the time.
void percent(json::Writer& out, const char* key, double share) {
  out.Key(key);
  out.Double(std::round(share * 1000) / 10);
}

void write_part(json::Writer& out, const DeviceDescription& device, const LineUse::Part& part,
                bool counts) {
  out.StartObject();
  text(out, "id", device.id);
  text(out, "name", shown_text(device.display_name.empty() ? device.id : device.display_name));
  percent(out, "used_percent", part.used);
  percent(out, "needed_percent", part.needed);
  if (part.turnaround) {
    number(out, "turnaround_us",
           static_cast<std::uint64_t>(*part.turnaround / std::chrono::microseconds{1}));
  }
  if (counts) {
    number(out, "requests", part.requests);
    number(out, "unanswered", part.unanswered);
    number(out, "late_polls", part.missed_cycles);
  }
  out.EndObject();
}

}  // namespace

void write_lines(json::Writer& out, const StatusBoard& board, const LineLimits& limits) {
  std::vector<LineUse> lines = board.lines();
  std::ranges::stable_sort(lines, std::greater{}, busiest);
  if (lines.size() > limits.lines) lines.resize(limits.lines);
  out.StartArray();
  for (LineUse& line : lines) {
    const Sums sums = sums_of(line);
    std::ranges::stable_sort(line.parts, std::greater{}, most);
    const std::size_t shown = std::min(line.parts.size(), limits.devices);
    out.StartObject();
    text(out, "place", shown_text(line.place));
    percent(out, "used_percent", sums.used);
    percent(out, "needed_percent", sums.needed);
    out.Key("fits");
    out.Bool(sums.needed <= 1);
    number(out, "late_polls", sums.late_polls);
    number(out, "more_devices", line.parts.size() - shown);
    out.Key("devices");
    out.StartArray();
    for (std::size_t i = 0; i < shown; ++i) {
      const std::size_t place = line.parts[i].device.value;
      if (place >= board.site().devices.size()) continue;
      write_part(out, board.site().devices[place], line.parts[i], limits.counts);
    }
    out.EndArray();
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace hubward::observe
