// The rows of one device that have not been sent yet: what is in memory, what is still in the
// store, and which row goes next. Used by SendWindow only.
//
// Strict order: one lane, the oldest row first. Fresh first: what came over this link, as far as it
// is not much, forms a lane of its own, what is older is the backlog; each lane keeps its order and
// the two share the link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/api/outbox.h"

namespace hubward::device {

enum class Lane : std::uint8_t { Backlog, Fresh };  // strict order knows only the first

// One row on its way, from here over the link to its PUBACK.
struct SendRow {
  StoredMessage stored;
  Lane lane = Lane::Backlog;
  bool is_backlog = false;  // not sent as it came: read back from the store, or kept over an outage
  bool acknowledged_later = false;  // on this link: a row sent after it, but not this one
  bool alone = false;               // a link ended under it; it is sent with nothing beside it
  unsigned drops = 0;               // counted link ends that it was in flight at
  unsigned trial_at = 0;            // no trial before so many drops
  PublishToken token{};
  SteadyTime sent_at{};
};

// A row without its message: to remember where it was, or that it was.
[[nodiscard]] inline StoredMessage id_of(const StoredMessage& row) {
  return {row.sequence, row.epoch, {}};
}
[[nodiscard]] inline bool is_same(const StoredMessage& a, const StoredMessage& b) {
  return a.sequence == b.sequence && a.epoch == b.epoch;
}

class SendLanes {
 public:
  // `loaded_max`: rows held here. `fresh_share_percent`: of what is sent while both lanes have
  // rows.
  SendLanes(SendOrder order, std::size_t loaded_max, unsigned fresh_share_percent);

  // A row that was stored just now; `live`: while the link was up.
  void on_stored(const StoredMessage& row, bool live);
  // The store may hold rows that nobody here knows of, anywhere: it is read from the oldest again.
  void look_again() { from_oldest_ = more_in_store_ = true; }
  // Rows that are read may be known already; on_fetched() asks for each.
  [[nodiscard]] bool reads_again() const { return reading_again_; }
  // The link was lost: what is here waits for the next one.
  void on_link_lost();

  struct Fetch {
    std::optional<StoredMessage> after;   // id only; absent: from the oldest
    std::optional<StoredMessage> before;  // id only; absent: to the newest
    std::size_t count;
  };
  // `oldest_fresh`: of the rows that are in flight or will be sent again; null: none. The backlog
  // ends before it.
  [[nodiscard]] std::optional<Fetch> wants_rows(const StoredMessage* oldest_fresh);
  // `is_held`: a row that was read once and is not here any more, but in flight or delivered.
  void on_fetched(std::vector<StoredMessage> rows,
                  const std::function<bool(const StoredMessage&)>& is_held);
  void on_fetch_failed();

  [[nodiscard]] std::size_t loaded() const { return old_.size() + fresh_.size(); }
  // The lane whose turn it is; nothing if there is no row, or only rows that are held back.
  // `hold_backlog`: backlog may not be sent now. In strict order it holds what is behind it, too.
  [[nodiscard]] std::optional<Lane> next(bool hold_backlog) const;
  [[nodiscard]] const SendRow& front(Lane lane) const { return rows(lane).front(); }
  // Whether it is sent in addition to what the device makes, see SendWindow::next_is_backlog().
  [[nodiscard]] bool is_extra(const SendRow& row) const {
    return row.is_backlog && live_credit_ == 0;
  }
  // Takes the lane's first row out; `sent`: it counts for the lanes' shares.
  SendRow take(Lane lane, bool sent);

 private:
  [[nodiscard]] std::deque<SendRow>& rows(Lane lane) { return lane == Lane::Fresh ? fresh_ : old_; }
  [[nodiscard]] const std::deque<SendRow>& rows(Lane lane) const {
    return lane == Lane::Fresh ? fresh_ : old_;
  }
  void keep_in_store(bool live);
  [[nodiscard]] bool more_behind_bound() const;

  SendOrder order_;
  std::size_t loaded_max_;
  unsigned fresh_share_percent_;
  std::deque<SendRow> old_, fresh_;
  std::optional<StoredMessage> last_seen_;  // id only: where the next fetch continues
  bool more_in_store_ = true;               // at start: what an earlier run left
  bool wait_for_bound_ = false;             // there is more, but behind the last fetch's bound
  bool fetching_ = false;
  bool from_oldest_ = false;                       // the next fetch begins there
  bool reading_again_ = false;                     // since it did, and until all was read
  std::optional<StoredMessage> stored_meanwhile_;  // id only: the first row since the fetch
  std::optional<StoredMessage> read_before_;       // id only: the bound of the last fetch
  std::optional<StoredMessage> newest_demoted_;    // id only: from the fresh lane to the backlog
  unsigned share_ = 0;           // adds up the fresh lane's share; at 100 it has a turn
  std::size_t live_credit_ = 0;  // rows of this link that queue up behind the backlog
};

}  // namespace hubward::device
