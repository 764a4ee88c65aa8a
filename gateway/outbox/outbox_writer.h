// The outbox of the running gateway: one thread that owns the store. Everything that arrives while
// it writes goes into its next transaction, so that the busier it is, the less a message costs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/api/outbox.h"
#include "gateway/outbox/outbox_rounds.h"

namespace hubward::outbox {

struct WriterOptions {
  StoreOptions store;
  // A power cut loses at most what was committed in this time; 0: every commit is synced.
  std::chrono::milliseconds sync_window{50};
  // Commits start at least this far apart, so that a stream of single messages shares them. A
  // message that comes alone does not wait.
  std::chrono::microseconds commit_interval{5000};
  Log* log = nullptr;  // outlives the writer
};

// What may wait for the writer. Over it, append() answers Throttled at once: the disk does not keep
// up, and the reading stays with whoever has it (the broker, the equipment).
inline constexpr std::size_t kMailboxMessagesMax = 20'000;
inline constexpr std::uint64_t kMailboxBytesMax = 64ULL * 1024 * 1024;
// A transaction takes at most so many messages: bounds what waits for one fsync.
inline constexpr std::size_t kCommitMessagesMax = 2'000;
// Releases alone wait this long for something to share a transaction with.
inline constexpr std::chrono::milliseconds kReleaseLinger{100};

class OutboxWriter final : public Outbox {
 public:
  // Opens the store at once, on this thread, so that a start tells what it found; never refuses.
  OutboxWriter(WriterOptions options, const Clock& clock);
  OutboxWriter(const OutboxWriter&) = delete;
  OutboxWriter& operator=(const OutboxWriter&) = delete;
  ~OutboxWriter() override;  // as flush_and_stop, without a limit

  void attach(DeviceIndex device, const std::string& device_id, Loop& home) override;
  void append(DeviceIndex device, OutboxMessage message, Appended done) override;
  void fetch(DeviceIndex device, const StoredMessage* after, const StoredMessage* before,
             std::size_t count_max, Fetched done) override;
  void release(DeviceIndex device, const StoredMessage& row) override;
  void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) override;
  [[nodiscard]] OutboxCounts counts(DeviceIndex device) const override;
  [[nodiscard]] OutboxCounts totals() const override;

  // `watcher` is called on `loop`, which outlives the writer, and as long as that runs. Once.
  void watch(Loop& loop, OutboxWatcher& watcher);

  // The quarantined messages, oldest first; answered on `loop`, which outlives the answer.
  void list_quarantined(std::size_t count_max, Loop& loop, Listed done);
  // Removes those up to this one (QuarantinedMessage::place), after they were exported.
  void clear_quarantined(std::int64_t newest_place, Loop& loop, std::function<void(Status)> done);
  // Any thread. Not older than a second.
  [[nodiscard]] StoreStatus status() const;
  // Any thread.
  [[nodiscard]] StoreState state() const;
  [[nodiscard]] std::vector<SetAside> set_aside() const;

  // Takes nothing more (append answers Stopped), writes and syncs what is there and closes the
  // store. False if that took longer than `timeout`; it then goes on by itself. Any thread but the
  // loops'.
  bool flush_and_stop(std::chrono::milliseconds timeout);

 private:
  void put(Request request);
  void put_locked(Request request);
  void run() noexcept;
  bool wait_for_work(std::vector<Request>& round, std::optional<ClockReading>& expiry);
  void serve(std::span<Request> round);
  void publish();
  void tell_watcher(std::span<const StoreDevice> changed);
  void show(const SetAside& damaged);
  void publish_status(SteadyTime now);
  void tell(const StoreState& state, bool memory_only);

  const Clock& clock_;
  const std::chrono::nanoseconds commit_interval_;
  Log* const log_;

  // The writer's thread only, after construction.
  OutboxRounds rounds_;
  SteadyTime last_commit_;
  std::vector<DeviceIndex> newly_attached_;
  std::vector<std::optional<DeviceIndex>> attached_as_;  // by StoreDevice
  SteadyTime status_at_{};
  bool told_memory_only_ = false;

  mutable std::mutex mailbox_mutex_;  // never held across I/O or a call out
  std::condition_variable mailbox_changed_;
  std::vector<Request> mailbox_;
  bool urgent_ = false;                // something in it that somebody waits for
  std::optional<SteadyTime> lazy_at_;  // when the rest of it wants to be looked at
  std::vector<Loop*> homes_;           // by DeviceIndex, for answers that do not pass the writer
  std::vector<std::uint64_t> turned_away_;  // by DeviceIndex: messages, because too much waited
  std::size_t waiting_messages_ = 0;
  std::uint64_t waiting_bytes_ = 0;
  bool writer_waits_ = false;
  bool stopping_ = false;
  bool stopped_ = false;

  mutable std::mutex shown_mutex_;                    // never held across I/O or a call out
  std::vector<OutboxCounts> shown_counts_;            // by StoreDevice
  std::vector<std::optional<StoreDevice>> shown_as_;  // by DeviceIndex
  Loop* watching_on_ = nullptr;
  OutboxWatcher* watcher_ = nullptr;
  StoreState shown_state_;
  StoreStatus shown_status_;
  std::vector<SetAside> shown_set_aside_;

  std::jthread thread_;  // last: everything above must outlive it
};

}  // namespace hubward::outbox
