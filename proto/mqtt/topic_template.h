// A topic with a place for the device's name: "plant/{device}/telemetry".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::mqtt {

// A topic filter (MQTT 3.1.1 section 4.7) in which one whole level may be `{device}`; `+` and `#`
// are allowed beside it.
class TopicTemplate {
 public:
  // Error Malformed: what is wrong, in words for the person who wrote it.
  [[nodiscard]] static Result<TopicTemplate> parse(std::string_view text);

  // What to subscribe to: the template with `+` for `{device}`.
  [[nodiscard]] const std::string& filter() const { return filter_; }
  [[nodiscard]] bool names_device() const { return device_level_.has_value(); }

  // The device's name in `topic`; empty if the template has no `{device}`. Nothing if the topic is
  // not one of this template. The result is part of `topic`.
  [[nodiscard]] std::optional<std::string_view> match(std::string_view topic) const;

 private:
  std::string filter_;
  std::optional<std::size_t> device_level_;  // from 0
};

}  // namespace hubward::mqtt
