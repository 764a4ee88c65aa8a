// The accounts of every reading: who said what about it, and whether that adds up. A reading is a
// number that its device's plant counts up; each becomes one message, one row, one id.
//
// What must be true at any moment:
// - A row is released only when the cloud has it.
// - An id stands for one reading, and a reading has one id.
// - The rows in the store are exactly those stored and not released, set aside or dropped since.
// - A drop takes the device's oldest row; `dropped`, `expired` and `quarantined` count exactly the
//   rows gone.
// - Nothing else is missing, but what a power cut takes: rows not older than the sync window.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/api/outbox.h"
#include "gateway/outbox/store.h"

namespace hubward::simulation {

// One device's account.
class DeviceBook {
 public:
  using Reading = std::uint64_t;  // 1, 2, 3 ...
  using Complain = std::function<void(const std::string&)>;

  // --- What is said of a reading. `now` is the world's.
  void on_acknowledged(Reading reading);
  void on_stored(Reading reading, const StoredMessage& row, SteadyTime now,
                 const Complain& complain);
  void on_sent(Reading reading, std::string_view id, const Complain& complain);
  // Which reading that was; 0: none of ours.
  Reading on_released(const StoredMessage& row);
  void on_quarantined(const StoredMessage& row);
  // Those of the waiting that the disk does not have yet. Who was among them and is not any more
  // was dropped, if the memory still waits for the disk and the counters (none while nobody knows
  // what the file counts) say so; else it is on the disk since `now`.
  void on_in_memory(std::set<Reading> readings, std::optional<std::uint64_t> dropped,
                    bool still_in_memory, SteadyTime now);
  // The process ends, and its memory with it.
  void on_death() {
    died_in_memory_.merge(in_memory_);
    in_memory_.clear();
    taken_out_.clear();
  }
  // The counters of drops, by bytes and by age, stand at this together; the oldest waiting rows are
  // those dropped.
  void on_drop_counter(std::uint64_t dropped, const Complain& complain);
  // What the store holds and counts, read from it.
  struct Occasion {
    bool process_began = false;  // releases that had not reached the disk are void
    bool at_end = false;         // nothing is on its way any more
    // What was stored after `safe_until` may be gone, what was dropped back.
    bool disk_forgot = false;
    SteadyTime safe_until{};
    bool damaged = false;  // any row may be gone, and the counters begin anew
    // The process before had not everything on the disk: what it kept in memory is gone, and what
    // it had dropped may be back.
    bool memory_died = false;
    // The store could not be opened at first: what came meanwhile may have been sent before what
    // was found now.
    bool found_late = false;
  };
  void on_listed(const std::vector<StoredMessage>& rows, const OutboxCounts& counts,
                 const Occasion& occasion, const Complain& complain);

  // What became of the acknowledged readings; `unaccounted` are those nobody can explain.
  struct Missing {
    std::uint64_t acknowledged = 0, received = 0;
    std::uint64_t lost_in_power_cut = 0, lost_with_store = 0, lost_in_memory = 0;
    std::uint64_t dropped = 0, quarantined = 0, waiting = 0;
    std::vector<Reading> unaccounted;
  };
  [[nodiscard]] Missing missing(const std::function<bool(Reading)>& received) const;
  [[nodiscard]] std::uint64_t waiting() const;
  // Or it was dropped from the store while the device held it: then it may be sent all the same.
  [[nodiscard]] bool waits(Reading reading) const {
    if (reading > entries_.size()) return false;
    const Row row = entries_[reading - 1].row;
    return row == Row::Waiting || row == Row::Dropped;
  }
  // It was set aside or dropped, and a later process found it waiting: the disk never knew. Or the
  // store with it could not be opened while newer ones were sent.
  [[nodiscard]] bool has_returned(Reading reading) const { return returned_.contains(reading); }

 private:
  enum class Row : std::uint8_t {
    None,
    Waiting,
    Released,
    Quarantined,
    Dropped,
    Lost,
    LostWithStore,
    LostInMemory
  };
  struct Entry {
    Row row = Row::None;
    bool acknowledged = false;
    std::uint32_t epoch = 0;  // index + 1; 0: no id yet
    std::uint64_t sequence = 0;
    SteadyTime stored_at{};
  };
  Entry& entry(Reading reading);
  std::uint32_t epoch_index(std::string_view name);
  Reading reading_of(const StoredMessage& row);
  void set_id(Reading reading, std::uint32_t epoch, std::uint64_t sequence,
              const Complain& complain);
  static void compare(const char* what, std::uint64_t& ours, std::uint64_t counted,
                      bool begins_anew, const Complain& complain);
  void count(Row row, int by);
  void set(Entry& entry, Row row);

  std::vector<Entry> entries_;  // by reading - 1
  std::set<Reading> returned_;
  std::set<Reading> in_memory_;       // of the process that lives
  std::set<Reading> taken_out_;       // likewise: released or set aside
  SteadyTime memory_until_{};         // when the disk had got all of it
  std::set<Reading> died_in_memory_;  // of those since the store was listed
  std::vector<std::string> epochs_;
  std::vector<std::vector<Reading>> by_sequence_;  // by epoch index - 1; 0: unknown
  Reading oldest_waiting_ = 1;                     // no older one waits
  std::uint64_t dropped_ = 0, quarantined_ = 0;    // by our own count, as the store's life goes
};

// The number in `{"counter":7}`; 0: none.
[[nodiscard]] std::uint64_t reading_in(std::string_view body);

}  // namespace hubward::simulation
