// What an outbox does with everything that was asked of it since the last time: one round, one
// transaction. OutboxWriter plays rounds on its thread, a simulation on simulated time, so both run
// the same rules. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/api/clock.h"
#include "gateway/api/outbox.h"
#include "gateway/outbox/store.h"

namespace hubward::outbox {

struct AttachRequest {
  DeviceIndex device;
  std::string device_id;
  Loop* home;
};
struct AppendRequest {
  DeviceIndex device;
  OutboxMessage message;
  Appended done;
};
struct FetchRequest {
  DeviceIndex device;
  std::optional<StoredMessage> after;   // its id only
  std::optional<StoredMessage> before;  // its id only
  std::size_t count_max;
  Fetched done;
};
struct ReleaseRequest {
  DeviceIndex device;
  std::string epoch;
  std::uint64_t sequence;
};
struct QuarantineRequest {
  DeviceIndex device;
  std::string epoch;
  std::uint64_t sequence;
  ErrorCode why;
};
using Listed = std::function<void(Result<std::vector<QuarantinedMessage>>)>;
struct ListRequest {
  std::size_t count_max;
  Loop* loop;
  Listed done;
};
struct ClearRequest {  // removes what was listed up to this place
  std::int64_t newest_place;
  Loop* loop;
  std::function<void(Status)> done;
};
using Request = std::variant<AttachRequest, AppendRequest, FetchRequest, ReleaseRequest,
                             QuarantineRequest, ListRequest, ClearRequest>;

// False for what nobody waits for: it may linger until it can share a transaction.
[[nodiscard]] bool is_urgent(const Request& request);
// The request for Outbox::fetch().
[[nodiscard]] FetchRequest fetch_request(DeviceIndex device, const StoredMessage* after,
                                         const StoredMessage* before, std::size_t count_max,
                                         Fetched done);

// What one round answers, collected so that each loop is woken once, in the order of the calls.
class Answers {
 public:
  using ByLoop = std::vector<std::pair<Loop*, std::vector<std::function<void()>>>>;
  void add(Loop* loop, std::function<void()> answer);
  void post();
  [[nodiscard]] ByLoop take() { return std::move(by_loop_); }

 private:
  ByLoop by_loop_;  // a few loops
};

// The store tries again this often after trouble, and releases of newest rows reach the disk.
inline constexpr std::chrono::seconds kRetryInterval{1};
inline constexpr std::chrono::seconds kSettleInterval{2};
// How often messages over age are looked for, and how many go at once: bounds a transaction.
inline constexpr std::chrono::seconds kExpiryInterval{1};
inline constexpr std::size_t kExpiredAtOnceMax = 1000;

class OutboxRounds {
 public:
  // Opens the store. A power cut loses at most what was committed in `sync_window`; 0: every commit
  // is synced. The clock outlives this.
  OutboxRounds(StoreOptions store, std::chrono::milliseconds sync_window, const Clock& clock);

  // Carries out the requests in order with one commit.
  [[nodiscard]] Answers serve(std::span<Request> round);
  // Syncs, settles and reopens, each when it is due.
  void look_after_store();
  // When it is time to drop what is too old: now. Everything that was asked before is to be served
  // first, then drop_expired() with this: a message that the hub has must not be counted as expired
  // because its release still waits.
  [[nodiscard]] std::optional<ClockReading> expiry_due() const;
  void drop_expired(const ClockReading& now);
  // When one of them next has something to do.
  [[nodiscard]] std::optional<SteadyTime> next_duty() const;

  [[nodiscard]] OutboxStore& store() { return store_; }
  [[nodiscard]] const OutboxStore& store() const { return store_; }
  // By DeviceIndex; nothing before its AttachRequest was served.
  [[nodiscard]] std::optional<StoreDevice> stored_as(DeviceIndex device) const;

 private:
  struct Attached {
    StoreDevice device;
    Loop* home = nullptr;  // null: not attached
  };
  void take(Request& request, std::vector<NewMessage>& messages);
  void flush(SteadyTime now);
  void retry(SteadyTime now);

  const Clock& clock_;
  const std::chrono::nanoseconds sync_window_;
  OutboxStore store_;
  std::vector<Attached> attached_;  // by DeviceIndex
  std::optional<SteadyTime> sync_at_;
  std::optional<SteadyTime> retry_at_;
  SteadyTime settle_at_;
  std::optional<SteadyTime> expire_at_;  // none: there is no limit of age
  std::chrono::nanoseconds last_sync_took_{0};
};

}  // namespace hubward::outbox
