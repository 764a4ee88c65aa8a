#include "gateway/config/suggest.h"

#include <algorithm>
#include <array>

namespace hubward::config {
namespace {

// No key or word of ours is longer; it bounds the work for hostile ones.
constexpr std::size_t kWordMax = 64;

std::string bare(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c == '-' || c == '_' || c == ' ') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace

std::size_t edit_distance(std::string_view first, std::string_view second) {
  if (first.size() > kWordMax || second.size() > kWordMax) return kWordMax;
  const std::string a = bare(first);
  const std::string b = bare(second);
  // Rows i-2, i-1 and i of the optimal string alignment table.
  std::array<std::array<std::size_t, kWordMax + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  if (word.size() > kWordMax) return best;
  // A third of the letters may be wrong: "prot" is port, "colour" is not host.
  std::size_t best_distance = std::max<std::size_t>(1, bare(word).size() / 3) + 1;
  for (const auto& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace hubward::config
