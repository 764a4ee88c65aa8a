// The whole plant in one sentence: what the page shows largest and `hubward status` prints first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/observe/condition.h"

namespace hubward::observe {

struct SiteSummary {
  std::size_t devices = 0;
  std::size_t delivering = 0;
  std::array<std::size_t, 4> by_severity{};  // indexed by Severity
  Severity severity = Severity::Normal;      // of the whole site
  // No device is online, and what is known of the reasons says: the network.
  std::optional<WallTime> cloud_out_since;
  OutboxCounts outbox;                // sums over all devices; dropped since the store was made
  std::uint64_t dropped = 0;          // in this run
  std::uint64_t expired = 0;          // in this run
  std::uint64_t quarantined = 0;      // in this run
  std::vector<DeviceIndex> alarms;    // the first few, for the sentence
  std::vector<DeviceIndex> warnings;  // likewise
};

// `conditions` and `views` in configuration order.
[[nodiscard]] SiteSummary summarize(const std::vector<std::shared_ptr<const DeviceView>>& views,
                                    const std::vector<Condition>& conditions);

[[nodiscard]] std::string site_sentence(const SiteDescription& site, const SiteSummary& summary,
                                        const std::vector<Condition>& conditions, WallTime now);

// The same from scratch, for callers that need nothing else.
[[nodiscard]] std::string site_sentence(const StatusBoard& board);

// To be added to the sentence: " This computer's clock is ...; ..."; empty unless it is wrong.
[[nodiscard]] std::string clock_sentence(const ClockState& clock);

}  // namespace hubward::observe
