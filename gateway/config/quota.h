// How many messages a day a site will send, held against what its hub or application allows. Pure:
// from settings to numbers and sentences, for `hubward check`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config/site_settings.h"

namespace hubward::config {

// Telemetry of one device. Properties, commands and answers are not in it: they come seldom, and
// nothing in the configuration tells how often.
struct DeviceQuota {
  // Absent: the device sends by itself, and its file does not say how often.
  std::optional<double> messages_a_day;
  // Blocks as the quota counts them: 4 KB, on the free tier 0.5 KB (reference section 3.5); from
  // the longest text that each value can have.
  double blocks_of_4_kb = 0;
  double blocks_of_half_kb = 0;
  std::string from;  // where the number comes from, in words
};

struct SiteQuota {
  std::vector<DeviceQuota> devices;  // by DeviceIndex
  // Of the devices whose rate is known.
  double messages_a_day = 0;
  double blocks_of_4_kb = 0;
  double blocks_of_half_kb = 0;
  std::size_t unknown = 0;  // devices whose rate is not
};

[[nodiscard]] SiteQuota quota_of(const SiteSettings& site);

// The smallest tier, and number of its units, whose daily quota holds so much: "s1 with 2 units".
[[nodiscard]] std::string smallest_tier(const SiteQuota& quota);

// Something that is over a limit.
struct QuotaExcess {
  std::optional<std::size_t> device;  // absent: the site as a whole
  std::string text;                   // how much, what is allowed, what to do
};
[[nodiscard]] std::vector<QuotaExcess> excesses(const SiteQuota& quota,
                                                const LimitSettings& limits);

// For people: a table with one line for each device, and a sentence on the tier under it. With a
// line feed at the end.
[[nodiscard]] std::string quota_text(const SiteSettings& site, const SiteQuota& quota);

}  // namespace hubward::config
