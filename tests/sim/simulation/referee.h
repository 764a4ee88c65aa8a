// Watches the wire: nobody logs in, sends, or asks DPS, more often than the rules allow.
//
// - All devices together keep to the token buckets of each hub and of DPS, in every window of time.
// - A device asks DPS only for a fresh reason, and each reason serves once: it starts without an
//   assignment; a conversation failed and it still has none, or DPS could not be reached; the hub
//   refused its identity (CONNACK 2, 4, 5); the hub was unreachable three times running, and then
//   every tenth time; more than ten soft failures (CONNACK 3, silence, early close). So for every
//   device
//     conversations <= starts without assignment + failed conversations of those two kinds
//                    + refusals + unreachable / 3 + soft failures / 10
//   whatever the seed, and in total no more than the faults justify.
// - A time that DPS names with a refusal binds the device from the moment it has heard it, in this
//   conversation, in the next one, and in the next process.
// - Between two conversations of a device lies a back-off step or a stable session. Where neither a
//   hub nor DPS can be reached, the device that looks for all has the pauses of the gates instead:
//   its conversations without a pause between them are at most 2 + log2(1 + seconds / 5).
// - While no session gets stable, a device's attempts at hubs grow with the logarithm of the time,
//   then as slowly as the longest back-off; if it is the one that looks for all whether the hub
//   answers, as the breaker's pauses (15 s, full jitter): at most 3 x (10 + 8 x minutes).
// - While a hub answers nobody, DPS says that it is the right one as often as the logarithm of the
//   time: at most 4 + log2(1 + seconds / 5). When it has sent somebody elsewhere, or after a
//   quarter of an hour, each device may ask for itself, every half hour.
// - What a device sends over one link is in order; fresh first: what waited is, and so is what came
//   meanwhile.
// - A hub, or DPS, that answers nobody is asked by one for all: after its last answer at most one
//   attempt of each device, and then 3 x (10 + 8 x minutes).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/simulation/order_judge.h"
#include "tests/sim/simulation/rate_watch.h"
#include "tests/sim/simulation/scale.h"
#include "tests/sim/simulation/wire_watch.h"

namespace hubward::simulation {

class Bookkeeper;

class Referee final : public WireWatch {
 public:
  Referee(const Scale& scale, Bookkeeper& books, std::function<void(const std::string&)> complain);

  // A new process: `has_assignment` by device.
  void on_start(const std::vector<bool>& has_assignment);
  // The gateway's log says that the device pauses before its next attempt.
  void on_pause(const std::string& client);
  // It says that the device was told what another one found, by the failure's label.
  void on_shared(const std::string& client, std::string_view reason);

  void on_attempt(const std::string& host, const std::string& client, SteadyTime now) override;
  void on_login(const std::string& host, const std::string& client, SteadyTime now) override;
  void on_registration(const std::string& client, SteadyTime now) override;
  void on_dps_refusal(const std::string& client, SteadyTime until) override;
  void on_assigned(const std::string& client, std::string_view answer, SteadyTime now) override;
  void on_end(const std::string& host, const std::string& client, LinkOutcome outcome,
              SteadyTime now) override;
  void on_telemetry(const std::string& host, const std::string& client, std::string_view topic,
                    std::string_view body, SteadyTime now) override;

  [[nodiscard]] const OrderJudge& order_of(std::size_t device) const {
    return devices_[device].order;
  }
  [[nodiscard]] std::uint64_t conversations() const { return conversations_; }
  [[nodiscard]] std::uint64_t logins() const { return logins_; }

 private:
  struct Device {
    bool has_assignment = false;
    bool may_ask = false;  // there is a fresh reason
    bool asking = false;
    bool assigned = false;
    bool dps_unreachable = false;
    SteadyTime dps_not_before{};
    std::string silent_hub;    // that it tried last, without an answer
    unsigned unreachable = 0;  // in a row
    unsigned soft = 0;
    bool paused = true;  // since the last conversation
    unsigned without_pause = 0;
    SteadyTime asked_at{};
    unsigned unreached = 0;  // conversations in a row that did not reach DPS, no pause between them
    SteadyTime unreached_since{};
    bool online = false;
    SteadyTime online_since{};
    std::uint64_t sent_fresh = 0;  // the newest reading over this link
    std::uint64_t sent_old = 0;    // the newest of those that were not the newest then
    OrderJudge order;
    SteadyTime restless_since{};  // no stable session since
    unsigned attempts = 0;        // since then
  };
  struct Endpoint {
    RateWatch attempts;
    RateWatch sends;
    unsigned unanswered = 0;  // attempts since its last answer
    SteadyTime last_answer{};
    // A login alone is no answer for long, where the hub closes everybody's session soon after.
    SteadyTime well_at{};
    unsigned confirmed = 0;  // since then, by DPS
    bool moved = false;      // since then it has sent somebody elsewhere
  };
  Device& device_of(const std::string& client);
  Endpoint& endpoint_of(const std::string& host);
  static void end_conversation(Device& device);
  static void on_answer(Endpoint& endpoint);
  void on_confirmed(Device& device, std::string_view answer, SteadyTime now);
  void note_order(Device& device, const std::string& client, std::uint64_t reading);
  void ask_dps(Device& device, const std::string& client, SteadyTime now);
  void note_step(Device& device, const std::string& client, SteadyTime now);
  void log_in(Device& device, const std::string& client, SteadyTime now);
  [[nodiscard]] OrderJudge::Waits waits_of(const Device& device) const;
  static void on_hub_end(Device& device, LinkOutcome outcome, SteadyTime now);
  static void on_unreachable(Device& device);

  const Scale& scale_;
  Bookkeeper& books_;
  std::function<void(const std::string&)> complain_;
  std::vector<Device> devices_;
  std::map<std::string, Endpoint> endpoints_;  // of this process
  std::uint64_t conversations_ = 0;
  std::uint64_t logins_ = 0;
};

}  // namespace hubward::simulation
