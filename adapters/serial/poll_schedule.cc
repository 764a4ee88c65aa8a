#include "adapters/serial/poll_schedule.h"

#include <algorithm>
#include <utility>

namespace hubward::serial {

void PollSchedule::add_device(const std::vector<std::chrono::milliseconds>& intervals,
                              SteadyTime now) {
  Device device;
  for (const auto interval : intervals) device.requests.push_back({interval, now, {}});
  devices_.push_back(std::move(device));
}

std::optional<PollSchedule::Earliest> PollSchedule::earliest() const {
  std::optional<Earliest> found;
  for (std::size_t d = 0; d < devices_.size(); ++d) {
    for (std::size_t r = 0; r < devices_[d].requests.size(); ++r) {
      const SteadyTime due = devices_[d].requests[r].due;
      const SteadyTime at = std::max(due, devices_[d].not_before);
      // After a pause what waits longest comes first, lest a request that is never answered keeps
      // the device's others from their turn.
      if (!found || std::pair(at, due) < std::pair(found->at, found->due)) {
        found = Earliest{{d, r}, at, due};
      }
    }
  }
  return found;
}

std::optional<PollSchedule::Place> PollSchedule::due(SteadyTime now) const {
  const auto first = earliest();
  if (!first || first->at > now) return std::nullopt;
  return first->place;
}

std::optional<SteadyTime> PollSchedule::next_due() const {
  const auto first = earliest();
  if (!first) return std::nullopt;
  return first->at;
}

void PollSchedule::move_on(Place place, SteadyTime now) {
  Request& request = devices_[place.device].requests[place.request];
  request.due = std::max(request.due + request.interval, now);
}

void PollSchedule::answered(Place place, SteadyTime now) {
  Device& device = devices_[place.device];
  Request& request = device.requests[place.request];
  const SteadyTime next = std::max(request.due, counted_from_) + request.interval;
  if (device.misses == 0 && now > next) request.behind += now - next;
  move_on(place, now);
  // What it missed while it was away is not made up for.
  if (device.misses > 0) request.due = now + request.interval;
  device.misses = 0;
  device.not_before = {};
}

void PollSchedule::missed(Place place, SteadyTime now, std::chrono::milliseconds pause_min) {
  move_on(place, now);
  Device& device = devices_[place.device];
  auto pause = kFirstPause;
  for (unsigned i = 0; i < device.misses && pause < kPauseMax; ++i) pause *= 2;
  ++device.misses;
  device.pause_ends = now + std::min(pause, kPauseMax);
  device.not_before = std::max(device.pause_ends, now + pause_min);
}

std::uint64_t PollSchedule::left_out(std::size_t device) const {
  std::uint64_t polls = 0;
  for (const Request& request : devices_[device].requests) {
    polls += static_cast<std::uint64_t>(request.behind / request.interval);
  }
  return polls;
}

void PollSchedule::end_extra_pause(std::size_t device) {
  Device& one = devices_[device];
  if (one.misses > 0) one.not_before = one.pause_ends;
}

}  // namespace hubward::serial
