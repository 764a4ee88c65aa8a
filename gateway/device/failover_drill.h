// The books of one rehearsed failover: what had to arrive, what did, and how long it took.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/outbox.h"

namespace hubward::device {

struct DrillReport {
  bool finished = false;  // everything that had to arrive was acknowledged by a hub
  std::string hub_before;
  std::string hub_after;            // empty: none has accepted the device yet
  std::uint64_t expected = 0;       // messages that had to arrive
  std::uint64_t sent = 0;           // publishes since the drop, of those and of later ones
  std::uint64_t acknowledged = 0;   // of `expected`, by their sequence numbers
  std::uint64_t set_aside = 0;      // of `expected`: went to quarantine
  std::uint64_t waiting = 0;        // of `expected`: neither; the store still has to deliver them
  std::uint64_t repeated = 0;       // were on their way when the link dropped: sent twice, same id
  std::uint64_t conversations = 0;  // with DPS
  std::uint64_t logins = 0;         // attempts at a hub
  // Since the drop.
  std::optional<std::chrono::milliseconds> accepted_after;   // CONNACK 0
  std::optional<std::chrono::milliseconds> first_ack_after;  // first PUBACK on the new link
  std::optional<std::chrono::milliseconds> all_arrived_after;
};

// Pure; fed by the device's cloud client from the drop on. What has to arrive: all rows that the
// store held when the link dropped, and those it took until the first PUBACK on the new link.
class FailoverDrill {
 public:
  // Rows that are asked of the store, bodies and all: a longer backlog is judged by its oldest
  // rows, which are sent first.
  static constexpr std::size_t kHeldMax = 256;
  // Ids noted during the drill.
  static constexpr std::size_t kRowsMax = 100'000;

  struct Start {
    std::string hub;
    std::uint64_t conversations = 0;  // counters of the device at the drop
    std::uint64_t logins = 0;
    std::size_t in_flight = 0;
    SteadyTime at;
  };
  explicit FailoverDrill(Start start) : start_(std::move(start)) {}

  // What the store held at the drop, oldest first. Until this is called the drill does not finish.
  void on_held(const std::vector<StoredMessage>& rows);
  void on_stored(const StoredMessage& row);
  void on_sent() { ++sent_; }
  void on_accepted(const std::string& hub, SteadyTime now);
  void on_released(const StoredMessage& row, SteadyTime now);
  void on_quarantined(const StoredMessage& row, SteadyTime now);

  [[nodiscard]] bool finished() const { return all_arrived_at_.has_value(); }
  // `conversations`, `logins`: the device's counters now.
  [[nodiscard]] DrillReport report(std::uint64_t conversations, std::uint64_t logins) const;

 private:
  using RowId = std::pair<std::string, std::uint64_t>;  // epoch, sequence
  void expect(const StoredMessage& row);
  void settle(const StoredMessage& row, std::uint64_t& counter, SteadyTime now);

  const Start start_;
  std::set<RowId> open_;     // expected, not settled
  std::set<RowId> settled_;  // settled since the drop: on_held() may tell of them late
  bool held_known_ = false;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t set_aside_ = 0;
  std::uint64_t sent_ = 0;
  std::string hub_after_;
  std::optional<SteadyTime> accepted_at_, first_ack_at_, all_arrived_at_;
};

}  // namespace hubward::device
