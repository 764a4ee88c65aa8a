// Who is next, among devices that wait for the same gate: fair between those that are new, those
// that were moved, and those that have been away, whatever their numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "gateway/api/reading.h"

namespace hubward::resilience {

enum class Turn : std::uint8_t {
  Commanded,  // marked in its file: somebody waits to send it commands; before all others
  New,        // never connected in this run and has no assignment
  Moved,      // DPS has just sent it to another hub
  Returning,  // was connected before, by this run or an earlier one
};
inline constexpr std::size_t kTurns = 4;

// Single-threaded.
class TurnQueue {
 public:
  // Asking again with the same turn keeps its place.
  void push(DeviceIndex device, Turn turn);
  void remove(DeviceIndex device);
  // Commanded ones first; the other kinds take turns, each in the order in which they came.
  std::optional<DeviceIndex> pop();
  [[nodiscard]] bool empty() const { return turns_.empty(); }
  [[nodiscard]] std::size_t size() const { return turns_.size(); }
  [[nodiscard]] bool contains(DeviceIndex device) const { return turns_.contains(device); }

 private:
  // A device that left is recognised by its ticket when its place comes up.
  struct Place {
    DeviceIndex device;
    std::uint64_t ticket;
  };
  struct Waiting {
    Turn turn;
    std::uint64_t ticket;
  };
  std::optional<DeviceIndex> pop_from(std::size_t turn);

  std::array<std::deque<Place>, kTurns> lines_;
  std::map<DeviceIndex, Waiting> turns_;
  std::uint64_t last_ticket_ = 0;
  std::size_t next_line_ = 1;
};

}  // namespace hubward::resilience
