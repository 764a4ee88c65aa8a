// Whose message a topic is.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/mqtt/topic_template.h"

namespace hubward::mqtt {

// Owners with the same template share one subscription. One thread.
class TopicRoutes {
 public:
  struct Owner {
    std::size_t place = 0;    // for its user
    std::string device_name;  // what {device} stands for
    std::string topic_template;
  };
  enum class Sharing : std::uint8_t { Refused, Allowed };

  // Error ConfigInvalid: a template is none; or, where sharing is refused, two owners have the same
  // topic.
  [[nodiscard]] static Result<TopicRoutes> make(const std::vector<Owner>& owners, Sharing sharing);

  // One more. The same errors; after one nothing has changed.
  [[nodiscard]] Status add(const Owner& owner, Sharing sharing);

  // What to subscribe to, each filter once.
  [[nodiscard]] std::vector<std::string> filters() const;
  // The places of the owners, in the order given to make(). If several templates fit, the owners of
  // all of them.
  [[nodiscard]] std::vector<std::size_t> owners_of(std::string_view topic) const;

 private:
  struct Route {
    TopicTemplate topic;
    std::map<std::string, std::vector<std::size_t>, std::less<>> owners;  // by name in the topic
  };
  std::vector<Route> routes_;
  std::map<std::string, std::size_t, std::less<>> by_template_;  // the place in routes_
};

}  // namespace hubward::mqtt
