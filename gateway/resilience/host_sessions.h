// The sessions of all devices with one hub, as far as they tell something about the hub: it closes
// everybody, or it is well while one device is thrown out.
#pragma once

#include <chrono>
#include <map>

#include "gateway/api/reading.h"
#include "proto/time.h"

namespace hubward::resilience {

class HostSessions {
 public:
  // A session that has stood this long says that the hub is well.
  static constexpr std::chrono::seconds kStands{60};
  // So many devices, each thrown out soon after its login within this time, while none stands.
  static constexpr std::size_t kThrownOutMin = 3;
  static constexpr std::chrono::seconds kWithin{120};

  void begun(DeviceIndex device, SteadyTime now) { standing_[device] = now; }
  // `unasked`: the hub or the network ended it.
  void ended(DeviceIndex device, bool unasked, SteadyTime now);

  [[nodiscard]] bool closes_everybody(SteadyTime now) const;
  // Nobody else was thrown out lately.
  [[nodiscard]] bool only_this_one(DeviceIndex device, SteadyTime now) const;
  [[nodiscard]] bool empty(SteadyTime now) const;

 private:
  std::map<DeviceIndex, SteadyTime> standing_;  // since when
  std::map<DeviceIndex, SteadyTime> thrown_out_;
};

}  // namespace hubward::resilience
