#include "gateway/config/topic_overlap.h"

namespace hubward::config {
namespace {

// Takes the first level off; nothing is left when it was the last one.
std::string_view take_level(std::optional<std::string_view>& rest) {
  const std::string_view all = *rest;
  const std::size_t slash = all.find('/');
  if (slash == std::string_view::npos) {
    rest.reset();
  } else {
    rest = all.substr(slash + 1);
  }
  return all.substr(0, slash);
}

// A wildcard at the first level matches no topic that begins with $ [MQTT-4.7.2-1].
bool hidden_from_wildcards(std::string_view level, bool first) {
  return first && level.starts_with('$');
}

}  // namespace

std::optional<std::size_t> TopicOverlap::add(std::string_view filter, std::size_t owner) {
  std::optional<std::size_t> overlapped;
  if (const Level* found = find(root_, filter, true)) overlapped = found->owner;
  Level* level = &root_;
  for (std::optional<std::string_view> rest = filter; rest;) {
    auto& next = level->next[std::string(take_level(rest))];
    if (!next) next = std::make_unique<Level>();
    level = next.get();
  }
  if (!level->owner) level->owner = owner;
  return overlapped;
}

// Each level of the tree is visited at most once, because only one path leads to it. The depth of
// the calls is that of the deepest filter, whose length the configuration bounds.
const TopicOverlap::Level* TopicOverlap::find(const Level& level,
                                              std::optional<std::string_view> rest, bool first) {
  const auto multi = level.next.find("#");
  if (!rest) {
    if (level.owner) return &level;
    // "a/#" also matches "a".
    return multi == level.next.end() ? nullptr : multi->second.get();
  }
  const std::string_view step = take_level(rest);
  if (step == "#") {
    if (!first && level.owner) return &level;
    return any_below(level, first);
  }
  const bool hidden = hidden_from_wildcards(step, first);
  if (multi != level.next.end() && !hidden) return multi->second.get();
  if (step == "+") {
    for (const auto& [name, next] : level.next) {
      if (hidden_from_wildcards(name, first)) continue;
      if (const Level* found = find(*next, rest, false)) return found;
    }
    return nullptr;
  }
  for (const std::string_view name : {step, std::string_view("+")}) {
    const auto next = level.next.find(name);
    if (next == level.next.end() || (name == "+" && hidden)) continue;
    if (const Level* found = find(*next->second, rest, false)) return found;
  }
  return nullptr;
}

const TopicOverlap::Level* TopicOverlap::any_below(const Level& level, bool first) {
  for (const auto& [name, next] : level.next) {
    if (hidden_from_wildcards(name, first)) continue;
    if (next->owner) return next.get();
    if (const Level* found = any_below(*next, false)) return found;
  }
  return nullptr;
}

}  // namespace hubward::config
