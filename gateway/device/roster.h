// All devices of the gateway, and the one place where adapters' readings and the store's news find
// theirs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "gateway/api/queues_writes.h"
#include "gateway/device/device.h"

namespace hubward::device {

// On the loop of devices and adapters.
class DeviceRoster final : public ReadingSink, public OutboxWatcher, public QueuesWrites {
 public:
  explicit DeviceRoster(StatusSink& status) : status_(status) {}

  // In the order of their DeviceIndex.
  void add(std::unique_ptr<Device> device) { devices_.push_back(std::move(device)); }
  [[nodiscard]] Device& at(DeviceIndex index) { return *devices_.at(index.value); }
  [[nodiscard]] std::size_t size() const { return devices_.size(); }

  void start();
  void on_clock(const ClockNews& news);
  // `done` runs once, after every device has stopped.
  void stop(std::function<void()> done);

  void deliver(ReadingBatch batch, Stored stored) override;
  void field_state(DeviceIndex device, FieldState state) override;
  void bad_input(BadInput input) override;

  void on_counts_changed(const std::vector<DeviceIndex>& devices) override;
  void on_rows_found() override;

  void withdraw_writes() override;
  // What waits is for the next run, and needs no end.
  void wind_down(std::function<void()> done) override { done(); }

 private:
  StatusSink& status_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::size_t stopping_ = 0;
};

}  // namespace hubward::device
