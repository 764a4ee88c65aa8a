// The durable store of messages between readings and the hub: one SQLite file, no thread, no clock.
// OutboxWriter runs it on a thread; the deterministic simulation drives it directly.
//
// What each promise rests on:
// - Killing the process loses nothing: commit() returns after the write-ahead log was written to
// the
//   kernel.
// - A power cut loses at most what was committed since the last successful sync(): sync() flushes
// the
//   log, and a checkpoint flushes it before it moves pages (FORMAT.md, "Power cuts").
// - Ids are never used for two messages: where acknowledged rows may be missing from the file (it
//   was not closed cleanly), new rows get a new epoch; and so do messages that the disk did not
//   take (store_memory.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/api/outbox.h"
#include "gateway/outbox/memory_rows.h"
#include "gateway/outbox/row_index.h"
#include "gateway/outbox/store_types.h"
#include "proto/result.h"

namespace hubward::outbox {

class StoreFile;

// Sums, and the older of the two oldest.
void add_counts(OutboxCounts& into, const OutboxCounts& counts);

class OutboxStore {
 public:
  explicit OutboxStore(StoreOptions options);
  OutboxStore(const OutboxStore&) = delete;
  OutboxStore& operator=(const OutboxStore&) = delete;
  ~OutboxStore();  // without close(): as if the process had died here

  // Opens or creates the store. A damaged or foreign file is set aside and a new one begun. If the
  // disk does not let us, state() says so, and recover() is to be tried. What can be read is
  // fetched and released even if nothing can be written.
  Status open();
  // After trouble: works again, or not yet. To be tried once in a while.
  Status recover();
  // Writes what is pending, syncs and marks the store as closed cleanly.
  Status close();

  // The device with this registration id, made known if it is new. Never touches the disk.
  StoreDevice attach(std::string_view registration_id);
  // All known devices, also those that only older rows mention.
  [[nodiscard]] std::vector<std::string> devices() const;

  // Appends in one transaction, together with everything released and quarantined before. Answers
  // one result for each message in order. Errors: StoreFailed, StoreFull (refuse-new),
  // MessageTooLarge. `messages` may be empty. While the disk takes nothing, messages are kept in
  // memory, if the limits have room for that.
  std::vector<Result<StoredMessage>> commit(std::vector<NewMessage> messages);
  // Takes effect in memory at once and on disk with the next commit. If the process dies between,
  // the row is delivered again, with the same id. Unknown rows are ignored.
  void release(StoreDevice device, const std::string& epoch, std::uint64_t sequence);
  void quarantine(StoreDevice device, const std::string& epoch, std::uint64_t sequence,
                  ErrorCode why, WallTime now);
  // True if the next commit has work to do even without messages.
  [[nodiscard]] bool has_pending_work() const;
  // The release of a device's newest row stays in memory until a newer one comes, because then the
  // sequence goes on by itself. This makes such rows work for the next commit. Once in a while.
  void settle();

  // Drops what is older than the limits allow, at most `count_max` rows; on disk with the next
  // commit. True if there may be more.
  bool expire(const ClockReading& now, std::size_t count_max);
  [[nodiscard]] bool has_age_limit() const;

  // Flushes what was committed. On an error nothing is lost yet; the next call tries harder.
  Status sync();
  // Also while the log is not trusted, although every later commit was synced by itself.
  [[nodiscard]] bool unsynced() const { return unsynced_ || sync_failed_; }

  // The newest row so far, as an upper bound for fetch().
  [[nodiscard]] RowId newest_row() const { return next_row_ - 1; }
  // Another number when rows may have got other ids: the store was opened anew.
  [[nodiscard]] std::uint64_t numbering() const { return numbering_; }
  // The device's oldest rows behind `after` (null: from the oldest) up to `newest` and in front of
  // `before` (null: no such bound). A damaged row is quarantined and left out.
  Result<std::vector<StoredMessage>> fetch(StoreDevice device, const StoredMessage* after,
                                           std::size_t count_max, RowId newest, WallTime now,
                                           const StoredMessage* before = nullptr);
  // Oldest first.
  Result<std::vector<QuarantinedMessage>> quarantined(std::size_t count_max);
  // Removes them all up to this one, for good.
  Status remove_quarantined(std::int64_t newest_place);

