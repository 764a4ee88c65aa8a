// Carries out what Admission decides: keeps its timer and calls those who may go.
#pragma once

#include <functional>
#include <map>

#include "gateway/api/loop.h"
#include "gateway/resilience/admission.h"

namespace hubward::device {

// On one loop, with every device that uses it.
class AdmissionDesk {
 public:
  AdmissionDesk(Loop& loop, resilience::AdmissionSettings settings, RandomSource& random);
  ~AdmissionDesk();
  AdmissionDesk(const AdmissionDesk&) = delete;
  AdmissionDesk& operator=(const AdmissionDesk&) = delete;

  // `go` runs once on the loop, never inside this call, unless withdrawn.
  void request(DeviceIndex device, resilience::Gate gate, std::function<void()> go);
  void withdraw(DeviceIndex device);
  void dps_unreachable();
  void dps_reached();
  [[nodiscard]] bool dps_may_be_asked() const {
    return admission_.dps_may_be_asked(loop_.clock().steady());
  }

 private:
  void arm();
  void on_timer();

  Loop& loop_;
  resilience::Admission admission_;
  std::map<DeviceIndex, std::function<void()>> waiting_;
  TimerId timer_;
  std::optional<SteadyTime> armed_for_;
};

}  // namespace hubward::device
