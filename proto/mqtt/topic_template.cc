#include "proto/mqtt/topic_template.h"

#include "proto/mqtt/topic_filter.h"

namespace hubward::mqtt {
namespace {

constexpr std::string_view kDevice = "{device}";

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
    if (level == kDevice) {
      if (made.device_level_) return wrong("{device} stands in it twice");
      made.device_level_ = place;
      made.filter_ += '+';
    } else if (level.find_first_of("{}") != std::string_view::npos) {
      return wrong("between two slashes only {device} and nothing beside it may stand in braces");
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

std::optional<std::string_view> TopicTemplate::match(std::string_view topic) const {
  if (!is_valid_topic(topic) || !matches(filter_, topic)) return std::nullopt;
  if (!device_level_) return std::string_view();
  std::string_view rest = topic;
  for (std::size_t place = 0; place < *device_level_; ++place) take_level(rest);
  const std::string_view device = take_level(rest);
  // "plant//telemetry" has a level without a name in it: nobody's.
  if (device.empty()) return std::nullopt;
  return device;
}

}  // namespace hubward::mqtt
