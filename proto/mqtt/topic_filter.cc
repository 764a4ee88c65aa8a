#include "proto/mqtt/topic_filter.h"

#include <cstddef>

namespace hubward::mqtt {
namespace {

constexpr std::size_t kTopicBytesMax = 65'535;  // two length bytes, section 1.5.3

bool is_sized_text(std::string_view text) {
  return !text.empty() && text.size() <= kTopicBytesMax &&
         text.find('\0') == std::string_view::npos;
}

// Takes the first level off `rest`; nothing is left of `rest` (data() null) after the last one.
std::string_view take_level(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return level;
}

}  // namespace

bool is_valid_filter(std::string_view filter) {
  if (!is_sized_text(filter)) return false;
  while (filter.data() != nullptr) {
    const std::string_view level = take_level(filter);
    if (level == "#") return filter.data() == nullptr;
    if (level != "+" && level.find_first_of("#+") != std::string_view::npos) return false;
  }
  return true;
}

bool is_valid_topic(std::string_view topic) {
  return is_sized_text(topic) && topic.find_first_of("#+") == std::string_view::npos;
}

bool matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && !filter.starts_with('$')) return false;
  while (filter.data() != nullptr) {
    const std::string_view wanted = take_level(filter);
    if (wanted == "#") return true;  // also the parent level itself, section 4.7.1.2
    if (topic.data() == nullptr) return false;
    const std::string_view level = take_level(topic);
    if (wanted != "+" && wanted != level) return false;
  }
  return topic.data() == nullptr;
}

}  // namespace hubward::mqtt
