#include "gateway/cli/why_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "proto/json.h"

namespace hubward::cli {
namespace {

constexpr std::size_t kLineMax = 1000;

std::string text_of(const json::Value& object, std::string_view key) {
  const auto text = json::as_string(json::find(object, key));
  if (!text) return {};
  std::string out(text->substr(0, kLineMax));
  std::replace_if(
      out.begin(), out.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return out;
}

std::int64_t number_of(const json::Value& object, std::string_view key) {
  return json::as_int(json::find(object, key)).value_or(0);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

Colour colour_of(const std::string& state) {
  if (state == "ok") return Colour::Green;
  return state == "stopped here" ? Colour::Red : Colour::Plain;
}

// Not an address: those need no name server.
bool is_name(const std::string& host) {
  return host.find_first_not_of("0123456789.") != std::string::npos &&
         host.find(':') == std::string::npos;
}

std::string seconds_words(std::int64_t ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f s", static_cast<double>(ms) / 1000);
  return text.data();
}

std::string messages(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " message" : " messages");
}

void add_line(std::string& out, const std::string& name, const std::string& value,
              const std::string& note = {}) {
  out += "  " + padded(name, 34) + padded(value, note.empty() ? 0 : 8) +
         (note.empty() ? "" : "  " + note) + "\n";
}

void add_after(std::string& out, const json::Value& drill, const char* key, const char* name) {
  const auto ms = json::as_int(json::find(drill, key));
  add_line(out, name, ms ? seconds_words(*ms) : "not yet");
}

tl::unexpected<Error> not_such(const char* what) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, what);
}

// What the drill showed, in one sentence.
std::string outcome_of(const json::Value& drill) {
  const bool finished = json::as_bool(json::find(drill, "finished")).value_or(false);
  const std::int64_t lost = number_of(drill, "lost");
  const std::int64_t aside = number_of(drill, "set_aside");
  const std::int64_t waiting = number_of(drill, "waiting");
  if (text_of(drill, "hub_after").empty()) {
    return "No hub has accepted the device yet. Every message is kept; `hubward why " +
           text_of(drill, "device") + "` says what is wrong.";
  }
  if (lost > 0) return messages(lost) + " had to be dropped because the store is full.";
  if (aside > 0) return messages(aside) + " went to quarantine; see `hubward quarantine`.";
  if (finished) return "Everything that had to arrive was acknowledged; nothing was lost.";
  if (waiting > 0) {
    return messages(waiting) + " not acknowledged yet; the store keeps them until they are.";
  }
  return "The device logged in again; it had no message to send meanwhile.";
}

}  // namespace

Result<std::string> why_text(std::string_view why_json, const Paint& paint) {
  const auto document = json::parse(why_json);
  if (!document) return tl::unexpected(document.error());
  const auto* steps = json::find(*document, "steps");
  const auto* open = json::find(*document, "open");
  if (steps == nullptr || !steps->IsArray() || open == nullptr || !open->IsArray()) {
    return not_such("there are no steps");
  }
  const std::string device = text_of(*document, "device");
  const std::string name = text_of(*document, "name");
  std::string out = paint(Colour::Bold, name == device ? name : name + " (" + device + ")") + "\n";
  std::string part;
  for (const auto& step : steps->GetArray()) {
    if (text_of(step, "part") != part) {
      part = text_of(step, "part");
      out += "\n" + part + "\n";
    }
    const std::string state = text_of(step, "state");
    out += "  " + paint(colour_of(state), padded(state, 14)) + padded(text_of(step, "name"), 18) +
           text_of(step, "text");
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  const bool online = json::as_bool(json::find(*document, "online")).value_or(false);
  out += "\n" + paint(online ? Colour::Green : Colour::Red, text_of(*document, "verdict")) + "\n";
  const std::string person = text_of(*document, "person_does");
  const std::string gateway = text_of(*document, "gateway_does");
  if (!person.empty()) out += "To do: " + person + "\n";
  if (!gateway.empty()) out += "hubward: " + gateway + "\n";
  out +=
      "\nOpen in the firewall, outwards only (nothing comes in), and exempt from TLS inspection:\n";
  bool any_name = false;
  for (const auto& host : open->GetArray()) {
    any_name = any_name || is_name(text_of(host, "host"));
    out += "  " +
           padded("TCP " + std::to_string(number_of(host, "port")) + " to " + text_of(host, "host"),
                  58) +
           text_of(host, "for") + "\n";
  }
  if (any_name) out += "The name server of this computer must resolve these names.\n";
  return out;
}

Result<DrillText> drill_text(std::string_view drill_json, const Paint& paint) {
  const auto document = json::parse(drill_json);
  if (!document) return tl::unexpected(document.error());
  if (json::find(*document, "expected") == nullptr) return not_such("it counts nothing");
  const json::Value& drill = *document;
  const std::string before = text_of(drill, "hub_before");
  const std::string after = text_of(drill, "hub_after");
  DrillText shown;
  std::string& out = shown.text;
  out = paint(Colour::Bold, "Rehearsed failover of " + text_of(drill, "device")) + "\n";
  add_line(out, "hub before", before);
  add_line(out, "hub after", after.empty() ? "none yet" : after,
           after == before ? "the same: provisioning named it again" : "");
  add_line(out, "provisioning asked", std::to_string(number_of(drill, "dps_conversations")));
  add_line(out, "logins at a hub", std::to_string(number_of(drill, "logins")));
  add_after(out, drill, "accepted_after_ms", "link down to login accepted");
  add_after(out, drill, "first_acknowledged_after_ms", "link down to first PUBACK");
  add_line(out, "sent on the new link", std::to_string(number_of(drill, "sent")));
  add_line(out, "had to arrive", std::to_string(number_of(drill, "expected")),
           "held when the link dropped, or taken before the first PUBACK");
  add_line(out, "received", std::to_string(number_of(drill, "acknowledged")),
           "acknowledged by the hub, each by its sequence number");
  add_line(out, "repeated", std::to_string(number_of(drill, "repeated")),
           "were on their way when the link dropped; same message id");
  if (number_of(drill, "waiting") > 0) {
    add_line(out, "waiting", std::to_string(number_of(drill, "waiting")));
  }
  add_line(out, "lost", std::to_string(number_of(drill, "lost")));
  shown.fine = json::as_bool(json::find(drill, "finished")).value_or(false) &&
               number_of(drill, "lost") == 0 && number_of(drill, "set_aside") == 0;
  out += paint(shown.fine ? Colour::Green : Colour::Yellow, outcome_of(drill)) + "\n";
  return shown;
}

}  // namespace hubward::cli
