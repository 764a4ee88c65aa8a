// Whole numbers as ranges: millions of consecutive sequence numbers cost one entry.
#pragma once

#include <cstdint>
#include <map>

namespace hubward::simcloud {

class IntervalSet {
 public:
  // False if it was in already.
  bool insert(std::uint64_t value) {
    auto after = ranges_.upper_bound(value);
    if (after != ranges_.begin()) {
      auto before = std::prev(after);
      if (value <= before->second) return false;
      if (before->second + 1 == value) {
        before->second = value;
        if (after != ranges_.end() && after->first == value + 1) {
          before->second = after->second;
          ranges_.erase(after);
        }
        ++size_;
        return true;
      }
    }
    if (after != ranges_.end() && after->first == value + 1) {
      const std::uint64_t last = after->second;
      ranges_.erase(after);
      ranges_.emplace(value, last);
    } else {
      ranges_.emplace(value, value);
    }
    ++size_;
    return true;
  }

  bool contains(std::uint64_t value) const {
    const auto after = ranges_.upper_bound(value);
    return after != ranges_.begin() && value <= std::prev(after)->second;
  }
  std::uint64_t size() const { return size_; }
  // First to last of each range, ascending.
  const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
  std::uint64_t size_ = 0;
};

}  // namespace hubward::simcloud
