#include "adapters/mqtt/topic_routes.h"

#include <algorithm>
#include <utility>

namespace hubward::mqtt {

Result<TopicRoutes> TopicRoutes::make(const std::vector<Owner>& owners, Sharing sharing) {
  TopicRoutes made;
  for (const Owner& owner : owners) {
    if (const Status added = made.add(owner, sharing); !added) return tl::unexpected(added.error());
  }
  return made;
}

Status TopicRoutes::add(const Owner& owner, Sharing sharing) {
  const auto invalid = [&](const std::string& why) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   "topic \"" + owner.topic_template + "\": " + why);
  };
  auto found = by_template_.find(owner.topic_template);
  if (found == by_template_.end()) {
    auto topic = TopicTemplate::parse(owner.topic_template);
    if (!topic) return invalid(topic.error().context);
    found = by_template_.emplace(owner.topic_template, routes_.size()).first;
    routes_.push_back({std::move(*topic), {}});
  }
  Route& route = routes_[found->second];
  const std::string name = route.topic.names_device() ? owner.device_name : std::string();
  std::vector<std::size_t>& places = route.owners[name];
  if (!places.empty() && sharing == Sharing::Refused) {
    return invalid("two devices have it" + (name.empty() ? "" : " for \"" + name + "\""));
  }
  places.push_back(owner.place);
  return {};
}

std::vector<std::string> TopicRoutes::filters() const {
  std::vector<std::string> all;
  for (const Route& route : routes_) {
    if (std::find(all.begin(), all.end(), route.topic.filter()) == all.end()) {
      all.push_back(route.topic.filter());
    }
  }
  return all;
}

std::vector<std::size_t> TopicRoutes::owners_of(std::string_view topic) const {
  std::vector<std::size_t> all;
  for (const Route& route : routes_) {
    const auto names = route.topic.match(topic);
    if (!names) continue;
    const auto found = route.owners.find(names->device);
    if (found == route.owners.end()) continue;
    all.insert(all.end(), found->second.begin(), found->second.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace hubward::mqtt
