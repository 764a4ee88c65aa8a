#include "gateway/cli/status_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "gateway/cli/newcomer_text.h"
#include "proto/json.h"

namespace hubward::cli {
namespace {

// 10,000 devices with 1,000 tags each would be more; a gateway with so many is not looked at here.
constexpr json::Limits kStatusLimits{256 * 1024 * 1024, 16};
// Longer names are cut, so that one of them does not push the table apart.
constexpr std::size_t kCellMax = 44;
constexpr std::size_t kColumns = 6;
// Devices that wait to be approved.
constexpr std::size_t kNewcomersShown = 10;

using Row = std::array<std::string, kColumns>;

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Printable, and at most `most` characters.
std::string shown(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t characters = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U && characters++ == most) return out + "...";
    out += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return out;
}

std::string text_of(const json::Value& object, std::string_view key, std::size_t most = kCellMax) {
  const auto text = json::as_string(json::find(object, key));
  return text ? shown(*text, most) : "";
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string time_between(const json::Value& object, std::string_view key,
                         std::optional<std::int64_t> now_ms) {
  const auto at = json::as_int(json::find(object, key));
  if (!at || !now_ms) return "";
  // In floating point, because hostile numbers would overflow; a year is exact to the millisecond.
  const double apart = std::abs(static_cast<double>(*now_ms) - static_cast<double>(*at));
  return duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(std::min(apart, 1e15))));
}

Colour colour_of(const json::Value& device) {
  const std::string severity = text_of(device, "severity");
  if (severity == "alarm") return Colour::Red;
  if (severity == "warning") return Colour::Yellow;
  return severity == "normal" ? Colour::Green : Colour::Plain;
}

std::string counted(std::int64_t messages) {
  return std::to_string(messages) + (messages == 1 ? " message" : " messages");
}

// Sentences under a device's row: why it is silent, what comes next, and what was lost on
// the way. The whole words, uncut.
std::vector<std::string> notes_of(const json::Value& device, std::optional<std::int64_t> now_ms) {
  constexpr std::size_t kSentenceMax = 500;
  std::vector<std::string> notes;
  const auto add = [&](const char* label, const std::string& text) {
    if (!text.empty()) notes.push_back(std::string(label) + ": " + text);
  };
  std::string reason = text_of(device, "reason", kSentenceMax);
  const std::string detail = text_of(device, "detail", kSentenceMax);
  if (!detail.empty()) reason += (reason.empty() ? "" : " ") + ("(" + detail + ")");
  add("why", reason);
  std::string next = text_of(device, "gateway_does", kSentenceMax);
  const std::string until = time_between(device, "next_attempt_ms", now_ms);
  if (!until.empty()) next += (next.empty() ? "" : " ") + ("Next attempt in " + until + ".");
  add("next", next);
  add("you", text_of(device, "person_does", kSentenceMax));
  const auto count = [&](const char* key) {
    return json::as_int(json::find(device, key)).value_or(0);
  };
  if (const auto aside = count("quarantined"); aside > 0) {
    add("set aside", counted(aside) + " at which the hub closed the connection again and again");
  }
  if (const auto dropped = count("dropped"); dropped > 0) {
    add("dropped", counted(dropped) + ", the oldest, because the store was full");
  }
  if (const auto expired = count("expired"); expired > 0) {
    add("too old", counted(expired) + " older than is kept, dropped");
  }
  if (const auto refused = count("refused"); refused > 0) {
    add("refused", counted(refused) + ", because the store had no room");
  }
  if (const auto unstored = count("unstored"); unstored > 0) {
    add("not stored", counted(unstored) + ", because the disk failed or was too slow");
  }
  return notes;
}

Row row_of(const json::Value& device, std::optional<std::int64_t> now_ms) {
  const auto waiting = json::as_int(json::find(device, "waiting"));
  return {or_dash(text_of(device, "name")),  or_dash(text_of(device, "id")),
          or_dash(text_of(device, "state")), or_dash(time_between(device, "since_ms", now_ms)),
          or_dash(text_of(device, "hub")),   waiting ? std::to_string(*waiting) : "-"};
}

std::string line(const Row& row, const std::array<std::size_t, kColumns>& widths) {
  std::string out;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const std::size_t pad = widths[i] - std::min(widths[i], width(row[i]));
    if (i + 1 == kColumns) {
      out += std::string(pad, ' ') + row[i];  // numbers stand right
    } else {
      out += row[i] + std::string(pad + 2, ' ');
    }
  }
  return out;
}

