// What hubward takes of what the services allow.
#pragma once

#include <chrono>
#include <cstdint>

#include "gateway/api/service_tier.h"

namespace hubward::resilience {

// For all devices of this gateway together: of one hub, and of one id scope. A rate of 0 is
// unlimited, except for connections and registrations, which always have one.
struct Limits {
  double connections_per_second = 20;
  double registrations_per_second = 2;
  double sends_per_second = 0;
  double twin_reads_per_second = 0;
  double twin_updates_per_second = 0;
  // The part of the sends that stored messages of earlier may use, so that fresh ones get through.
  double backlog_sends_per_second = 0;
  // What a loop that comes late, as it does on a busy machine, may make up for at once of each rate
  // that somebody waits for. Our rates are parts of published ones and leave room for a fifth of a
  // second's worth (the buckets' own burst is a twentieth): no second sees more than is published.
  double make_up_seconds = 0.15;
  // The longest pause between two looks at an endpoint that does not answer. Short, because it is
  // one login for the whole gateway, and everybody waits for what it finds.
  std::chrono::milliseconds look_pause_max{15000};
  // The same for DPS, which most devices can do without: they have a hub, and look at that.
  std::chrono::milliseconds dps_look_pause_max{120000};
};

// Timers fire a little late; this much may be taken at once, so that each rate is reached.
inline constexpr double kBurstSeconds = 0.05;

// A part of each published rate, because a hub and a scope serve others too, and what they do over
// their limit (queueing, then closing connections) costs more than waiting. For an unknown tier:
// the defaults above.
[[nodiscard]] Limits limits_for(Tier tier, std::uint32_t units);

}  // namespace hubward::resilience
