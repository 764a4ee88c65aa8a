// The gateway's outbox with somebody who listens.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/simulation/bookkeeper.h"

namespace hubward::simulation {

class WatchedOutbox final : public Outbox {
 public:
  // `devices`: which of the site's devices each DeviceIndex of this process is.
  WatchedOutbox(std::unique_ptr<test::SimulatedOutbox> outbox, Bookkeeper& books,
                std::vector<std::size_t> devices)
      : outbox_(std::move(outbox)), books_(books), devices_(std::move(devices)) {}

  void attach(DeviceIndex device, const std::string& device_id, Loop& home) override {
    outbox_->attach(device, device_id, home);
  }
  void append(DeviceIndex device, OutboxMessage message, Appended done) override {
    outbox_->append(device, std::move(message),
                    [this, device, done = std::move(done)](Result<StoredMessage> row) {
                      if (row) books_.on_stored(devices_[device.value], *row);
                      done(std::move(row));
                    });
  }
  void fetch(DeviceIndex device, const StoredMessage* after, const StoredMessage* before,
             std::size_t count_max, Fetched done) override {
    outbox_->fetch(device, after, before, count_max, std::move(done));
  }
  void release(DeviceIndex device, const StoredMessage& row) override {
    books_.on_released(devices_[device.value], row);
    outbox_->release(device, row);
  }
  void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) override {
    books_.on_quarantined(devices_[device.value], row);
    outbox_->quarantine(device, row, why);
  }
  [[nodiscard]] OutboxCounts counts(DeviceIndex device) const override {
    return outbox_->counts(device);
  }
  [[nodiscard]] OutboxCounts totals() const override { return outbox_->totals(); }

  [[nodiscard]] test::SimulatedOutbox& simulated() { return *outbox_; }

 private:
  std::unique_ptr<test::SimulatedOutbox> outbox_;
  Bookkeeper& books_;
  std::vector<std::size_t> devices_;
};

}  // namespace hubward::simulation
