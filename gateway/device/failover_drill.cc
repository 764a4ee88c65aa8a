#include "gateway/device/failover_drill.h"

namespace hubward::device {

void FailoverDrill::on_held(const std::vector<StoredMessage>& rows) {
  held_known_ = true;
  for (const auto& row : rows) expect(row);
}

void FailoverDrill::on_stored(const StoredMessage& row) {
  if (!first_ack_at_) expect(row);
}

void FailoverDrill::expect(const StoredMessage& row) {
  const RowId id{row.epoch, row.sequence};
  if (open_.size() < kRowsMax && !settled_.contains(id)) open_.insert(id);
}

void FailoverDrill::on_accepted(const std::string& hub, SteadyTime now) {
  hub_after_ = hub;
  if (!accepted_at_) accepted_at_ = now;
}

void FailoverDrill::on_released(const StoredMessage& row, SteadyTime now) {
  if (!first_ack_at_) first_ack_at_ = now;
  settle(row, acknowledged_, now);
}

void FailoverDrill::on_quarantined(const StoredMessage& row, SteadyTime now) {
  settle(row, set_aside_, now);
}

void FailoverDrill::settle(const StoredMessage& row, std::uint64_t& counter, SteadyTime now) {
  if (finished()) return;
  const RowId id{row.epoch, row.sequence};
  // Rows that nobody told us of yet are among what the store held: on_held() is on its way.
  const bool expected = open_.erase(id) != 0 || !held_known_;
  if (expected && settled_.size() < kRowsMax && settled_.insert(id).second) ++counter;
  if (held_known_ && open_.empty() && first_ack_at_) all_arrived_at_ = now;
}

DrillReport FailoverDrill::report(std::uint64_t conversations, std::uint64_t logins) const {
  const auto after = [this](const std::optional<SteadyTime>& at) {
    return at ? std::optional(
                    std::chrono::duration_cast<std::chrono::milliseconds>(*at - start_.at))
              : std::nullopt;
  };
  DrillReport report;
  report.finished = finished();
  report.hub_before = start_.hub;
  report.hub_after = hub_after_;
  report.sent = sent_;
  report.acknowledged = acknowledged_;
  report.set_aside = set_aside_;
  report.waiting = open_.size();
  report.expected = acknowledged_ + set_aside_ + open_.size();
  report.repeated = start_.in_flight;
  report.conversations = conversations - start_.conversations;
  report.logins = logins - start_.logins;
  report.accepted_after = after(accepted_at_);
  report.first_ack_after = after(first_ack_at_);
  report.all_arrived_after = after(all_arrived_at_);
  return report;
}

}  // namespace hubward::device
