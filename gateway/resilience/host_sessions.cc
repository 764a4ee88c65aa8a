#include "gateway/resilience/host_sessions.h"

#include <algorithm>

namespace hubward::resilience {

void HostSessions::ended(DeviceIndex device, bool unasked, SteadyTime now) {
  const auto session = standing_.find(device);
  if (session == standing_.end()) return;
  const bool soon = now - session->second < kStands;
  standing_.erase(session);
  if (unasked && soon) {
    thrown_out_[device] = now;
  } else {
    thrown_out_.erase(device);
  }
}

bool HostSessions::closes_everybody(SteadyTime now) const {
  if (thrown_out_.size() < kThrownOutMin) return false;
  const auto recent = std::count_if(thrown_out_.begin(), thrown_out_.end(),
                                    [&](const auto& one) { return now - one.second <= kWithin; });
  return static_cast<std::size_t>(recent) >= kThrownOutMin &&
         std::none_of(standing_.begin(), standing_.end(),
                      [&](const auto& one) { return now - one.second >= kStands; });
}

bool HostSessions::only_this_one(DeviceIndex device, SteadyTime now) const {
  return std::none_of(thrown_out_.begin(), thrown_out_.end(), [&](const auto& one) {
    return one.first != device && now - one.second <= kWithin;
  });
}

bool HostSessions::empty(SteadyTime now) const {
  return standing_.empty() &&
         std::all_of(thrown_out_.begin(), thrown_out_.end(),
                     [&](const auto& one) { return now - one.second > kWithin; });
}

}  // namespace hubward::resilience
