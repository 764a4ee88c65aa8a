#include "gateway/device/admission_desk.h"

#include <algorithm>
#include <utility>

namespace hubward::device {
namespace {
// Hubs come from DPS's answers; of those that nobody uses any more only so many are remembered.
constexpr std::size_t kAllowancesMax = 64;
}  // namespace

AdmissionDesk::AdmissionDesk(Loop& loop, const resilience::Limits& limits, RandomSource& random,
                             BackoffStore& backoffs)
    : loop_(loop),
      limits_(limits),
      backoffs_(backoffs),
      admission_(limits, random),
      remembered_(backoffs.load_gates()) {
  admission_.restore(remembered_, loop_.clock().steady());
}

AdmissionDesk::~AdmissionDesk() { loop_.cancel(timer_); }

void AdmissionDesk::request(DeviceIndex device, const resilience::GateName& gate,
                            resilience::Turn turn, Visit visit) {
  visits_.insert_or_assign(device, std::move(visit));
  admission_.request(device, gate, turn);
  arm();
}

void AdmissionDesk::withdraw(DeviceIndex device) {
  visits_.erase(device);
  admission_.withdraw(device, now());
  arm();
}

void AdmissionDesk::answered(DeviceIndex device) {
  admission_.answered(device, now());
  arm();
}

void AdmissionDesk::failed(DeviceIndex device, resilience::Symptom symptom,
                           const std::string& detail, bool certain,
                           std::chrono::milliseconds at_least) {
  share(admission_.failed(device, now(), certain, at_least), symptom, detail);
}

void AdmissionDesk::logged_in(DeviceIndex device, const resilience::GateName& gate) {
  admission_.logged_in(device, gate, now());
  arm();
}

void AdmissionDesk::session_ended(DeviceIndex device, const resilience::GateName& gate,
                                  bool unasked, const std::string& detail) {
  share(admission_.session_ended(device, gate, unasked, now()),
        resilience::Symptom::ClosesEverybody, detail);
}

void AdmissionDesk::hub_moved(const resilience::GateName& gate, resilience::Symptom symptom,
                              const std::string& detail) {
  share(admission_.hub_moved(gate), symptom, detail);
}

void AdmissionDesk::asked_about(DeviceIndex device, const resilience::GateName& hub) {
  admission_.asked_about(hub, device, now());
  arm();
}

void AdmissionDesk::confirmed(DeviceIndex device, const resilience::GateName& hub) {
  admission_.confirmed(hub, device, now());
  arm();
}

void AdmissionDesk::share(const std::vector<DeviceIndex>& sharing, resilience::Symptom symptom,
                          const std::string& detail) {
  for (const DeviceIndex device : sharing) {
    const auto found = visits_.find(device);
    if (found == visits_.end()) continue;
    const Visit visit = std::move(found->second);
    visits_.erase(found);
    visit.share(symptom, detail);
  }
  arm();
}

resilience::Allowance& AdmissionDesk::join(DeviceIndex device, const std::string& host,
                                           std::function<void()> served) {
  leave(device);
  if (allowances_.size() >= kAllowancesMax && !allowances_.contains(host)) {
    std::erase_if(allowances_, [this](const auto& entry) {
      return std::none_of(members_.begin(), members_.end(),
                          [&](const auto& member) { return member.second.host == entry.first; });
    });
  }
  members_.emplace(device, Member{host, std::move(served)});
  return allowances_.try_emplace(host, limits_).first->second;
}

void AdmissionDesk::leave(DeviceIndex device) {
  const auto member = members_.find(device);
  if (member == members_.end()) return;
  allowances_.at(member->second.host).leave(device);
  members_.erase(member);
}

void AdmissionDesk::arm() {
  auto gates = admission_.memory();
  if (gates != remembered_) {
    remembered_ = gates;
    backoffs_.save_gates(std::move(gates));
    call_back_from_dps();
  }
  auto next = admission_.next_at(now());
  for (auto& [host, allowance] : allowances_) {
    const auto at = allowance.next_at(now());
    if (at && (!next || *at < *next)) next = at;
  }
  if (next == armed_for_) return;
  loop_.cancel(timer_);
  timer_ = {};
  armed_for_ = next;
  if (next) timer_ = loop_.call_at(*next, [this] { on_timer(); });
}

// A gate has opened or is open no more.
void AdmissionDesk::call_back_from_dps() {
  std::vector<DeviceIndex> back;
  for (const auto& [device, visit] : visits_) {
    if (visit.back && !admission_.is_open(visit.unless_back)) back.push_back(device);
  }
  for (const DeviceIndex device : back) {
    const Visit visit = std::move(visits_.at(device));
    visits_.erase(device);
    admission_.withdraw(device, now());
    visit.back();
  }
}

void AdmissionDesk::on_timer() {
  armed_for_.reset();
  timer_ = {};
  for (const auto& grant : admission_.take_granted(now())) {
    const auto found = visits_.find(grant.device);
    if (found == visits_.end()) {  // withdrawn by an earlier one of these
      admission_.withdraw(grant.device, now());
      continue;
    }
    const Visit visit = std::move(found->second);
    visits_.erase(found);
    visit.go();
  }
  serve_sessions();
  arm();
}

void AdmissionDesk::serve_sessions() {
  std::vector<std::string> hosts;
  for (const auto& [host, allowance] : allowances_) hosts.push_back(host);
  for (const auto& host : hosts) {
    // Looked up anew each time: whoever is served may leave, and others with it.
    while (true) {
      const auto allowance = allowances_.find(host);
      if (allowance == allowances_.end()) break;
      const auto device = allowance->second.next_served(now());
      if (!device) break;
      const auto member = members_.find(*device);
      if (member == members_.end()) continue;
      const auto served = member->second.served;
      served();
    }
  }
}

}  // namespace hubward::device
