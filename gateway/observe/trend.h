// The last points of one numeric tag, for the small curves on the page.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "gateway/api/reading.h"

namespace hubward::observe {

struct TrendPoint {
  WallTime at;
  double value = 0;
};

// A ring that grows up to its limit. A point that comes less than kSpacing after the last one
// replaces it, so that a fast tag's curve still spans two minutes. One thread at a time.
class Trend {
 public:
  static constexpr std::chrono::milliseconds kSpacing{1000};

  explicit Trend(std::size_t points_max) : points_max_(points_max) {}

  void add(TrendPoint point) {
    if (points_max_ == 0) return;
    // The clock may have been set back: such a point replaces the last one, too.
    if (!points_.empty() && point.at < slot_begin_ + kSpacing) {
      if (point.at < slot_begin_) slot_begin_ = point.at;
      points_[newest_] = point;
      return;
    }
    slot_begin_ = point.at;
    if (points_.size() < points_max_) {
      // No more than the limit: with thousands of tags what a vector keeps ahead is megabytes.
      if (points_.size() == points_.capacity()) {
        points_.reserve(std::min(points_max_, std::max<std::size_t>(4, 2 * points_.size())));
      }
      points_.push_back(point);
      newest_ = points_.size() - 1;
      return;
    }
    newest_ = (newest_ + 1) % points_max_;
    points_[newest_] = point;
  }

  // The wall clock has been set: the points lie as long ago as before.
  void shift(std::chrono::milliseconds by) {
    for (TrendPoint& point : points_) point.at += by;
    slot_begin_ += by;
  }

  [[nodiscard]] std::vector<TrendPoint> oldest_first() const {
    std::vector<TrendPoint> ordered;
    ordered.reserve(points_.size());
    for (std::size_t i = 1; i <= points_.size(); ++i) {
      ordered.push_back(points_[(newest_ + i) % points_.size()]);
    }
    return ordered;
  }

 private:
  std::size_t points_max_;
  std::size_t newest_ = 0;
  WallTime slot_begin_;
  std::vector<TrendPoint> points_;
};

// What can be drawn: numbers and switches.
[[nodiscard]] inline std::optional<double> drawable(const TagReading& reading) {
  if (reading.quality != Quality::Good) return std::nullopt;
  struct Visitor {
    std::optional<double> operator()(bool value) const { return value ? 1.0 : 0.0; }
    std::optional<double> operator()(std::int64_t value) const {
      return static_cast<double>(value);
    }
    std::optional<double> operator()(std::uint64_t value) const {
      return static_cast<double>(value);
    }
    std::optional<double> operator()(double value) const { return value; }
    std::optional<double> operator()(const std::string&) const { return std::nullopt; }
  };
  return std::visit(Visitor{}, reading.value);
}

}  // namespace hubward::observe
