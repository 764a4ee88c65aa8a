#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hubward::config {

// Finds two MQTT topic filters that some topic matches both. A tree by levels, so that 10,000
// devices need no 50 million comparisons.
class TopicOverlap {
 public:
  // Adds a valid filter. Returns the owner of one added before that overlaps with it, if any.
  std::optional<std::size_t> add(std::string_view filter, std::size_t owner);

 private:
  struct Level {
    std::map<std::string, std::unique_ptr<Level>, std::less<>> next;
    std::optional<std::size_t> owner;  // of the filter that ends here
  };

  static const Level* find(const Level& level, std::optional<std::string_view> rest, bool first);
  static const Level* any_below(const Level& level, bool first);

  Level root_;
};

}  // namespace hubward::config