std::string table(const json::Value& devices, std::optional<std::int64_t> now_ms,
                  const Paint& paint) {
  const Row head{"DEVICE", "IDENTITY", "STATE", "SINCE", "HUB", "WAITING"};
  std::vector<Row> rows;
  std::array<std::size_t, kColumns> widths{};
  for (std::size_t i = 0; i < kColumns; ++i) widths[i] = head[i].size();
  for (const auto& device : devices.GetArray()) {
    rows.push_back(row_of(device, now_ms));
    for (std::size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], width(rows.back()[i]));
    }
  }
  std::string out = paint(Colour::Bold, line(head, widths)) + "\n";
  for (rapidjson::SizeType i = 0; i < devices.Size(); ++i) {
    out += paint(colour_of(devices[i]), line(rows[i], widths)) + "\n";
    for (const auto& note : notes_of(devices[i], now_ms)) out += "    " + note + "\n";
  }
  return out;
}

double number_of(const json::Value& object, std::string_view key) {
  const auto value = json::as_double(json::find(object, key));
  return value && std::isfinite(*value) ? std::clamp(*value, 0.0, 1e6) : 0;
}

std::string percent_of(const json::Value& object, std::string_view key) {
  const auto tenths = std::llround(number_of(object, key) * 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

std::string padded(std::string text, std::size_t columns) {
  text += std::string(columns - std::min(columns, width(text)), ' ');
  return text;
}

// Who uses how much of each line, and what is asked of it.
std::string lines_table(const json::Value& lines, const Paint& paint) {
  std::string out;
  for (const auto& line : lines.GetArray()) {
    const bool fits = json::as_bool(json::find(line, "fits")).value_or(true);
    const auto late = json::as_int(json::find(line, "late_polls")).value_or(0);
    out += "\n" +
           paint(fits ? Colour::Bold : Colour::Yellow,
                 text_of(line, "place", 200) + ": needs " + percent_of(line, "needed_percent") +
                     (fits ? "" : ", cannot fit") + "; uses " + percent_of(line, "used_percent")) +
           (late > 0 ? "; " + std::to_string(late) + (late == 1 ? " poll" : " polls") +
                           " left out, the line was busy"
                     : "") +
           "\n";
    const auto* devices = json::find(line, "devices");
    if (devices == nullptr || !devices->IsArray()) continue;
    for (const auto& device : devices->GetArray()) {
      const auto us = json::as_int(json::find(device, "turnaround_us"));
      out += "    " + padded(text_of(device, "id"), 26) + "needs " +
             padded(percent_of(device, "needed_percent"), 9) + "uses " +
             padded(percent_of(device, "used_percent"), 9) +
             (us && *us >= 0 ? "answers after " + std::to_string(*us / 1000) + "." +
                                   std::to_string(*us % 1000 / 100) + " ms"
                             : "has not answered") +
             "\n";
    }
  }
  return out;
}

}  // namespace

Result<std::string> status_text(std::string_view status_json, const Paint& paint) {
  auto document = json::parse(status_json, kStatusLimits);
  if (!document) return tl::unexpected(document.error());
  const auto* devices = json::find(*document, "devices");
  if (devices == nullptr || !devices->IsArray()) {
    return failure(ErrorCode::Malformed, ErrorKind::Corrupt, "there is no list of devices");
  }
  const auto now_ms = json::as_int(json::find(*document, "now_ms"));
  std::string out;
  if (const auto* site = json::find(*document, "site")) {
    const std::string sentence = text_of(*site, "sentence", 500);
    if (!sentence.empty()) out += paint(Colour::Bold, sentence) + "\n\n";
  }
  out += table(*devices, now_ms, paint);
  const auto* lines = json::find(*document, "lines");
  if (lines != nullptr && lines->IsArray()) out += lines_table(*lines, paint);
  if (const auto* newcomers = json::find(*document, "newcomers")) {
    const std::string waiting = newcomers_text(*newcomers, now_ms, kNewcomersShown, paint);
    if (!waiting.empty()) out += "\n" + waiting;
  }
  return out;
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const auto two = [](std::int64_t large, const char* large_unit, std::int64_t small,
                      const char* small_unit) {
    return std::to_string(large) + " " + large_unit +
           (small == 0 ? "" : " " + std::to_string(small) + " " + small_unit);
  };
  if (seconds < 60) return std::to_string(std::max<std::int64_t>(seconds, 0)) + " s";
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
  return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

}  // namespace hubward::cli
