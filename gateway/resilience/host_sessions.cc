#include "gateway/resilience/host_sessions.h"

#include <algorithm>

namespace hubward::resilience {

void HostSessions::begun(DeviceIndex device, SteadyTime now) {
  standing_[device] = now;
  kept_out_.erase(device);
}

void HostSessions::ended(DeviceIndex device, bool unasked, SteadyTime now) {
  const auto session = standing_.find(device);
  if (session == standing_.end()) return;
  const SteadyTime login = session->second;
  standing_.erase(session);
  if (unasked && now - login < kStands) {
    thrown_out_[device] = now;
  } else {
    thrown_out_.erase(device);
  }
  if (now - login >= kSoon) {
    loop_ = {};
  } else if (unasked) {
    closed_soon(device, login, now);
  }
}

void HostSessions::closed_soon(DeviceIndex device, SteadyTime login, SteadyTime now) {
  if (loop_.rounds > 0 && now - loop_.last > kWithin) loop_ = {};
  if (loop_.rounds == 0) loop_.began = now;
  if (loop_.rounds == 0 || login >= loop_.round_began) {
    ++loop_.rounds;
    loop_.round_began = now;
  }
  loop_.last = now;
  loop_.devices.insert(device);
}

bool HostSessions::is_in_loop(SteadyTime now) const {
  return loop_.rounds >= kRoundsMin && loop_.devices.size() >= kDevicesMin &&
         now - loop_.last <= kWithin;
}

bool HostSessions::none_stands(std::chrono::seconds time, SteadyTime now) const {
  return std::none_of(standing_.begin(), standing_.end(),
                      [&](const auto& one) { return now - one.second >= time; });
}

bool HostSessions::logins_prove_nothing(SteadyTime now) const {
  return is_in_loop(now) && none_stands(kProof, now);
}

bool HostSessions::closes_everybody(SteadyTime now) const {
  return is_in_loop(now) && loop_.last - loop_.began >= kLastsMin && none_stands(kSoon, now);
}

bool HostSessions::lets_in_a_few(SteadyTime now) const {
  const auto is_late = [now](const auto& one) { return now - one.second <= kWithin; };
  if (logins_prove_nothing(now)) return false;
  if (std::none_of(standing_.begin(), standing_.end(), is_late)) return false;
  std::set<DeviceIndex> outside;
  for (const auto* const those : {&kept_out_, &thrown_out_}) {
    for (const auto& one : *those) {
      if (is_late(one) && !standing_.contains(one.first)) outside.insert(one.first);
    }
  }
  return outside.size() >= kDevicesMin;
}

bool HostSessions::only_this_one(DeviceIndex device, SteadyTime now) const {
  return std::none_of(thrown_out_.begin(), thrown_out_.end(), [&](const auto& one) {
    return one.first != device && now - one.second <= kWithin;
  });
}

bool HostSessions::empty(SteadyTime now) const {
  const auto is_over = [now](const auto& one) { return now - one.second > kWithin; };
  return standing_.empty() && std::all_of(thrown_out_.begin(), thrown_out_.end(), is_over) &&
         std::all_of(kept_out_.begin(), kept_out_.end(), is_over);
}

}  // namespace hubward::resilience
