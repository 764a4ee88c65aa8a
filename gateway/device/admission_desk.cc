#include "gateway/device/admission_desk.h"

#include <utility>

namespace hubward::device {

AdmissionDesk::AdmissionDesk(Loop& loop, resilience::AdmissionSettings settings,
                             RandomSource& random)
    : loop_(loop), admission_(settings, random) {}

AdmissionDesk::~AdmissionDesk() { loop_.cancel(timer_); }

void AdmissionDesk::request(DeviceIndex device, resilience::Gate gate, std::function<void()> go) {
  waiting_[device] = std::move(go);
  admission_.request(device, gate);
  arm();
}

void AdmissionDesk::withdraw(DeviceIndex device) {
  waiting_.erase(device);
  admission_.withdraw(device);
}

void AdmissionDesk::dps_unreachable() {
  admission_.dps_unreachable(loop_.clock().steady());
  arm();
}

void AdmissionDesk::dps_reached() {
  admission_.dps_reached();
  arm();
}

void AdmissionDesk::arm() {
  const auto next = admission_.next_at(loop_.clock().steady());
  if (next == armed_for_) return;
  loop_.cancel(timer_);
  timer_ = {};
  armed_for_ = next;
  if (next) timer_ = loop_.call_at(*next, [this] { on_timer(); });
}

void AdmissionDesk::on_timer() {
  armed_for_.reset();
  timer_ = {};
  for (const auto& grant : admission_.take_granted(loop_.clock().steady())) {
    const auto found = waiting_.find(grant.device);
    if (found == waiting_.end()) continue;
    const auto go = std::move(found->second);
    waiting_.erase(found);
    go();
  }
  arm();
}

}  // namespace hubward::device
