#include "gateway/resilience/allowance.h"

#include <algorithm>

namespace hubward::resilience {
namespace {

// What one device may take each time its turn comes, while others wait.
constexpr unsigned kShare = 4;

}  // namespace

Allowance::Line::Line(double per_second, double make_up_seconds) {
  if (per_second > 0) bucket_.emplace(per_second, per_second * kBurstSeconds, make_up_seconds);
}

bool Allowance::Line::take(DeviceIndex device, SteadyTime now) {
  if (!bucket_) return true;
  if (served_ == device && reserved_ > 0) {
    --reserved_;
    return true;
  }
  if (waiting_.empty() && bucket_->try_take(now)) return true;
  if (known_.insert(device).second) waiting_.push_back(device);
  return false;
}

void Allowance::Line::put_back() {
  if (bucket_) bucket_->put_back();
}

void Allowance::Line::leave(DeviceIndex device) {
  if (known_.erase(device) != 0) std::erase(waiting_, device);
  if (served_ == device) end_service();
}

std::optional<DeviceIndex> Allowance::Line::serve(SteadyTime now) {
  if (waiting_.empty() || !bucket_->try_take(now)) return std::nullopt;
  served_ = waiting_.front();
  waiting_.pop_front();
  known_.erase(*served_);
  reserved_ = 1;
  while (reserved_ < kShare && bucket_->try_take(now)) ++reserved_;
  return served_;
}

void Allowance::Line::end_service() {
  served_.reset();
  for (; reserved_ > 0; --reserved_) put_back();
}

std::optional<SteadyTime> Allowance::Line::next_at(SteadyTime now) {
  return waiting_.empty() ? std::nullopt : std::optional(bucket_->next_at(now));
}

Allowance::Allowance(const Limits& limits)
    : lines_{Line(limits.sends_per_second, limits.make_up_seconds),
             Line(limits.backlog_sends_per_second, limits.make_up_seconds),
             Line(limits.twin_reads_per_second, limits.make_up_seconds),
             Line(limits.twin_updates_per_second, limits.make_up_seconds)} {}

bool Allowance::take(Use use, DeviceIndex device, SteadyTime now) {
  if (!line(use).take(device, now)) return false;
  if (use != Use::BacklogSend || line(Use::Send).take(device, now)) return true;
  line(use).put_back();
  return false;
}

void Allowance::leave(DeviceIndex device) {
  for (Line& line : lines_) line.leave(device);
}

std::optional<DeviceIndex> Allowance::next_served(SteadyTime now) {
  std::optional<DeviceIndex> served;
  for (Line& line : lines_) {
    line.end_service();
    if (!served) served = line.serve(now);
  }
  return served;
}

std::optional<SteadyTime> Allowance::next_at(SteadyTime now) {
  std::optional<SteadyTime> next;
  for (Line& line : lines_) {
    const auto at = line.next_at(now);
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

std::size_t Allowance::waiting() const {
  std::size_t waiting = 0;
  for (const Line& line : lines_) waiting += line.size();
  return waiting;
}

}  // namespace hubward::resilience
