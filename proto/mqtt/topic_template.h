// A topic with places for names: "plant/{device}/{component}/{tag}".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::mqtt {

// What stands in a topic where the template has {device}, {component} and {tag}; empty where it has
// no such place. Parts of the topic.
struct TopicNames {
  std::string_view device{}, component{}, tag{};
  bool operator==(const TopicNames&) const = default;
};

// A topic filter (MQTT 3.1.1 section 4.7) in which whole levels may be `{device}`, `{component}`
// and
// `{tag}`, each once; `+` and `#` are allowed beside them.
class TopicTemplate {
 public:
  // Error Malformed: what is wrong, in words for the person who wrote it.
  [[nodiscard]] static Result<TopicTemplate> parse(std::string_view text);

  // What to subscribe to: the template with `+` for the names.
  [[nodiscard]] const std::string& filter() const { return filter_; }
  [[nodiscard]] bool names_device() const { return levels_[kDevice].has_value(); }
  [[nodiscard]] bool names_component() const { return levels_[kComponent].has_value(); }
  [[nodiscard]] bool names_tag() const { return levels_[kTag].has_value(); }

  // The names in `topic`. Nothing if the topic is not one of this template.
  [[nodiscard]] std::optional<TopicNames> match(std::string_view topic) const;

 private:
  std::string filter_;
  enum Name : std::uint8_t { kDevice, kComponent, kTag };
  std::array<std::optional<std::size_t>, 3> levels_;  // of each name, from 0
};

}  // namespace hubward::mqtt
