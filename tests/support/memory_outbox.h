// An outbox in memory that answers at the next turn of the loop: for tests of those who use one.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/outbox.h"

namespace hubward::test {

class MemoryOutbox final : public Outbox {
 public:
  void attach(DeviceIndex device, const std::string&, Loop& home) override {
    queues_[device].home = &home;
  }
  void append(DeviceIndex device, OutboxMessage message, Appended done) override {
    Queue& queue = queues_[device];
    if (refuse) {
      queue.home->post([done = std::move(done)] {
        done(failure(ErrorCode::StoreFailed, ErrorKind::Transient, "disk full"));
      });
      return;
    }
    StoredMessage row{++queue.last_sequence, "e1", std::move(message)};
    queue.rows.push_back(row);
    queue.home->post([done = std::move(done), row = std::move(row)] { done(row); });
  }
  void fetch(DeviceIndex device, const StoredMessage* after, const StoredMessage* before,
             std::size_t count_max, Fetched done) override {
    Queue& queue = queues_[device];
    ++fetches;
    if (unreadable) {
      queue.home->post([done = std::move(done)] {
        done(failure(ErrorCode::StoreFailed, ErrorKind::Transient, "read error"));
      });
      return;
    }
    std::vector<StoredMessage> rows;
    for (const auto& row : queue.rows) {
      if (after != nullptr && row.sequence <= after->sequence) continue;
      if (before != nullptr && row.sequence >= before->sequence) break;
      if (rows.size() < count_max) rows.push_back(row);
    }
    queue.home->post([done = std::move(done), rows = std::move(rows)] { done(rows); });
  }
  void release(DeviceIndex device, const StoredMessage& row) override {
    std::erase_if(queues_[device].rows,
                  [&](const auto& other) { return other.sequence == row.sequence; });
    ++released;
  }
  void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode) override {
    std::erase_if(queues_[device].rows,
                  [&](const auto& other) { return other.sequence == row.sequence; });
    quarantined.push_back(row);
  }
  [[nodiscard]] OutboxCounts counts(DeviceIndex device) const override {
    OutboxCounts counts;
    if (const auto queue = queues_.find(device); queue != queues_.end()) {
      counts.waiting = queue->second.rows.size();
    }
    return counts;
  }
  [[nodiscard]] OutboxCounts totals() const override { return {}; }

  bool refuse = false;
  bool unreadable = false;
  int fetches = 0;
  int released = 0;
  std::vector<StoredMessage> quarantined;

 private:
  struct Queue {
    Loop* home = nullptr;
    std::vector<StoredMessage> rows;
    std::uint64_t last_sequence = 0;
  };
  std::map<DeviceIndex, Queue> queues_;
};

}  // namespace hubward::test
