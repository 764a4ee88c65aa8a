// One line to the readings of its tags.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "adapters/serial/line_pattern.h"
#include "adapters/serial/settings.h"

namespace hubward::serial {

// One thread.
class LineExtractor {
 public:
  // Error ConfigInvalid: the pattern is none, or a tag names a group that it does not have.
  [[nodiscard]] static Result<LineExtractor> make(const DeviceSettings& settings);

  // In the order of the tags; a tag whose group took no part in the match has none. A field that is
  // no number gives that tag a Bad reading, the others stay good. Error BadPayload: the line does
  // not match, or no tag got anything from it. LimitExceeded: matching was given up.
  [[nodiscard]] Result<std::vector<TagReading>> extract(std::string_view line);

 private:
  struct Field {
    TagSettings settings;
    std::uint32_t group;
  };
  LineExtractor(LinePattern pattern, std::vector<Field> fields)
      : pattern_(std::move(pattern)), fields_(std::move(fields)) {}

  LinePattern pattern_;
  std::vector<Field> fields_;
};

}  // namespace hubward::serial
