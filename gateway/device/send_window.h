// The rows of one device between outbox and hub: which is sent next, which are in flight, which one
// keeps ending the link.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/api/outbox.h"
#include "gateway/device/send_lanes.h"

namespace hubward::device {

struct SendWindowSettings {
  // Enough for 300 messages a second at 100 ms to the hub and back.
  std::size_t in_flight_max = 32;
  // And in bytes, beyond the first message: two of the largest size fit the link's send buffer.
  std::size_t in_flight_bytes_max = 512 * 1024;
  // Rows held in memory besides those in flight; the rest stays in the store. Bounds a device's
  // memory during an outage.
  std::size_t loaded_max = 64;
  // In flight at this many ends of a link, each after a successful login, and never acknowledged:
  // quarantine.
  unsigned drops_max = 5;
  std::chrono::milliseconds puback_timeout{60000};
  // A store that cannot be read is left alone this long: it looks after itself once a second.
  std::chrono::milliseconds fetch_pause{1000};
  SendOrder order = SendOrder::Strict;
  unsigned fresh_share_percent = 80;  // 1 to 99; fresh first only
};

// How a link ended, as far as the messages in flight are concerned.
enum class LinkEnd : std::uint8_t {
  Planned,        // by us, for reasons of our own
  Lost,           // closed or broken from outside: a message may be the cause
  PubackMissing,  // by us, because a message was not acknowledged in time
};

// Pure; one per device, for the device's life (links come and go).
//
// Who is to blame for the end of a link:
// - Lost: everything in flight. Who was in flight at two is sent alone from then on, so that the
//   next one points at one message and not at a whole window.
// - PubackMissing: only who was passed over, i.e. a message sent after it was acknowledged. A hub
//   that acknowledges nothing, for hours perhaps, is no message's fault.
// At `drops_max` a message is set aside, if the hub was seen to take another one: on the link that
// ended last, or in a trial. A trial is a link on which the next message goes before the accused
// ones; if it is acknowledged, they are guilty, and nothing has been overtaken. Without that, a hub
// that cuts every link (its daily quota is used up) would send one good message after the other
// into quarantine. ARCHITECTURE.md, "What decides what".
class SendWindow {
 public:
  explicit SendWindow(SendWindowSettings settings = {});

  // The hub accepted the login. What came before is backlog.
  void on_link_up();
  // The outbox took a new row. It is kept here if everything before it is here too.
  void on_stored(const StoredMessage& row);
  // The store may hold rows that nobody here knows of. They are sent behind those that are here.
  void look_again() { lanes_.look_again(); }

  using Fetch = SendLanes::Fetch;
  // What to ask the outbox for, at most one request at a time; answered with on_fetched().
  [[nodiscard]] std::optional<Fetch> wants_rows(SteadyTime now);
  void on_fetched(const Result<std::vector<StoredMessage>>& rows, SteadyTime now);
  // After a failed fetch: when to ask again.
  [[nodiscard]] std::optional<SteadyTime> fetch_again_at() const { return fetch_again_at_; }

  // The next row to publish, in order, or nothing while the window is full or empty.
  [[nodiscard]] const StoredMessage* next_to_send() const;
  // Whether that row is sent in addition to what the device makes now: it was read back from the
  // store or kept over an outage, and the queue would shrink by it. Its rate may be limited without
  // a queue growing for ever: for each new row that must queue behind the backlog one row of the
  // backlog goes free. What was in flight when a link ended goes free as well.
  [[nodiscard]] bool next_is_backlog() const;
  // While held, next_to_send() answers no row of the backlog: fresh first, only fresh rows; in
  // strict order nothing, until the backlog is gone.
  void hold_backlog(bool hold) { hold_backlog_ = hold; }

  void on_sent(PublishToken token, SteadyTime now);
  // The hub has it; the row may leave the outbox. Nothing for a token of an earlier link.
  [[nodiscard]] std::optional<StoredMessage> on_puback(PublishToken token);
  // Rows that are to be set aside, after each on_puback() and on_link_lost().
  [[nodiscard]] std::vector<StoredMessage> take_condemned();
  // Takes the next row out, unsent (it can never be sent).
  StoredMessage take_next();
  // What was in flight will be sent again, first.
  void on_link_lost(LinkEnd end);

  [[nodiscard]] std::optional<SteadyTime> puback_deadline() const;
  [[nodiscard]] std::size_t in_flight() const { return flying_.size(); }
  // All rows in memory: at most one and a half times loaded_max, and twice in_flight_max.
  [[nodiscard]] std::size_t rows_held() const {
    return lanes_.loaded() + flying_.size() + again_.size();
  }

 private:
  // Where the next row is: in again_ at `place`, or else in a lane.
  struct Next {
    std::optional<std::size_t> place;
    Lane lane = Lane::Backlog;
    bool is_trial = false;
  };
  [[nodiscard]] std::optional<Next> find_next() const;
  [[nodiscard]] const SendRow& row_at(const Next& next) const;
  SendRow take(const Next& next, bool sent);
  [[nodiscard]] std::size_t accused() const;
  [[nodiscard]] bool is_trial_due() const;
  void condemn(SendRow& row);
  void blame(LinkEnd end);
  [[nodiscard]] const StoredMessage* oldest_fresh() const;
  [[nodiscard]] bool holds(const StoredMessage& row) const;
  void note_left(const StoredMessage& row);

  SendWindowSettings settings_;
  SendLanes lanes_;              // not sent yet
  std::vector<SendRow> flying_;  // in flight, as they were sent; at most in_flight_max
  std::vector<SendRow> again_;   // in flight when a link ended, as they were sent; likewise
  std::size_t in_flight_bytes_ = 0;
  bool link_up_ = false;
  bool link_proven_ = false;           // the hub acknowledged something on this link
  std::optional<PublishToken> trial_;  // the message in flight that testifies
  bool hold_backlog_ = false;
  std::vector<StoredMessage> condemned_;
  // Ids only: rows that left us since the last answer of the store, which may still hold them. Only
  // while it is read again.
  std::vector<StoredMessage> left_meanwhile_;
  std::optional<SteadyTime> fetch_again_at_;
};

}  // namespace hubward::device