  [[nodiscard]] OutboxCounts counts(StoreDevice device) const;
  [[nodiscard]] OutboxCounts totals() const;
  // Health, what is in memory only, and what waits of devices that nobody attached.
  [[nodiscard]] StoreStatus status() const;
  // Devices whose counts changed since the last call.
  std::vector<StoreDevice> take_changed();
  [[nodiscard]] const StoreState& state() const { return state_; }
  [[nodiscard]] const StoreLimits& limits() const { return options_.limits; }
  // New messages are kept in memory; recover() ends it.
  [[nodiscard]] bool is_in_memory() const { return in_memory_; }
  // The file is open: what it holds can be read, at least.
  [[nodiscard]] bool is_open() const { return file_ != nullptr; }
  // What the disk does not have yet.
  [[nodiscard]] const MemoryRows& memory_rows() const { return memory_; }
  // Of the rows appended now; empty while nothing can be appended.
  [[nodiscard]] std::string epoch() const {
    return epochs_.empty() ? std::string{} : epochs_.back().name;
  }
  // True once after rows were found that stand before some which may have been read already.
  bool take_found_rows() { return std::exchange(found_rows_, false); }
  // Stores set aside since the last call.
  std::vector<SetAside> take_set_aside();

 private:
  static constexpr std::size_t kPriorities = 3;
  // By priority: no row of it up to here is left.
  using DropCursor = std::array<RowId, kPriorities>;
  struct Device {
    std::string name;
    bool attached = false;  // otherwise only its rows are known: it is not configured any more
    DeviceLimits limits;
    std::int64_t id = 0;  // in the file; 0: not written yet
    RowIndex rows;
    std::uint64_t last_sequence = 0;  // in the current epoch
    OutboxCounts counts;              // without waiting, waiting_bytes and oldest_waiting
    RowId released_newest = 0;        // see settle(); 0: none
    bool in_released_newest = false;  // listed there
    bool changed = false;             // listed in changed_
    bool save = false;                // its row in the file is behind; listed in to_save_
    DropCursor drop_cursor{};         // for its own limit
    RowId ageless = 0;                // up to here, no row will ever tell its age
    std::uint64_t staged_bytes = 0;   // added by the transaction that is being written
  };
  struct Epoch {
    std::int64_t id = 0;  // in the file; 0: not written yet
    std::string name;
    // False: no waiting row of the file had it when that was opened, and none got it since.
    bool has_rows = true;
  };
  struct PendingQuarantine {
    StoreDevice device;
    RowEntry row;
    ErrorCode why;
    WallTime since;
  };
  // What was taken out and had not reached the file when it had to be opened again, or while
  // nothing was known of it. The rows are still in there; nobody would ask for them any more.
  struct TakenOut {
    struct Row {
      StoreDevice device;
      std::string epoch;
      std::uint64_t sequence;
      std::optional<ErrorCode> quarantined;
      WallTime since;
    };
    std::string epoch;  // the file's last one then: tells whether it is the same store
    // How far the devices were in that epoch; null: nobody knows, or a later one had to begin.
    std::optional<std::vector<std::uint64_t>> last_sequences;
    std::vector<RowId> released;  // sorted
    std::vector<Row> rows;
  };
  // What a transaction will have changed; reaches memory when it is committed.
  struct Staged {
    std::vector<std::pair<StoreDevice, RowEntry>> added;
    std::vector<std::pair<StoreDevice, RowId>> dropped;
    std::vector<std::uint32_t> new_devices;
    std::vector<std::size_t> new_epochs;    // places in epochs_
    std::optional<Epoch> next_epoch;        // begins with the commit: behind all of epochs_
    std::vector<std::uint32_t> superseded;  // devices whose released newest row is removed
    std::vector<RowId> carried;             // from memory to the disk
    std::vector<std::pair<std::uint32_t, DropCursor>> device_cursors;
    std::uint64_t bytes_added = 0;
    std::uint64_t bytes_dropped = 0;
    std::array<std::uint64_t, kPriorities> rows_added{};
    DropCursor drop_cursor{};
  };

  StoreDevice known(std::string_view registration_id);
  [[nodiscard]] RowClock clock_of(std::uint64_t boot_id, bool clock_trusted) const;

  // store_open.cc
  Status open_once(std::string& damage);
  struct OwnEpoch;
  int take_over(std::unique_ptr<StoreFile> file, bool is_new, const std::optional<OwnEpoch>& own);
  int load(bool& closed_cleanly);
  int load_rows();
  [[nodiscard]] bool has_all_sequences() const;
  int begin();
  int mark_as_open();
  int begin_epochs();
  int forget_unused_epochs(const Staged& staged);
  bool set_aside(const std::string& why);
  void rescue(StoreFile& fresh);
  void forget_contents();
  [[nodiscard]] std::string newest_epoch_on_disk() const;
  void remember_released();
  void take_out_again(bool same_store);
  void take_out_rows(const std::vector<TakenOut::Row>& rows);
  int test_write();

