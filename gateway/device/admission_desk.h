// Carries out what Admission and the hubs' Allowances decide: keeps their timer and calls those
// whose turn it is.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gateway/api/backoff_store.h"
#include "gateway/api/loop.h"
#include "gateway/resilience/admission.h"
#include "gateway/resilience/allowance.h"
#include "gateway/resilience/diagnosis.h"

namespace hubward::device {

// On one loop, with every device that uses it.
class AdmissionDesk {
 public:
  // `backoffs` outlives the desk: what earlier processes found out about the endpoints.
  AdmissionDesk(Loop& loop, const resilience::Limits& limits, RandomSource& random,
                BackoffStore& backoffs);
  ~AdmissionDesk();
  AdmissionDesk(const AdmissionDesk&) = delete;
  AdmissionDesk& operator=(const AdmissionDesk&) = delete;

  // Exactly one of these runs, once, never inside this call, unless withdrawn. `go`: try now, and
  // tell the outcome. `share`: another device has looked, and found this.
  struct Visit {
    std::function<void()> go;
    std::function<void(resilience::Symptom, const std::string& detail)> share;
    // For one who waits for DPS only because this hub does not answer: `back` runs instead when the
    // hub does.
    resilience::GateName unless_back{};
    std::function<void()> back{};
  };
  void request(DeviceIndex device, const resilience::GateName& gate, resilience::Turn turn,
               Visit visit);
  void withdraw(DeviceIndex device);

  // --- Outcomes of `go`: see Admission.
  void answered(DeviceIndex device);
  void failed(DeviceIndex device, resilience::Symptom symptom, const std::string& detail,
              bool certain = false, std::chrono::milliseconds at_least = {});
  void logged_in(DeviceIndex device, const resilience::GateName& gate);
  void session_ended(DeviceIndex device, const resilience::GateName& gate, bool unasked,
                     const std::string& detail);

  // DPS has sent the device away from this hub, which does not answer.
  void hub_moved(const resilience::GateName& gate, resilience::Symptom symptom,
                 const std::string& detail);

  // DPS is asked because this hub does not answer; it says that the hub is the right one.
  void asked_about(DeviceIndex device, const resilience::GateName& hub);
  void confirmed(DeviceIndex device, const resilience::GateName& hub);

  // --- What the shared state says.
  [[nodiscard]] const resilience::Admission& admission() const { return admission_; }
  [[nodiscard]] bool is_open(const resilience::GateName& gate) const {
    return admission_.is_open(gate);
  }
  [[nodiscard]] bool dps_may_be_asked() const { return admission_.dps_may_be_asked(now()); }

  // --- The rates of a hub's sessions. `served` runs when a take() that was refused may be tried
  // again.
  resilience::Allowance& join(DeviceIndex device, const std::string& host,
                              std::function<void()> served);
  void leave(DeviceIndex device);
  // A take() was refused.
  void await_service() { arm(); }

 private:
  struct Member {
    std::string host;
    std::function<void()> served;
  };
  void arm();
  void on_timer();
  void serve_sessions();
  void call_back_from_dps();
  void share(const std::vector<DeviceIndex>& sharing, resilience::Symptom symptom,
             const std::string& detail);
  [[nodiscard]] SteadyTime now() const { return loop_.clock().steady(); }

  Loop& loop_;
  const resilience::Limits limits_;
  BackoffStore& backoffs_;
  resilience::Admission admission_;
  std::map<DeviceIndex, Visit> visits_;
  std::map<std::string, resilience::Allowance> allowances_;
  std::map<DeviceIndex, Member> members_;
  std::vector<GateRecord> remembered_;
  TimerId timer_;
  std::optional<SteadyTime> armed_for_;
};

}  // namespace hubward::device
