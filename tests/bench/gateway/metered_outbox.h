// The outbox of a gateway under measurement: hands everything on, and takes the time when the hub
// has acknowledged a message.
#pragma once

#include <utility>

#include "gateway/api/outbox.h"
#include "tests/bench/support/latencies.h"

namespace hubward::bench {

// On the devices' loop.
class MeteredOutbox final : public Outbox {
 public:
  MeteredOutbox(Outbox& outbox, const Clock& clock) : outbox_(outbox), clock_(clock) {}

  void attach(DeviceIndex device, const std::string& device_id, Loop& home) override {
    outbox_.attach(device, device_id, home);
  }
  void append(DeviceIndex device, OutboxMessage message, Appended done) override {
    outbox_.append(device, std::move(message), std::move(done));
  }
  void fetch(DeviceIndex device, const StoredMessage* after, const StoredMessage* before,
             std::size_t count_max, Fetched done) override {
    outbox_.fetch(device, after, before, count_max, std::move(done));
  }
  // Called with the hub's PUBACK. A reading's monotonic time is the moment it was delivered by its
  // adapter: the difference is what a reading takes from there to the hub and back.
  void release(DeviceIndex device, const StoredMessage& row) override {
    ++released_;
    latencies_.add(clock_.steady().time_since_epoch() - row.message.since_boot);
    outbox_.release(device, row);
  }
  void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) override {
    outbox_.quarantine(device, row, why);
  }
  [[nodiscard]] OutboxCounts counts(DeviceIndex device) const override {
    return outbox_.counts(device);
  }
  [[nodiscard]] OutboxCounts totals() const override { return outbox_.totals(); }

  [[nodiscard]] std::uint64_t released() const { return released_; }
  [[nodiscard]] Latencies& latencies() { return latencies_; }

 private:
  Outbox& outbox_;
  const Clock& clock_;
  std::uint64_t released_ = 0;
  Latencies latencies_;
};

}  // namespace hubward::bench