  // store_memory.cc
  std::vector<Result<StoredMessage>> keep_in_memory(std::vector<NewMessage>& messages);
  Result<StoredMessage> keep_one(NewMessage& message);
  bool begin_epoch_in_memory();
  [[nodiscard]] bool may_begin_epoch() const { return epochs_.size() + 2 < kEpochsMax; }
  void begin_epoch(Epoch epoch);
  int carry(Staged& staged);
  [[nodiscard]] bool waits_to_be_carried(RowId row, const Staged& staged) const;
  Status carry_all();
  void index_memory_rows();
  // The newest epoch, if the disk does not know it: all that was used of it.
  struct OwnEpoch {
    std::string name;
    std::vector<std::uint64_t> last_sequences;  // by device
  };
  [[nodiscard]] std::optional<OwnEpoch> own_epoch() const;
  void go_on_in_memory(const std::optional<OwnEpoch>& own);
  void go_on_without_contents(const std::optional<OwnEpoch>& own);

  // store_commit.cc
  std::vector<Result<StoredMessage>> commit_to_disk(std::vector<NewMessage>& messages);
  void count_refused(const std::vector<NewMessage>& messages,
                     const std::vector<Result<StoredMessage>>& answers);
  int write_epochs(Staged& staged);
  int write_device(StoreDevice device, Staged& staged);
  int write_all(std::vector<NewMessage>& messages, std::vector<Result<StoredMessage>>& answers,
                Staged& staged);
  int write_message(NewMessage& message, std::vector<Result<StoredMessage>>& answers,
                    Staged& staged);
  int write_pending(const Staged& staged);
  int trim_quarantine();
  int save_devices(Staged& staged);
  void apply(const Staged& staged);
  void undo(std::vector<NewMessage>& messages, std::vector<Result<StoredMessage>>& answers,
            const Staged& staged);

  // store_retention.cc
  [[nodiscard]] std::optional<Error> refusal(const NewMessage& message, std::uint64_t bytes,
                                             std::uint64_t bytes_staged) const;
  [[nodiscard]] std::uint64_t bytes_over(const Staged& staged) const;
  int drop_over_limits(Staged& staged);
  int drop_of_device(StoreDevice device, Staged& staged);
  int drop(StoreDevice device, RowId row, std::uint64_t bytes, Staged& staged);
  int drop_oldest(Staged& staged);
  int choose_oldest(Priority priority, Staged& staged);
  void drop_in_memory(StoreDevice which);
  [[nodiscard]] std::optional<std::pair<StoreDevice, RowId>> oldest(Priority priority) const;
  void let_go(StoreDevice which, RowId row);
  bool expire(StoreDevice device, const ClockReading& now, std::size_t& left);

  std::optional<RowEntry> take_out(StoreDevice device, const std::string& epoch,
                                   std::uint64_t sequence);
  void count_out(const RowEntry& row);
  [[nodiscard]] std::optional<EpochIndex> epoch_index(const std::string& name) const;
  void mark_for_saving(StoreDevice device);
  void mark_changed(StoreDevice device);
  void checkpoint_if_due();
  // Names what went wrong. A damaged store is set aside and a new one begun.
  Error failed(int rc);
  Error unavailable() const;

  StoreOptions options_;
  std::unique_ptr<StoreFile> file_;  // null: not open
  StoreState state_;
  std::vector<SetAside> set_aside_;
  std::optional<SetAside> rescue_from_;  // a store set aside and not looked through yet
  int set_aside_count_ = 0;
  std::vector<Device> devices_;
  std::unordered_map<std::string, std::uint32_t> device_by_name_;
  std::unordered_map<std::int64_t, std::uint32_t> device_by_id_;
  std::vector<Epoch> epochs_;  // oldest first; the last one is the current one
  RowId next_row_ = 1;
  std::uint64_t numbering_ = 0;
  std::uint64_t bytes_ = 0;                           // of waiting rows
  std::array<std::uint64_t, kPriorities> waiting_{};  // rows by priority
  DropCursor drop_cursor_{};
  TakenOut taken_out_;
  MemoryRows memory_;              // waiting, not on the disk
  bool in_memory_ = false;         // since a write failed, and until all of memory_ is on the disk
  bool epoch_pending_ = false;     // opened, but nothing could be written yet
  bool new_epoch_needed_ = false;  // the last one may have been used by rows nobody knows
  std::vector<RowId> to_remove_;   // released, still on disk
  std::vector<PendingQuarantine> to_quarantine_;  // taken out, still a message on disk
  std::vector<std::uint32_t> to_save_;            // devices with `save`
  std::vector<std::uint32_t> released_newest_;    // devices with `in_released_newest`
  std::vector<StoreDevice> changed_;
  int checkpoint_at_pages_ = 0;
  bool found_rows_ = false;
  bool unsynced_ = false;
  bool sync_failed_ = false;
  bool checkpoint_failed_ = false;
};

}  // namespace hubward::outbox
