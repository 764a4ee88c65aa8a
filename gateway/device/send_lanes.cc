#include "gateway/device/send_lanes.h"

#include <algorithm>
#include <utility>

namespace hubward::device {
SendLanes::SendLanes(SendOrder order, std::size_t loaded_max, unsigned fresh_share_percent)
    : order_(order), loaded_max_(loaded_max), fresh_share_percent_(fresh_share_percent) {}

void SendLanes::on_stored(const StoredMessage& row, bool live) {
  if (fetching_ && !stored_meanwhile_) stored_meanwhile_ = id_of(row);
  if (order_ == SendOrder::Strict) {
    // It is kept here if everything before it is here too.
    if (more_in_store_ || fetching_ || old_.size() >= loaded_max_) return keep_in_store(live);
    last_seen_ = id_of(row);
    old_.push_back({.stored = row, .lane = Lane::Backlog, .is_backlog = !live});
    return;
  }
  // Fresh is what came over this link, and only so much of it: the oldest of them becomes the
  // newest of the backlog.
  if (!live) {
    newest_demoted_ = id_of(row);
    return keep_in_store(live);
  }
  if (fresh_.size() >= std::max<std::size_t>(loaded_max_ / 2, 1)) {
    keep_in_store(live);
    newest_demoted_ = id_of(fresh_.front().stored);
    fresh_.pop_front();
  }
  fresh_.push_back({.stored = row, .lane = Lane::Fresh});
}

void SendLanes::keep_in_store(bool live) {
  more_in_store_ = true;
  // Bounded, lest a link that was slow for long is followed by as long a burst.
  if (live && live_credit_ < loaded_max_) ++live_credit_;
}

void SendLanes::on_link_lost() {
  for (SendRow& row : old_) row.is_backlog = true;
  if (!fresh_.empty()) {
    newest_demoted_ = id_of(fresh_.back().stored);
    more_in_store_ = true;
    fresh_.clear();
  }
  live_credit_ = 0;
}

// --- From the store

std::optional<SendLanes::Fetch> SendLanes::wants_rows(const StoredMessage* oldest_fresh) {
  // Half empty before asking: one fetch for many rows, not one for each.
  if (!more_in_store_ || fetching_ || old_.size() > loaded_max_ / 2) return std::nullopt;
  if (oldest_fresh == nullptr && !fresh_.empty()) oldest_fresh = &fresh_.front().stored;
  if (wait_for_bound_ && oldest_fresh != nullptr && is_same(*oldest_fresh, *read_before_)) {
    return std::nullopt;
  }
  wait_for_bound_ = false;
  if (std::exchange(from_oldest_, false)) {
    last_seen_.reset();
    reading_again_ = true;
  }
  fetching_ = true;
  more_in_store_ = false;  // until somebody appends while we wait, or the answer brings rows
  stored_meanwhile_.reset();
  read_before_.reset();
  if (oldest_fresh != nullptr) read_before_ = id_of(*oldest_fresh);
  return Fetch{last_seen_, read_before_, loaded_max_ - old_.size()};
}

// Rows that left the fresh lane while others before them were in flight.
bool SendLanes::more_behind_bound() const {
  return read_before_ && newest_demoted_ &&
         (read_before_->epoch != newest_demoted_->epoch ||
          read_before_->sequence < newest_demoted_->sequence);
}

void SendLanes::on_fetched(std::vector<StoredMessage> rows,
                           const std::function<bool(const StoredMessage&)>& is_held) {
  fetching_ = false;
  const auto is_here = [&](const StoredMessage& row) {
    return is_held(row) || std::any_of(old_.begin(), old_.end(), [&](const SendRow& known) {
             return is_same(known.stored, row);
           });
  };
  // Only an empty answer proves that there is no more: an outbox may answer with fewer rows than
  // it was asked for, and rows in between must never be jumped over.
  if (!rows.empty()) {
    more_in_store_ = true;
  } else {
    reading_again_ = false;
    if (more_behind_bound()) more_in_store_ = wait_for_bound_ = true;
  }
  for (StoredMessage& row : rows) {
    // What came while the store was being read is in the fresh lane already.
    if (order_ == SendOrder::FreshFirst && stored_meanwhile_ &&
        row.epoch == stored_meanwhile_->epoch && row.sequence >= stored_meanwhile_->sequence) {
      break;
    }
    const bool is_fresh = std::any_of(fresh_.begin(), fresh_.end(), [&](const SendRow& known) {
      return is_same(known.stored, row);
    });
    if (is_fresh) break;
    last_seen_ = id_of(row);
    if (reading_again_ && is_here(row)) continue;
    old_.push_back({.stored = std::move(row), .lane = Lane::Backlog, .is_backlog = true});
  }
}

void SendLanes::on_fetch_failed() {
  fetching_ = false;
  more_in_store_ = true;
}

// --- To the link

std::optional<Lane> SendLanes::next(bool hold_backlog) const {
  const auto may_go = [&](const std::deque<SendRow>& lane) {
    return !lane.empty() && !(hold_backlog && is_extra(lane.front()));
  };
  const bool old = may_go(old_);
  const bool fresh = may_go(fresh_);
  if (old && fresh) return share_ + fresh_share_percent_ >= 100 ? Lane::Fresh : Lane::Backlog;
  if (fresh) return Lane::Fresh;
  if (old) return Lane::Backlog;
  return std::nullopt;
}

SendRow SendLanes::take(Lane lane, bool sent) {
  if (sent) {
    if (!old_.empty() && !fresh_.empty()) share_ = (share_ + fresh_share_percent_) % 100;
    if (front(lane).is_backlog && live_credit_ > 0) --live_credit_;
  }
  SendRow row = std::move(rows(lane).front());
  rows(lane).pop_front();
  return row;
}

}  // namespace hubward::device
