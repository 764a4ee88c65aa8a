#include "proto/mqtt/topic_template.h"

#include <algorithm>

#include "proto/mqtt/topic_filter.h"

namespace hubward::mqtt {
namespace {

// In the order of TopicTemplate::Name.
constexpr std::array<std::string_view, 3> kPlaces{"{device}", "{component}", "{tag}"};

tl::unexpected<Error> wrong(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(why));
}

std::string_view take_level(std::string_view& rest) {
  const auto slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return level;
}

}  // namespace

Result<TopicTemplate> TopicTemplate::parse(std::string_view text) {
  TopicTemplate made;
  std::string_view rest = text;
  for (std::size_t place = 0;; ++place) {
    const bool last = rest.find('/') == std::string_view::npos;
    const std::string_view level = take_level(rest);
    const auto name = std::find(kPlaces.begin(), kPlaces.end(), level);
    if (name != kPlaces.end()) {
      auto& known = made.levels_[static_cast<std::size_t>(name - kPlaces.begin())];
      if (known) return wrong(std::string(level) + " stands in it twice");
      known = place;
      made.filter_ += '+';
    } else if (level.find_first_of("{}") != std::string_view::npos) {
      return wrong(
          "between two slashes only {device}, {component} or {tag}, and nothing beside it, may "
          "stand in braces");
    } else {
      made.filter_ += level;
    }
    if (last) break;
    made.filter_ += '/';
  }
  if (!is_valid_filter(made.filter_)) {
    return wrong("no valid topic: + must stand alone between slashes, # alone at the end");
  }
  return made;
}

std::optional<TopicNames> TopicTemplate::match(std::string_view topic) const {
  if (!is_valid_topic(topic) || !matches(filter_, topic)) return std::nullopt;
  TopicNames names;
  const std::array<std::string_view*, 3> found{&names.device, &names.component, &names.tag};
  const auto last = *std::max_element(levels_.begin(), levels_.end());
  if (!last) return names;
  std::string_view rest = topic;
  for (std::size_t place = 0; place <= *last; ++place) {
    const std::string_view level = take_level(rest);
    for (std::size_t name = 0; name < found.size(); ++name) {
      if (levels_[name] != place) continue;
      // "plant//telemetry" has a level without a name in it: nobody's.
      if (level.empty()) return std::nullopt;
      *found[name] = level;
    }
  }
  return names;
}

}  // namespace hubward::mqtt
