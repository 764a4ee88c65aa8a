// Who may connect when. Shared by every device of the gateway: a hub admits only so many logins a
// second and DPS far fewer, and devices in one process can pace themselves. Each hub and DPS has a
// gate with a rate, a circuit breaker and a fair line.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/backoff_store.h"
#include "gateway/api/random_source.h"
#include "gateway/api/reading.h"
#include "gateway/resilience/breaker.h"
#include "gateway/resilience/host_sessions.h"
#include "gateway/resilience/limits.h"
#include "gateway/resilience/token_bucket.h"
#include "gateway/resilience/turn_queue.h"

namespace hubward::resilience {

// Which gate: the host of a hub, or DPS (empty; its host is in the settings).
using GateName = std::string;
inline const GateName kDpsGate;

// What there is to see of one gate.
struct GateView {
  GateName gate;
  Breaker::State state = Breaker::State::Closed;
  std::optional<SteadyTime> next_look;  // while Open
  std::size_t waiting = 0;
  bool closes_everybody = false;
};

// Single-threaded.
class Admission {
 public:
  struct Grant {
    DeviceIndex device;
    GateName gate;
  };

  Admission(const Limits& limits, RandomSource& random);

  // A device waits at one gate at most; asking again at the same gate keeps its place.
  void request(DeviceIndex device, const GateName& gate, Turn turn);
  // It waits no more, and what became of its attempt will not be told.
  void withdraw(DeviceIndex device, SteadyTime now);
  // Those who may go now. A grant is used up by being handed out. The outcome of each must be told:
  // by answered(), failed(), logged_in() or withdraw().
  [[nodiscard]] std::vector<Grant> take_granted(SteadyTime now);
  // When to call take_granted() again; nothing while only an outcome can change anything.
  [[nodiscard]] std::optional<SteadyTime> next_at(SteadyTime now);

  // --- Outcomes of the device's last grant.
  // The service answered, whatever it said.
  void answered(DeviceIndex device, SteadyTime now);
  // Why it failed is not the device's own: see Breaker::on_failure(). Returns those in line who
  // share the outcome; they are in line no more.
  [[nodiscard]] std::vector<DeviceIndex> failed(DeviceIndex device, SteadyTime now, bool certain,
                                                std::chrono::milliseconds at_least = {});
  // A hub let it in. While the hub closes everybody's session soon after, that proves nothing yet,
  // nor does what it acknowledges before: only a session that stands counts as its answer.
  void logged_in(DeviceIndex device, const GateName& gate, SteadyTime now);
  // A session has ended; `unasked`: without our doing. Returns as failed().
  [[nodiscard]] std::vector<DeviceIndex> session_ended(DeviceIndex device, const GateName& gate,
                                                       bool unasked, SteadyTime now);

  // DPS has sent a device away from this hub, which does not answer: the others may have been moved
  // as well. Returns those in line, who may ask by themselves now, and are in line no more.
  [[nodiscard]] std::vector<DeviceIndex> hub_moved(const GateName& gate);

  // Whether a device may ask DPS now because this hub does not answer. While one looks for all, he
  // asks for all as well, one question at a time, with growing pauses: neither a hub that is down
  // for a minute nor one that is down for a day must bring a thousand devices to DPS. Once somebody
  // was sent elsewhere, or when it takes long, each may ask for itself, and anew some time after
  // DPS has named this hub again. `shared`: the device has not looked itself.
  [[nodiscard]] bool may_ask_about(const GateName& hub, DeviceIndex device, bool shared,
                                   SteadyTime now) const;
  void asked_about(const GateName& hub, DeviceIndex device, SteadyTime now);
  // DPS says that it is the right one. Only this makes the pauses grow: a DPS that does not answer
  // has pauses of its own.
  void confirmed(const GateName& hub, DeviceIndex device, SteadyTime now);

  [[nodiscard]] bool is_open(const GateName& gate) const;  // the breaker: one looks, others wait
  // Nothing also while a look is under way.
  [[nodiscard]] std::optional<SteadyTime> next_look(const GateName& gate) const;
  // Whether asking DPS makes sense: it can be reached, or it is time to see whether it can.
  [[nodiscard]] bool dps_may_be_asked(SteadyTime now) const;
  // The hub closes everybody's session soon after login: its daily quota, or throttling.
  [[nodiscard]] bool closes_everybody(const GateName& gate, SteadyTime now) const;
  // The hub lets some in and keeps others out: it is busy.
  [[nodiscard]] bool lets_in_a_few(const GateName& gate, SteadyTime now) const;
  // No other device's session with this hub was ended soon after its login: the hub is well.
  [[nodiscard]] bool only_this_one(const GateName& gate, DeviceIndex device, SteadyTime now) const;

  [[nodiscard]] std::vector<GateView> view(SteadyTime now) const;
  [[nodiscard]] std::size_t waiting() const;
  // For a restart: the gates that are open.
  [[nodiscard]] std::vector<GateRecord> memory() const;
  void restore(const std::vector<GateRecord>& memory, SteadyTime now);

 private:
  struct Gate {
    TokenBucket bucket;
    Breaker breaker;
    TurnQueue line;
    HostSessions sessions;
    // Since it last answered:
    bool moved;  // somebody was sent elsewhere
    Backoff questions;
    SteadyTime next_question;
    std::optional<DeviceIndex> asks;  // for all, or did last
    std::map<DeviceIndex, SteadyTime> confirmed;
  };
  Gate& gate(const GateName& name);
  [[nodiscard]] const Gate* find(const GateName& name) const;
  void forget_idle_gates(SteadyTime now);
  // When the gate's line moves on; nothing while only an outcome can move it.
  static std::optional<SteadyTime> opens_at(Gate& gate, SteadyTime now);
  static bool each_may_ask(const Gate& gate, SteadyTime now);
  // A question for all is in line at DPS, or under way there.
  [[nodiscard]] bool is_being_asked(const Gate& gate) const;
  std::vector<DeviceIndex> share_if_open(Gate& gate);
  void prove_sessions(SteadyTime now);

  Limits limits_;
  RandomSource& random_;
  std::map<GateName, Gate> gates_;
  std::map<DeviceIndex, GateName> waits_at_;
  std::map<DeviceIndex, GateName> tries_at_;    // granted, outcome not known
  std::map<DeviceIndex, SteadyTime> proof_at_;  // logged in, counts as an answer if it stands then
};

}  // namespace hubward::resilience
