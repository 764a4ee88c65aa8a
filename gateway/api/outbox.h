// The durable store between readings and the hub. Its promises stand in gateway/ARCHITECTURE.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/loop.h"
#include "gateway/api/reading.h"
#include "proto/result.h"

namespace hubward {

enum class Priority : std::uint8_t { Low = 0, Normal = 1, Alarm = 2 };

// In which order a device's messages are sent after an outage. Strict: as they were stored.
// FreshFirst: what is new shares the link with what waits, each in its own order.
enum class SendOrder : std::uint8_t { Strict, FreshFirst };

// Everything a row holds besides its id, so that it can outlive today's code.
struct OutboxMessage {
  Priority priority = Priority::Normal;
  WallTime created;
  std::chrono::nanoseconds since_boot{0};  // monotonic, with `boot_id`: re-stamps untrusted times
  std::uint64_t boot_id = 0;
  bool clock_trusted = true;
  std::string component;  // empty: the device's default component
  std::vector<std::pair<std::string, std::string>> properties;
  std::string body;
};

struct StoredMessage {
  std::uint64_t sequence = 0;  // per device and epoch, from 1, without gaps as appended
  std::string epoch;           // of the store that took it; part of its id
  OutboxMessage message;
};

// `{store epoch}-{device}-{sequence}`: the message's id for life.
[[nodiscard]] inline std::string message_id(const std::string& epoch, const std::string& device_id,
                                            std::uint64_t sequence) {
  return epoch + "-" + device_id + "-" + std::to_string(sequence);
}

struct OutboxCounts {
  std::uint64_t appended = 0;   // since the process started
  std::uint64_t delivered = 0;  // released after PUBACK, since the process started
  std::uint64_t dropped = 0;    // the oldest, over a limit of bytes; for the store's life
  std::uint64_t expired = 0;    // over the limit of age; for the store's life
  std::uint64_t refused = 0;    // not taken: no room (refuse-new), too large; since the start
  std::uint64_t unstored = 0;   // not taken: the disk did not, or not fast enough; since the start
  std::uint64_t quarantined = 0;  // for the store's life
  std::uint64_t waiting = 0;      // rows now
  std::uint64_t waiting_bytes = 0;
  std::optional<WallTime> oldest_waiting;
};

// What the disk lets the store do. Words for people: store_words.h.
enum class StoreHealth : std::uint8_t {
  Ready,
  DiskFull,
  ReadOnly,
  IoError,
  Unavailable,  // cannot be opened at the moment
};

// The store as a whole.
struct StoreStatus {
  StoreHealth health = StoreHealth::Ready;
  std::string detail{};      // in SQLite's words
  bool memory_only = false;  // new messages are kept in memory, until the disk takes them
  std::uint64_t memory_messages = 0;
  std::uint64_t memory_bytes = 0;
  // Of devices that are not configured any more: kept until they return or until over a limit.
  std::uint64_t removed_devices = 0;
  std::uint64_t removed_messages = 0;
  std::uint64_t removed_bytes = 0;
  // Damaged stores moved out of the way in this run, and what could be read of them.
  std::uint64_t set_aside = 0;
  std::uint64_t rescued_messages = 0;
  friend bool operator==(const StoreStatus&, const StoreStatus&) = default;
};

struct QuarantinedMessage {
  std::int64_t place = 0;  // rises; for OutboxWriter::clear_quarantined()
  std::string device_id;
  StoredMessage stored;
  ErrorCode why;
  WallTime since;
};

using Appended = std::function<void(Result<StoredMessage>)>;
using Fetched = std::function<void(Result<std::vector<StoredMessage>>)>;

// Hears what the store does by itself, when no call is there to answer.
class OutboxWatcher {
 public:
  virtual ~OutboxWatcher() = default;
  // What counts() answers for these is other than before: also long after a device's own last call,
  // when the disk is slow, rows expire or others need the room.
  virtual void on_counts_changed(const std::vector<DeviceIndex>& devices) = 0;
  // The store could be opened only now and holds rows of an earlier run. They stand before those
  // that were read meanwhile, so every device is to ask from the oldest once more.
  virtual void on_rows_found() = 0;
};

// Calls from the device's home loop; answers run on it, in the order of the calls. Only a refusal
// to take a message at all (StoreFailed with Throttled: too much waits for the disk; Stopped) may
// come before the answers to earlier calls.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // Once for each device, before any other call for it.
  virtual void attach(DeviceIndex device, const std::string& device_id, Loop& home) = 0;
  // Answers when the row survives the death of this process. Errors: StoreFailed, StoreFull
  // (refuse-new), Stopped.
  virtual void append(DeviceIndex device, OutboxMessage message, Appended done) = 0;
  // The oldest rows between `after` (the last row seen; null: from the oldest) and `before` (null:
  // to the newest) in the device's own order, both left out, at most `count_max` of them. Of the
  // two, {epoch, sequence} counts; they need not be there any more.
  virtual void fetch(DeviceIndex device, const StoredMessage* after, const StoredMessage* before,
                     std::size_t count_max, Fetched done) = 0;
  // The hub acknowledged it. Unknown rows are ignored (already dropped by retention).
  virtual void release(DeviceIndex device, const StoredMessage& row) = 0;
  // Moves a row aside, bounded; counted and kept for export.
  virtual void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) = 0;
  // Any thread.
  [[nodiscard]] virtual OutboxCounts counts(DeviceIndex device) const = 0;
  [[nodiscard]] virtual OutboxCounts totals() const = 0;
};

}  // namespace hubward
