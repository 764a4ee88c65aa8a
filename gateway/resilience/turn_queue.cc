#include "gateway/resilience/turn_queue.h"

namespace hubward::resilience {
namespace {
constexpr std::size_t kLeftPlacesMax = 64;
}  // namespace

void TurnQueue::push(DeviceIndex device, Turn turn) {
  const auto known = turns_.find(device);
  if (known != turns_.end()) {
    if (known->second.turn == turn) return;
    turns_.erase(known);
  }
  const std::uint64_t ticket = ++last_ticket_;
  turns_.emplace(device, Waiting{turn, ticket});
  lines_[static_cast<std::size_t>(turn)].push_back({device, ticket});
}

void TurnQueue::remove(DeviceIndex device) {
  const auto known = turns_.find(device);
  if (known == turns_.end()) return;
  auto& line = lines_[static_cast<std::size_t>(known->second.turn)];
  turns_.erase(known);
  // Places that were left are swept now and then, so that coming and going does not grow the line.
  if (line.size() <= 2 * turns_.size() + kLeftPlacesMax) return;
  std::erase_if(line, [this](const Place& place) {
    const auto waiting = turns_.find(place.device);
    return waiting == turns_.end() || waiting->second.ticket != place.ticket;
  });
}

std::optional<DeviceIndex> TurnQueue::pop_from(std::size_t turn) {
  auto& line = lines_[turn];
  while (!line.empty()) {
    const Place place = line.front();
    line.pop_front();
    const auto waiting = turns_.find(place.device);
    if (waiting == turns_.end() || waiting->second.ticket != place.ticket) continue;
    turns_.erase(waiting);
    return place.device;
  }
  return std::nullopt;
}

std::optional<DeviceIndex> TurnQueue::pop() {
  if (auto first = pop_from(static_cast<std::size_t>(Turn::Commanded))) return first;
  for (std::size_t tried = 1; tried < kTurns; ++tried) {
    const std::size_t line = next_line_;
    next_line_ = next_line_ + 1 < kTurns ? next_line_ + 1 : 1;
    if (auto device = pop_from(line)) return device;
  }
  return std::nullopt;
}

}  // namespace hubward::resilience
