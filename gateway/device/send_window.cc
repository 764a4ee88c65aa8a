#include "gateway/device/send_window.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace hubward::device {
namespace {

// Once a row has been in flight at this many ends it may be the cause of them: from then on it is
// sent alone.
constexpr unsigned kSuspectDrops = 2;
// An accused row has this many links between two trials. An innocent one, accused because the hub
// took nothing from anybody, is then more likely than not to be sent itself when the hub is back.
constexpr unsigned kDropsBetweenTrials = 2;

bool stands_alone(const std::vector<SendRow>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const SendRow& row) { return row.alone; });
}

}  // namespace

SendWindow::SendWindow(SendWindowSettings settings)
    : settings_(settings),
      lanes_(settings.order, settings.loaded_max, settings.fresh_share_percent) {}

void SendWindow::on_link_up() { link_up_ = true; }

void SendWindow::on_stored(const StoredMessage& row) { lanes_.on_stored(row, link_up_); }

std::optional<SendWindow::Fetch> SendWindow::wants_rows(SteadyTime now) {
  if (fetch_again_at_ && now < *fetch_again_at_) return std::nullopt;
  auto fetch = lanes_.wants_rows(oldest_fresh());
  if (fetch) fetch_again_at_.reset();
  return fetch;
}

void SendWindow::on_fetched(const Result<std::vector<StoredMessage>>& rows, SteadyTime now) {
  if (rows) {
    lanes_.on_fetched(*rows, [this](const StoredMessage& row) { return holds(row); });
    left_meanwhile_.clear();
    return;
  }
  lanes_.on_fetch_failed();
  fetch_again_at_ = now + settings_.fetch_pause;
}

bool SendWindow::holds(const StoredMessage& row) const {
  const auto is_it = [&](const SendRow& known) { return is_same(known.stored, row); };
  return std::ranges::any_of(flying_, is_it) || std::ranges::any_of(again_, is_it) ||
         std::ranges::any_of(left_meanwhile_,
                             [&](const StoredMessage& left) { return is_same(left, row); });
}

void SendWindow::note_left(const StoredMessage& row) {
  if (lanes_.reads_again()) left_meanwhile_.push_back(id_of(row));
}

const StoredMessage* SendWindow::oldest_fresh() const {
  // What is in flight on this link was sent before what is still to be sent again; but a witness
  // stands behind the accused.
  const auto accused_end = again_.begin() + static_cast<std::ptrdiff_t>(trial_ ? accused() : 0);
  const std::span<const SendRow> in_order[] = {{again_.begin(), accused_end}, flying_, again_};
  for (const auto rows : in_order) {
    for (const SendRow& row : rows) {
      if (row.lane == Lane::Fresh) return &row.stored;
    }
  }
  return nullptr;
}

// --- What is next

std::size_t SendWindow::accused() const {
  const auto innocent = std::find_if(again_.begin(), again_.end(), [this](const SendRow& row) {
    return row.drops < settings_.drops_max;
  });
  return static_cast<std::size_t>(innocent - again_.begin());
}

bool SendWindow::is_trial_due() const {
  return accused() > 0 && !link_proven_ && flying_.empty() &&
         again_.front().drops >= again_.front().trial_at;
}

std::optional<SendWindow::Next> SendWindow::find_next() const {
  const auto lane = lanes_.next(hold_backlog_);
  if (is_trial_due()) {
    const std::size_t witness = accused();
    if (witness < again_.size()) return Next{witness, {}, true};
    if (lane) return Next{std::nullopt, *lane, true};
  }
  if (!again_.empty()) return Next{0, {}, false};
  if (lane) return Next{std::nullopt, *lane, false};
  return std::nullopt;
}

const SendRow& SendWindow::row_at(const Next& next) const {
  return next.place ? again_[*next.place] : lanes_.front(next.lane);
}

