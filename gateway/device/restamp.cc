#include "gateway/device/restamp.h"

namespace hubward::device {
namespace {

using std::chrono::floor;
using std::chrono::milliseconds;

// Less is a time service that steers, more is a clock that was set.
constexpr milliseconds kSetMin{1000};

milliseconds difference(WallTime wall, SteadyTime steady) {
  return wall.time_since_epoch() - floor<milliseconds>(steady.time_since_epoch());
}

}  // namespace

ClockSight sight_of(std::uint64_t boot_id, bool trusted, WallTime wall, SteadyTime steady) {
  return {boot_id, trusted, difference(wall, steady)};
}

MessageTime message_time(const OutboxMessage& message, const ClockSight& sight, SteadyTime now) {
  if (message.clock_trusted) return {message.created, {}};
  const bool same_start = sight.boot_id != 0 && message.boot_id == sight.boot_id &&
                          message.since_boot <= now.time_since_epoch();
  if (!sight.trusted || !same_start) return {message.created, kUntrustedMark};
  return {WallTime{sight.wall_minus_steady + floor<milliseconds>(message.since_boot)},
          kRestampedMark};
}

bool is_stamped_by(const ReadingBatch& batch, WallTime wall, SteadyTime steady) {
  return std::chrono::abs(difference(batch.at, batch.at_steady) - difference(wall, steady)) <
         kSetMin;
}

}  // namespace hubward::device
