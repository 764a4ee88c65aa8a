// Who may connect when. Shared by every device of the gateway: a hub admits only so many logins a
// second and DPS far fewer, and devices in one process can pace themselves.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "gateway/api/random_source.h"
#include "gateway/api/reading.h"
#include "gateway/resilience/backoff.h"
#include "gateway/resilience/token_bucket.h"

namespace hubward::resilience {

struct AdmissionSettings {
  double connections_per_second = 20.0;
  double registrations_per_second = 2.0;
};

enum class Gate : std::uint8_t { Hub, Dps };

// Single-threaded. Requests are served in the order they came, per gate.
class Admission {
 public:
  struct Grant {
    DeviceIndex device;
    Gate gate;
  };

  Admission(AdmissionSettings settings, RandomSource& random);

  // A device waits at one gate at most; asking again at the same gate keeps its place.
  void request(DeviceIndex device, Gate gate);
  void withdraw(DeviceIndex device);
  // Those who may go now. A grant is used up by being handed out.
  [[nodiscard]] std::vector<Grant> take_granted(SteadyTime now);
  // When to call take_granted() again; nothing while nobody waits.
  [[nodiscard]] std::optional<SteadyTime> next_at(SteadyTime now);

  // How the last conversation with DPS went, whoever had it. While DPS cannot be reached a single
  // device probes it, with growing pauses; all others keep off: the fault is our own network's.
  void dps_unreachable(SteadyTime now);
  void dps_reached();
  // Whether asking DPS makes sense: it can be reached, or it is time to see whether it can.
  [[nodiscard]] bool dps_may_be_asked(SteadyTime now) const {
    return dps_reachable_ || (!probing_ && now >= next_probe_);
  }
  [[nodiscard]] bool dps_is_reachable() const { return dps_reachable_; }

 private:
  struct Queue {
    TokenBucket bucket;
    std::deque<DeviceIndex> waiting;
    std::set<DeviceIndex> known;
  };
  static void leave(Queue& queue, DeviceIndex device);
  static DeviceIndex take_front(Queue& queue);
  [[nodiscard]] SteadyTime dps_open_at(SteadyTime now);

  Queue hub_;
  Queue dps_;
  bool dps_reachable_ = true;
  bool probing_ = false;  // a grant was given while unreachable, its outcome is not known yet
  SteadyTime next_probe_{};
  Backoff probe_backoff_;
};

}  // namespace hubward::resilience
