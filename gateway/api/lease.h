#pragma once

#include <functional>

#include "gateway/api/reading.h"

namespace hubward {

// The right to speak for one identity. A session connects only while it holds one and closes its
// link before the lease goes. Today always granted; later shared by several gateways.
class LeaseSource {
 public:
  virtual ~LeaseSource() = default;
  // On the device's loop. `granted` and later `lost` run there; after `lost` returns somebody else
  // may speak for the device.
  virtual void acquire(DeviceIndex device, std::function<void()> granted,
                       std::function<void()> lost) = 0;
  virtual void give_back(DeviceIndex device) = 0;
};

class AlwaysGranted final : public LeaseSource {
 public:
  void acquire(DeviceIndex, std::function<void()> granted, std::function<void()>) override {
    granted();
  }
  void give_back(DeviceIndex) override {}
};

}  // namespace hubward
