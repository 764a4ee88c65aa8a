#include "tests/sim/proxy/lane.h"

#include <algorithm>

namespace hubward::simproxy {

void Lane::set_treatment(const Treatment& treatment) {
  treatment_ = treatment;
  if (treatment_.piece_bytes == 0) piece_left_ = 0;
}

void Lane::set_cuts(const std::vector<CutOrder>& orders) {
  std::map<RuleId, Cut> cuts;
  for (const auto& order : orders) {
    const auto known = cuts_.find(order.rule);
    if (known != cuts_.end()) {
      cuts.insert(*known);
      continue;
    }
    const std::uint64_t spread = order.after_max - order.after + 1;
    cuts[order.rule] = {.left = order.after + random_.next() % spread, .ending = order.ending};
  }
  cuts_ = std::move(cuts);
}

SteadyTime Lane::due_for(SteadyTime now) {
  const auto extra = std::chrono::duration_cast<SteadyTime::duration>(treatment_.jitter) *
                     static_cast<std::int64_t>(random_.unit() * 1000) / 1000;
  last_due_ = std::max(last_due_, now + treatment_.delay + extra);
  return last_due_;
}

void Lane::receive(std::string_view bytes, SteadyTime now) {
  if (bytes.empty()) return;
  if (treatment_.swallowed) {
    swallowed_ += bytes.size();
    return;
  }
  held_ += bytes.size();
  chunks_.push_back({std::string(bytes), due_for(now)});
}

void Lane::sender_ended(Ending how, SteadyTime now) {
  if (end_ || end_swallowed_) return;
  if (treatment_.swallowed) {
    end_swallowed_ = true;
  } else {
    end_ = {how, due_for(now)};
  }
}

std::string_view Lane::writable(SteadyTime now) {
  if (treatment_.stalled || chunks_.empty() || chunks_.front().due > now) return {};
  std::uint64_t most = chunks_.front().bytes.size();
  for (const auto& [rule, cut] : cuts_) most = std::min(most, cut.left);
  if (treatment_.piece_bytes != 0) {
    if (piece_left_ == 0 && now >= next_piece_) {
      piece_left_ = treatment_.piece_bytes;
      next_piece_ = now + treatment_.piece_every;
    }
    most = std::min(most, piece_left_);
  }
  return std::string_view(chunks_.front().bytes).substr(0, static_cast<std::size_t>(most));
}

void Lane::written(std::size_t bytes) {
  if (bytes == 0) return;
  std::string& front = chunks_.front().bytes;
  front.erase(0, bytes);
  if (front.empty()) chunks_.pop_front();
  held_ -= bytes;
  passed_ += bytes;
  if (treatment_.piece_bytes != 0) piece_left_ -= std::min<std::uint64_t>(piece_left_, bytes);
  for (auto& [rule, cut] : cuts_) cut.left -= std::min<std::uint64_t>(cut.left, bytes);
}

std::optional<Ending> Lane::cut_due() const {
  for (const auto& [rule, cut] : cuts_) {
    if (cut.left == 0) return cut.ending;
  }
  return std::nullopt;
}

std::optional<Ending> Lane::end_due(SteadyTime now) const {
  if (treatment_.stalled || treatment_.swallowed) return std::nullopt;
  if (has_hole()) return Ending::Reset;
  if (end_ && chunks_.empty() && end_->due <= now) return end_->how;
  return std::nullopt;
}

std::optional<SteadyTime> Lane::next_due(SteadyTime now) const {
  if (treatment_.stalled) return std::nullopt;
  if (chunks_.empty()) {
    return end_ && !treatment_.swallowed ? std::optional(end_->due) : std::nullopt;
  }
  SteadyTime due = chunks_.front().due;
  if (treatment_.piece_bytes != 0 && piece_left_ == 0) due = std::max(due, next_piece_);
  return std::max(due, now);
}

}  // namespace hubward::simproxy
