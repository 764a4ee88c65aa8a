#include "adapters/serial/line_account.h"

#include <algorithm>

namespace hubward::serial {
namespace {

// As RFC 6298, section 2, has it for the mean.
constexpr double kGain = 1.0 / 8;

}  // namespace

void LineAccount::add_device(DeviceIndex device, const std::vector<Request>& requests) {
  Part part;
  part.device = device;
  for (const Request& request : requests) {
    part.needs.push_back({.interval = request.interval, .exchange = request.least});
  }
  parts_.push_back(std::move(part));
}

void LineAccount::begin(std::size_t device, SteadyTime now, SteadyTime until) {
  end(now);
  holder_ = Holder{device, now, until};
}

void LineAccount::end(SteadyTime now) {
  if (!holder_) return;
  const SteadyTime until = std::min(now, holder_->until);
  if (until > holder_->since) parts_[holder_->device].busy += until - holder_->since;
  holder_.reset();
}

void LineAccount::asked(std::size_t device, SteadyTime now) {
  ++parts_[device].requests;
  begin(device, now);
}

void LineAccount::answered(PollSchedule::Place place, std::chrono::nanoseconds took,
                           std::chrono::nanoseconds on_line) {
  Part& part = parts_[place.device];
  Need& need = part.needs[place.request];
  if (need.is_measured) {
    need.exchange += (Time(took) - need.exchange) * kGain;
  } else {
    need.exchange = took;
    need.is_measured = true;
  }
  const Time turnaround = std::max(took - on_line, std::chrono::nanoseconds{0});
  part.turnaround =
      part.turnaround ? *part.turnaround + (turnaround - *part.turnaround) * kGain : turnaround;
}

LineUse LineAccount::look(const std::string& place, const PollSchedule& schedule, SteadyTime now) {
  if (holder_) begin(holder_->device, now, holder_->until);  // what it took so far
  if (!window_from_) window_from_ = now;
  const std::chrono::duration<double> passed = now - *window_from_;
  const bool is_whole = passed >= kUseWindow;
  if (is_whole) window_from_ = now;
  LineUse use{place, {}};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    if (is_whole) {
      part.used = std::chrono::duration<double>(part.busy - part.busy_before) / passed;
      part.busy_before = part.busy;
    }
    LineUse::Part& told = use.parts.emplace_back();
    told.device = part.device;
    told.used = part.used;
    for (const Need& need : part.needs) told.needed += need.exchange / Time(need.interval);
    if (part.turnaround) {
      told.turnaround = std::chrono::duration_cast<std::chrono::nanoseconds>(*part.turnaround);
    }
    told.requests = part.requests;
    told.unanswered = part.unanswered;
    told.missed_cycles = schedule.left_out(i);
  }
  return use;
}

}  // namespace hubward::serial
