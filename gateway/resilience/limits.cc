#include "gateway/resilience/limits.h"

namespace hubward::resilience {
namespace {
constexpr double kOurPart = 0.8;
static_assert(kOurPart * (1 + kBurstSeconds + Limits{}.make_up_seconds) < 1);
// DPS is asked by other gateways too, and a device that waits for its turn loses nothing.
constexpr double kOurRegistrations = 0.6;
// Fresh readings keep the rest of the sends to themselves while stored ones drain.
constexpr double kBacklogPart = 0.5;
}  // namespace

Limits limits_for(Tier tier, std::uint32_t units) {
  const TierLimits* row = published_limits(tier);
  if (row == nullptr) return {};
  Limits limits;
  limits.connections_per_second = kOurPart * row->connections.of(units);
  limits.registrations_per_second = kOurRegistrations * row->registrations_per_minute / 60;
  limits.sends_per_second = kOurPart * row->sends.of(units);
  limits.twin_reads_per_second = kOurPart * row->twin_reads.of(units);
  limits.twin_updates_per_second = kOurPart * row->twin_updates.of(units);
  limits.backlog_sends_per_second = kBacklogPart * limits.sends_per_second;
  return limits;
}

}  // namespace hubward::resilience
