// The sessions of all devices with one hub, as far as they tell something about the hub: it closes
// everybody, it lets in only a few, or it is well while one device is thrown out.
#pragma once

#include <chrono>
#include <map>
#include <set>

#include "gateway/api/reading.h"
#include "proto/time.h"

namespace hubward::resilience {

class HostSessions {
 public:
  // A session that ends sooner may have been thrown out by a second holder of its identity.
  static constexpr std::chrono::seconds kStands{60};
  // A hub whose quota is used up closes a session as soon as something is sent in it. A session
  // that has stood this long says that it does not.
  static constexpr std::chrono::seconds kSoon{15};
  // While logins prove nothing, a session that has stood this long does.
  static constexpr std::chrono::seconds kProof{5};
  // It closes everybody: so many devices, soon after their logins, in so many rounds (those of a
  // round logged in when the round before had been closed), over so long a time. A hub that only
  // starts anew closes all at once, whenever they logged in, and does so in one round.
  static constexpr std::size_t kDevicesMin = 3;
  static constexpr unsigned kRoundsMin = 3;
  static constexpr std::chrono::seconds kLastsMin{5};
  // Longer ago than this says nothing any more.
  static constexpr std::chrono::seconds kWithin{120};

  void begun(DeviceIndex device, SteadyTime now);
  // It did not get in, for a reason that need not be its own.
  void kept_out(DeviceIndex device, SteadyTime now) { kept_out_[device] = now; }
  // `unasked`: the hub or the network ended it.
  void ended(DeviceIndex device, bool unasked, SteadyTime now);

  // Several sessions in several rounds were closed soon, and none has stood for kProof: that a hub
  // lets somebody in says nothing any more. A hub that goes down may do so for a moment.
  [[nodiscard]] bool logins_prove_nothing(SteadyTime now) const;
  // It has done so for kLastsMin, and none has stood for kSoon: it does so with everybody.
  [[nodiscard]] bool closes_everybody(SteadyTime now) const;
  // Lately it has let somebody in who is still there, and kept out several or threw them out: it is
  // busy, and those outside have their turn yet.
  [[nodiscard]] bool lets_in_a_few(SteadyTime now) const;
  // Nobody else was thrown out lately.
  [[nodiscard]] bool only_this_one(DeviceIndex device, SteadyTime now) const;
  [[nodiscard]] bool empty(SteadyTime now) const;

 private:
  // Closings soon after login, one round after the other.
  struct Loop {
    unsigned rounds = 0;
    SteadyTime began{};
    SteadyTime round_began{};  // with its first closing
    SteadyTime last{};
    std::set<DeviceIndex> devices;
  };
  [[nodiscard]] bool none_stands(std::chrono::seconds time, SteadyTime now) const;
  [[nodiscard]] bool is_in_loop(SteadyTime now) const;
  void closed_soon(DeviceIndex device, SteadyTime login, SteadyTime now);

  std::map<DeviceIndex, SteadyTime> standing_;  // since when
  std::map<DeviceIndex, SteadyTime> thrown_out_;
  std::map<DeviceIndex, SteadyTime> kept_out_;
  Loop loop_;
};

}  // namespace hubward::resilience
