// "Did you mean": the known word nearest to a misspelt one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hubward::config {

// Steps (insert, delete, replace, swap of neighbours) between two words, without regard to case
// and to - and _. Words over 64 bytes count as far away.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, or an empty text if none is near enough to be meant.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace hubward::config
