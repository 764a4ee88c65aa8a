#include "adapters/mqtt/topic_routes.h"

#include <algorithm>
#include <utility>

namespace hubward::mqtt {

Result<TopicRoutes> TopicRoutes::make(const std::vector<DeviceSettings>& devices) {
  TopicRoutes made;
  std::map<std::string, std::size_t> by_template;  // template -> its place in routes_
  for (std::size_t place = 0; place < devices.size(); ++place) {
    const DeviceSettings& device = devices[place];
    const auto invalid = [&](const std::string& why) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                     "topic \"" + device.topic_template + "\": " + why);
    };
    auto found = by_template.find(device.topic_template);
    if (found == by_template.end()) {
      auto topic = TopicTemplate::parse(device.topic_template);
      if (!topic) return invalid(topic.error().context);
      found = by_template.emplace(device.topic_template, made.routes_.size()).first;
      made.routes_.push_back({std::move(*topic), {}});
    }
    Route& route = made.routes_[found->second];
    const std::string name = route.topic.names_device() ? device.device_name : std::string();
    if (!route.devices.emplace(name, place).second) {
      return invalid("two devices have it" + (name.empty() ? "" : " for \"" + name + "\""));
    }
  }
  return made;
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

std::optional<std::size_t> TopicRoutes::device_of(std::string_view topic) const {
  std::optional<std::size_t> first;
  for (const Route& route : routes_) {
    const auto name = route.topic.match(topic);
    if (!name) continue;
    const auto found = route.devices.find(*name);
    if (found != route.devices.end() && (!first || found->second < *first)) first = found->second;
  }
  return first;
}

}  // namespace hubward::mqtt