const StoredMessage* SendWindow::next_to_send() const {
  if (flying_.size() >= settings_.in_flight_max || trial_) return nullptr;
  const auto next = find_next();
  if (!next) return nullptr;
  // Those who must be alone stand in front: whatever was in flight is sent again first.
  if (!flying_.empty() && (stands_alone(flying_) || stands_alone(again_))) return nullptr;
  const StoredMessage& row = row_at(*next).stored;
  if (!flying_.empty() &&
      in_flight_bytes_ + row.message.body.size() > settings_.in_flight_bytes_max) {
    return nullptr;
  }
  return &row;
}

bool SendWindow::next_is_backlog() const {
  const auto next = find_next();
  return next && !next->place && lanes_.is_extra(lanes_.front(next->lane));
}

SendRow SendWindow::take(const Next& next, bool sent) {
  if (!next.place) return lanes_.take(next.lane, sent);
  SendRow row = std::move(again_[*next.place]);
  again_.erase(again_.begin() + static_cast<std::ptrdiff_t>(*next.place));
  return row;
}

void SendWindow::on_sent(PublishToken token, SteadyTime now) {
  const auto next = find_next();
  if (!next) return;
  if (next->is_trial) {
    trial_ = token;
    again_.front().trial_at = again_.front().drops + kDropsBetweenTrials;
  }
  SendRow& row = flying_.emplace_back(take(*next, true));
  row.token = token;
  row.sent_at = now;
  in_flight_bytes_ += row.stored.message.body.size();
}

StoredMessage SendWindow::take_next() {
  SendRow row = take(*find_next(), false);
  note_left(row.stored);
  return std::move(row.stored);
}

// --- What became of it

std::optional<StoredMessage> SendWindow::on_puback(PublishToken token) {
  const auto at = std::find_if(flying_.begin(), flying_.end(),
                               [&](const SendRow& row) { return row.token == token; });
  if (at == flying_.end()) return std::nullopt;
  std::for_each(flying_.begin(), at, [](SendRow& row) { row.acknowledged_later = true; });
  note_left(at->stored);
  StoredMessage released = std::move(at->stored);
  in_flight_bytes_ -= released.message.body.size();
  flying_.erase(at);
  link_proven_ = true;
  if (trial_ == token) {
    trial_.reset();
    const auto innocent = again_.begin() + static_cast<std::ptrdiff_t>(accused());
    std::for_each(again_.begin(), innocent, [this](SendRow& row) { condemn(row); });
    again_.erase(again_.begin(), innocent);
  }
  return released;
}

void SendWindow::condemn(SendRow& row) {
  note_left(row.stored);
  condemned_.push_back(std::move(row.stored));
}

void SendWindow::blame(LinkEnd end) {
  for (SendRow& row : flying_) {
    const bool counts = end == LinkEnd::Lost || row.acknowledged_later;
    if (counts) ++row.drops;
    // Alone, nobody can testify for a message whose PUBACK is missing: it goes among others again.
    row.alone = end == LinkEnd::Lost && row.drops >= kSuspectDrops;
    if (counts && link_proven_ && row.drops >= settings_.drops_max) {
      condemn(row);
    } else {
      again_.push_back(std::move(row));
    }
  }
}

void SendWindow::on_link_lost(LinkEnd end) {
  // A witness stands behind the accused, as before the trial; all others in front of what was not
  // sent again yet.
  const std::size_t place = trial_ ? accused() : 0;
  std::vector<SendRow> rest = std::exchange(again_, {});
  if (end == LinkEnd::Planned) {
    again_ = std::move(flying_);
  } else {
    blame(end);
  }
  rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(place),
              std::make_move_iterator(again_.begin()), std::make_move_iterator(again_.end()));
  again_ = std::move(rest);
  flying_.clear();
  for (SendRow& row : again_) row.acknowledged_later = false;
  in_flight_bytes_ = 0;
  link_up_ = link_proven_ = false;
  trial_.reset();
  lanes_.on_link_lost();
}

std::vector<StoredMessage> SendWindow::take_condemned() { return std::exchange(condemned_, {}); }

std::optional<SteadyTime> SendWindow::puback_deadline() const {
  if (flying_.empty()) return std::nullopt;
  return flying_.front().sent_at + settings_.puback_timeout;
}

}  // namespace hubward::device
