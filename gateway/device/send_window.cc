#include "gateway/device/send_window.h"

#include <algorithm>
#include <utility>

namespace hubward::device {
namespace {

// Once a row has been in flight at this many drops it may be the cause of them: from then on it is
// sent alone, so that the next drop points at one message and not at a whole window.
constexpr unsigned kSuspectDrops = 2;

StoredMessage id_of(const StoredMessage& row) {
  StoredMessage id;
  id.sequence = row.sequence;
  id.epoch = row.epoch;
  return id;
}

}  // namespace

void SendWindow::on_stored(const StoredMessage& row) {
  if (more_in_store_ || fetching_ || rows_.size() >= settings_.loaded_max) {
    more_in_store_ = true;
    return;
  }
  last_seen_ = id_of(row);
  rows_.push_back({.stored = row});
}

std::optional<SendWindow::Fetch> SendWindow::wants_rows(SteadyTime now) {
  // Half empty before asking: one fetch for many rows, not one for each.
  if (!more_in_store_ || fetching_ || rows_.size() > settings_.loaded_max / 2) return std::nullopt;
  if (fetch_again_at_ && now < *fetch_again_at_) return std::nullopt;
  fetch_again_at_.reset();
  fetching_ = true;
  more_in_store_ = false;  // until somebody appends while we wait, or the answer brings rows
  return Fetch{last_seen_, settings_.loaded_max - rows_.size()};
}

void SendWindow::on_fetched(const Result<std::vector<StoredMessage>>& rows, SteadyTime now) {
  fetching_ = false;
  if (!rows) {
    more_in_store_ = true;
    fetch_again_at_ = now + settings_.fetch_pause;
    return;
  }
  // Only an empty answer proves that there is no more: an outbox may answer with fewer rows than
  // it was asked for, and rows in between must never be jumped over.
  if (!rows->empty()) more_in_store_ = true;
  for (const auto& row : *rows) rows_.push_back({.stored = row});
  if (!rows->empty()) last_seen_ = id_of(rows->back());
}

std::size_t SendWindow::window() const {
  // Suspects stand in front: whatever was in flight is sent again first.
  const bool suspicious = std::any_of(rows_.begin(), rows_.end(),
                                      [](const Row& row) { return row.drops >= kSuspectDrops; });
  return suspicious ? 1 : settings_.in_flight_max;
}

const StoredMessage* SendWindow::next_to_send() const {
  if (sent_ >= rows_.size() || in_flight_ >= settings_.in_flight_max) return nullptr;
  if (in_flight_ >= window()) return nullptr;
  const std::size_t size = rows_[sent_].stored.message.body.size();
  if (in_flight_ > 0 && in_flight_bytes_ + size > settings_.in_flight_bytes_max) return nullptr;
  return &rows_[sent_].stored;
}

void SendWindow::on_sent(PublishToken token, SteadyTime now) {
  Row& row = rows_[sent_];
  row.sent = true;
  row.token = token;
  row.sent_at = now;
  ++sent_;
  ++in_flight_;
  in_flight_bytes_ += row.stored.message.body.size();
}

std::optional<StoredMessage> SendWindow::on_puback(PublishToken token) {
  for (std::size_t i = 0; i < sent_; ++i) {
    Row& row = rows_[i];
    if (row.acknowledged || row.token != token) continue;
    row.acknowledged = true;
    --in_flight_;
    in_flight_bytes_ -= row.stored.message.body.size();
    StoredMessage released = i == 0 ? std::move(row.stored) : row.stored;
    while (sent_ > 0 && rows_.front().acknowledged) {
      rows_.pop_front();
      --sent_;
    }
    return released;
  }
  return std::nullopt;
}

StoredMessage SendWindow::take_next() {
  StoredMessage taken = std::move(rows_[sent_].stored);
  rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(sent_));
  return taken;
}

std::vector<StoredMessage> SendWindow::on_link_lost(bool counts) {
  std::vector<StoredMessage> hopeless;
  std::deque<Row> left;
  for (auto& row : rows_) {
    if (row.acknowledged) continue;
    if (row.sent && counts) ++row.drops;
    row.sent = false;
    if (row.drops >= settings_.drops_max) {
      hopeless.push_back(std::move(row.stored));
    } else {
      left.push_back(std::move(row));
    }
  }
  rows_ = std::move(left);
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  sent_ = 0;
  return hopeless;
}

std::optional<SteadyTime> SendWindow::puback_deadline() const {
  for (std::size_t i = 0; i < sent_; ++i) {
    if (!rows_[i].acknowledged) return rows_[i].sent_at + settings_.puback_timeout;
  }
  return std::nullopt;
}

}  // namespace hubward::device
