#include "gateway/resilience/admission.h"

#include <algorithm>

namespace hubward::resilience {
namespace {
// Timers fire a little late; this much may be made up for at once, so that the rate is reached.
constexpr double kBurstSeconds = 0.05;
// Our own network comes back for everybody: look for it a little more often than a device does.
constexpr BackoffSettings kProbe{.initial = std::chrono::seconds(2),
                                 .max = std::chrono::minutes(1)};
// A probe that never reports (a defect of ours) must not close DPS for ever.
constexpr std::chrono::minutes kProbeLost{5};
}  // namespace

Admission::Admission(AdmissionSettings settings, RandomSource& random)
    : hub_{TokenBucket(settings.connections_per_second,
                       settings.connections_per_second * kBurstSeconds),
           {},
           {}},
      dps_{TokenBucket(settings.registrations_per_second,
                       settings.registrations_per_second * kBurstSeconds),
           {},
           {}},
      probe_backoff_(kProbe, random) {}

void Admission::leave(Queue& queue, DeviceIndex device) {
  if (queue.known.erase(device) != 0) std::erase(queue.waiting, device);
}

DeviceIndex Admission::take_front(Queue& queue) {
  const DeviceIndex device = queue.waiting.front();
  queue.waiting.pop_front();
  queue.known.erase(device);
  return device;
}

void Admission::request(DeviceIndex device, Gate gate) {
  Queue& wanted = gate == Gate::Hub ? hub_ : dps_;
  leave(gate == Gate::Hub ? dps_ : hub_, device);
  if (wanted.known.insert(device).second) wanted.waiting.push_back(device);
}

void Admission::withdraw(DeviceIndex device) {
  leave(hub_, device);
  leave(dps_, device);
}

SteadyTime Admission::dps_open_at(SteadyTime now) {
  const SteadyTime bucket = dps_.bucket.next_at(now);
  return dps_reachable_ ? bucket : std::max(bucket, next_probe_);
}

std::vector<Admission::Grant> Admission::take_granted(SteadyTime now) {
  std::vector<Grant> grants;
  while (!hub_.waiting.empty() && hub_.bucket.try_take(now)) {
    grants.push_back({take_front(hub_), Gate::Hub});
  }
  while (!dps_.waiting.empty() && dps_open_at(now) <= now && dps_.bucket.try_take(now)) {
    grants.push_back({take_front(dps_), Gate::Dps});
    if (!dps_reachable_) {
      probing_ = true;
      next_probe_ = now + kProbeLost;  // moved by the probe's outcome
    }
  }
  return grants;
}

std::optional<SteadyTime> Admission::next_at(SteadyTime now) {
  std::optional<SteadyTime> next;
  if (!hub_.waiting.empty()) next = hub_.bucket.next_at(now);
  if (!dps_.waiting.empty()) {
    const SteadyTime dps = dps_open_at(now);
    next = next ? std::min(*next, dps) : dps;
  }
  return next;
}

void Admission::dps_unreachable(SteadyTime now) {
  // Conversations begun before the outage all end the same way: only a probe's end is news.
  if (!dps_reachable_ && !probing_) return;
  dps_reachable_ = false;
  probing_ = false;
  next_probe_ = now + probe_backoff_.next();
}

void Admission::dps_reached() {
  dps_reachable_ = true;
  probing_ = false;
  probe_backoff_.reset();
}

}  // namespace hubward::resilience
