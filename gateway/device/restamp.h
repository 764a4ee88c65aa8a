// The time of a reading that was taken while this computer's clock could not be believed: corrected
// when the message is sent, if the clock is believed by then.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "gateway/api/outbox.h"
#include "gateway/api/reading.h"

namespace hubward::device {

// How this start of the machine sees time. The steady clock counts from the machine's start and is
// the same for all processes, so that rows of an earlier run of hubward can be corrected as well.
struct ClockSight {
  std::uint64_t boot_id = 0;  // 0: not known; nothing is corrected
  bool trusted = true;
  std::chrono::milliseconds wall_minus_steady{0};
};

[[nodiscard]] ClockSight sight_of(std::uint64_t boot_id, bool trusted, WallTime wall,
                                  SteadyTime steady);

// A message property for whoever reads the times; a message whose clock was believed has none.
inline constexpr std::string_view kClockProperty = "clock";
inline constexpr std::string_view kUntrustedMark = "untrusted";  // the time may be wrong by years
inline constexpr std::string_view kRestampedMark = "restamped";  // the time was corrected

struct MessageTime {
  WallTime created;
  std::string_view mark;  // value of kClockProperty; empty: without it
};

// When a message was really made, as well as it is known `now`. One that was made by a believed
// clock keeps its time. One of an earlier start of the machine cannot be corrected: nobody counted
// the time in between.
[[nodiscard]] MessageTime message_time(const OutboxMessage& message, const ClockSight& sight,
                                       SteadyTime now);

// Whether a batch carries the time that the clock shows, and not that of before it was set.
[[nodiscard]] bool is_stamped_by(const ReadingBatch& batch, WallTime wall, SteadyTime steady);

}  // namespace hubward::device
