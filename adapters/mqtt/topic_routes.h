// Whose message a topic is.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mqtt/settings.h"
#include "proto/mqtt/topic_template.h"

namespace hubward::mqtt {

// Devices with the same template share one subscription. One thread.
class TopicRoutes {
 public:
  // Error ConfigInvalid: a template is none, or two devices have the same topic.
  [[nodiscard]] static Result<TopicRoutes> make(const std::vector<DeviceSettings>& devices);

  // What to subscribe to, each filter once.
  [[nodiscard]] std::vector<std::string> filters() const;
  // The place of the device in the list given to make(). If the templates of several fit, the one
  // that came first in that list.
  [[nodiscard]] std::optional<std::size_t> device_of(std::string_view topic) const;

 private:
  struct Route {
    TopicTemplate topic;
    std::map<std::string, std::size_t, std::less<>> devices;  // by their name in the topic
  };
  std::vector<Route> routes_;
};

}  // namespace hubward::mqtt
