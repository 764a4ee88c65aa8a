// The outbox of the running gateway: one thread that owns the store. Everything that arrives while
// it writes goes into its next transaction, so that the busier it is, the less a message costs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/api/outbox.h"
#include "gateway/outbox/store.h"

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
// The store tries to open again this often, and releases of newest rows reach the disk.
inline constexpr std::chrono::seconds kReopenInterval{1};
inline constexpr std::chrono::seconds kSettleInterval{2};

class OutboxWriter final : public Outbox {
 public:
  // Opens the store at once, on this thread, so that a start tells what it found; never refuses.
  OutboxWriter(WriterOptions options, const Clock& clock);
  OutboxWriter(const OutboxWriter&) = delete;
  OutboxWriter& operator=(const OutboxWriter&) = delete;
  ~OutboxWriter() override;  // as flush_and_stop, without a limit

  void attach(DeviceIndex device, const std::string& device_id, Loop& home) override;
  void append(DeviceIndex device, OutboxMessage message, Appended done) override;
  void fetch(DeviceIndex device, const StoredMessage* after, std::size_t count_max,
             Fetched done) override;
  void release(DeviceIndex device, const StoredMessage& row) override;
  void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) override;
  [[nodiscard]] OutboxCounts counts(DeviceIndex device) const override;
  [[nodiscard]] OutboxCounts totals() const override;

  // The quarantined messages, oldest first; answered on `loop`, which outlives the answer.
  using Listed = std::function<void(Result<std::vector<QuarantinedMessage>>)>;
  void list_quarantined(std::size_t count_max, Loop& loop, Listed done);
  // Any thread.
  [[nodiscard]] StoreState state() const;
  [[nodiscard]] std::vector<SetAside> set_aside() const;

  // Takes nothing more (append answers Stopped), writes and syncs what is there and closes the
  // store. False if that took longer than `timeout`; it then goes on by itself. Any thread but the
  // loops'.
  bool flush_and_stop(std::chrono::milliseconds timeout);

 private:
  struct Attach {
    DeviceIndex device;
    std::string device_id;
    Loop* home;
  };
  struct Append {
    DeviceIndex device;
    OutboxMessage message;
    Appended done;
  };
  struct Fetch {
    DeviceIndex device;
    std::optional<StoredMessage> after;  // without its message
    std::size_t count_max;
    Fetched done;
  };
  struct Release {
    DeviceIndex device;
    std::string epoch;
    std::uint64_t sequence;
  };
  struct Quarantine {
    DeviceIndex device;
    std::string epoch;
    std::uint64_t sequence;
    ErrorCode why;
  };
  struct List {
    std::size_t count_max;
    Loop* loop;
    Listed done;
  };
  struct Attached {
    StoreDevice store;
    Loop* home = nullptr;
  };
  using Request = std::variant<Attach, Append, Fetch, Release, Quarantine, List>;
  class Answers;

  void put_locked(Request request, bool urgent);
  void run() noexcept;
  bool wait_for_work(std::vector<Request>& round);
  [[nodiscard]] std::optional<SteadyTime> next_duty() const;
  void serve(std::span<Request> round);
  void take(Request& request, std::vector<NewMessage>& messages);
  void answer(std::span<Request> round, std::vector<Result<StoredMessage>> results);
  void look_after_store();
  void flush(SteadyTime now);
  void publish();
  [[nodiscard]] Attached attached(DeviceIndex device) const;

  const Clock& clock_;
  const WriterOptions options_;

  // The writer's thread only, after construction.
  OutboxStore store_;
  std::vector<Attached> attached_;  // by DeviceIndex
  SteadyTime last_commit_{};
  std::optional<SteadyTime> sync_at_;
  std::optional<SteadyTime> settle_at_;
  std::optional<SteadyTime> reopen_at_;
  std::chrono::nanoseconds last_sync_took_{0};
  StoreState noted_;

  mutable std::mutex mailbox_mutex_;  // never held across I/O or a call out
  std::condition_variable mailbox_changed_;
  std::vector<Request> mailbox_;
  bool urgent_ = false;                // something in it that somebody waits for
  std::optional<SteadyTime> lazy_at_;  // when the rest of it wants to be looked at
  std::vector<Loop*> homes_;           // by DeviceIndex, for answers that do not pass the writer
  std::size_t waiting_messages_ = 0;
  std::uint64_t waiting_bytes_ = 0;
  bool writer_waits_ = false;  // for anything at all, so that the next request must wake it
  bool stopping_ = false;
  bool stopped_ = false;

  mutable std::mutex shown_mutex_;                    // never held across I/O or a call out
  std::vector<OutboxCounts> shown_counts_;            // by StoreDevice
  std::vector<std::optional<StoreDevice>> shown_as_;  // by DeviceIndex
  StoreState shown_state_;
  std::vector<SetAside> shown_set_aside_;

  std::jthread thread_;  // last: everything above must outlive it
};

}  // namespace hubward::outbox
