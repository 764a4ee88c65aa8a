#include "gateway/cli/newcomer_text.h"

#include <algorithm>

#include "gateway/cli/status_text.h"

namespace hubward::cli {
namespace {

// The gateway has made all of it printable.
std::string text_of(const json::Value& object, std::string_view key) {
  return std::string(json::as_string(json::find(object, key)).value_or(""));
}

std::int64_t count_of(const json::Value& object, std::string_view key) {
  return std::max<std::int64_t>(json::as_int(json::find(object, key)).value_or(0), 0);
}

// For a shell: a name may hold anything that a topic may.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@";
  if (!text.empty() && text.front() != '-' && text.find_first_not_of(kPlain) == std::string::npos) {
    return text;
  }
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return (text.starts_with('-') ? "-- " : "") + quoted + "'";
}

std::string messages(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " message" : " messages");
}

}  // namespace

std::string newcomers_text(const json::Value& newcomers, std::optional<std::int64_t> now_ms,
                           std::size_t at_most, const Paint& paint) {
  const auto* devices = json::find(newcomers, "devices");
  const std::int64_t waiting = count_of(newcomers, "waiting");
  if (devices == nullptr || !devices->IsArray() || waiting == 0) return "";
  std::string out = paint(Colour::Bold, std::to_string(waiting) +
                                            (waiting == 1 ? " device waits" : " devices wait") +
                                            " to be approved; nothing of them is stored:") +
                    "\n";
  std::size_t shown = 0;
  for (const auto& one : devices->GetArray()) {
    if (shown++ == at_most) break;
    const std::string name = text_of(one, "name");
    const auto first = json::as_int(json::find(one, "first_ms"));
    out += "  " + name + ", by rule " + text_of(one, "rule") + ": " +
           messages(count_of(one, "messages"));
    if (first && now_ms && *now_ms >= *first) {
      out += " since " + duration_text(std::chrono::milliseconds(*now_ms - *first));
    }
    out += " on " + text_of(one, "topic") + "\n";
    if (const std::string sample = text_of(one, "sample"); !sample.empty()) {
      out += "    last: " + sample + "\n";
    }
    if (const std::string problem = text_of(one, "problem"); !problem.empty()) {
      out += "    " + paint(Colour::Yellow, problem) + "\n";
    }
    if (!json::as_bool(json::find(one, "approved")).value_or(false)) {
      out += "    hubward onboard approve " + shell_word(name) + "\n";
    }
  }
  if (static_cast<std::size_t>(waiting) > std::min<std::size_t>(shown, at_most)) {
    out += "  and more: hubward onboard list\n";
  }
  if (const auto evicted = count_of(newcomers, "evicted"); evicted > 0) {
    out += "  " + std::to_string(evicted) +
           " had to make room for others; their next message brings them back\n";
  }
  return out;
}

}  // namespace hubward::cli
