// The rows of one device between outbox and hub: which is sent next, which are in flight, which one
// keeps killing the link.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/api/outbox.h"

namespace hubward::device {

struct SendWindowSettings {
  // Enough for 300 messages a second at 100 ms to the hub and back.
  std::size_t in_flight_max = 32;
  // And in bytes, beyond the first message: two of the largest size fit the link's send buffer.
  std::size_t in_flight_bytes_max = 512 * 1024;
  // Rows held in memory; the rest stays in the store. Bounds a device's memory during an outage.
  std::size_t loaded_max = 64;
  // Rule 2: in flight at this many link drops, each after a successful login, and never
  // acknowledged: quarantine.
  unsigned drops_max = 5;
  std::chrono::milliseconds puback_timeout{60000};
  // A store that cannot be read is left alone this long: it looks after itself once a second.
  std::chrono::milliseconds fetch_pause{1000};
};

// Pure; one per device, for the device's life (links come and go).
class SendWindow {
 public:
  explicit SendWindow(SendWindowSettings settings = {}) : settings_(settings) {}

  // The outbox took a new row. It is kept here if everything before it is here too.
  void on_stored(const StoredMessage& row);

  struct Fetch {
    std::optional<StoredMessage> after;  // absent: from the oldest
    std::size_t count;
  };
  // What to ask the outbox for, at most one request at a time; answered with on_fetched().
  [[nodiscard]] std::optional<Fetch> wants_rows(SteadyTime now);
  void on_fetched(const Result<std::vector<StoredMessage>>& rows, SteadyTime now);
  // After a failed fetch: when to ask again.
  [[nodiscard]] std::optional<SteadyTime> fetch_again_at() const { return fetch_again_at_; }

  // The next row to publish, in order, or nothing while the window is full or empty.
  [[nodiscard]] const StoredMessage* next_to_send() const;
  void on_sent(PublishToken token, SteadyTime now);
  // The hub has it; the row may leave the outbox. Nothing for a token of an earlier link.
  [[nodiscard]] std::optional<StoredMessage> on_puback(PublishToken token);
  // Takes the next row out, unsent (it can never be sent).
  StoredMessage take_next();
  // What was in flight will be sent again, first. `counts`: the drop may be a message's fault.
  // Returns the rows that were in flight too often.
  [[nodiscard]] std::vector<StoredMessage> on_link_lost(bool counts);

  [[nodiscard]] std::optional<SteadyTime> puback_deadline() const;
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  struct Row {
    StoredMessage stored;
    bool sent = false;
    bool acknowledged = false;
    PublishToken token{};
    SteadyTime sent_at{};
    unsigned drops = 0;
  };
  [[nodiscard]] std::size_t window() const;

  SendWindowSettings settings_;
  std::deque<Row> rows_;  // oldest first; sent ones first
  std::size_t in_flight_ = 0;
  std::size_t in_flight_bytes_ = 0;
  std::size_t sent_ = 0;                    // leading rows that are sent, acknowledged or not
  std::optional<StoredMessage> last_seen_;  // id only: where the next fetch continues
  bool more_in_store_ = true;               // at start: what an earlier run left
  bool fetching_ = false;
  std::optional<SteadyTime> fetch_again_at_;
};

}  // namespace hubward::device
