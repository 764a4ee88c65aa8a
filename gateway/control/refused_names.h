// The file of the names that were refused, as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hubward::control {

constexpr std::size_t kRefusedBytesMax = 2 * 1024 * 1024;  // 1,000 of the longest, all escaped

[[nodiscard]] std::string refused_text(const std::vector<std::string>& names);
// Nothing: it is not what refused_text() writes.
[[nodiscard]] std::optional<std::vector<std::string>> refused_in(const std::string& text);

}  // namespace hubward::control
