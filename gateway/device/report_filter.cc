#include "gateway/device/report_filter.h"

#include <cmath>

namespace hubward::device {
namespace {

std::optional<double> as_number(const TagValue& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*u);
  if (const auto* d = std::get_if<double>(&value)) return *d;
  return std::nullopt;
}

bool left_the_band(const TagValue& before, const TagValue& now, const ReportRule& rule) {
  if (before == now) return false;
  const auto from = as_number(before);
  const auto to = as_number(now);
  if (!from || !to) return true;
  const double step = std::abs(*to - *from);
  // Integers beyond 2^53 may differ where their doubles do not.
  if (rule.dead_band == 0 && rule.dead_band_percent == 0) return true;
  return step > rule.dead_band && step > std::abs(*from) * rule.dead_band_percent / 100;
}

}  // namespace

bool ReportFilter::passes(const TagReading& reading, SteadyTime at) {
  if (reading.tag.value >= device_.tags.size()) return false;
  const ReportRule& rule = device_.tags[reading.tag.value].report;
  if (!rule.on_change) return true;
  auto& last = reported_[reading.tag.value];
  const auto changed = [&] {
    if (!last || last->reading.quality != reading.quality) return true;
    if (reading.quality == Quality::Bad) return last->reading.code != reading.code;
    return left_the_band(last->reading.value, reading.value, rule);
  };
  const bool silent_too_long = last && rule.silence_max && at - last->at >= *rule.silence_max;
  if (!changed() && !silent_too_long) return false;
  last = Reported{reading, at};
  return true;
}

}  // namespace hubward::device
