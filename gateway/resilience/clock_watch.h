// Whether this computer's clock can be believed, and what follows when somebody sets it.
#pragma once

#include <chrono>
#include <optional>

#include "gateway/api/clock_state.h"
#include "proto/dps/reply.h"
#include "proto/error_code.h"
#include "proto/time.h"

namespace hubward::resilience {

// Both clocks at one instant.
struct ClockLook {
  WallTime wall;
  SteadyTime steady;
};

// What a look at the clocks has brought.
struct ClockChange {
  std::chrono::milliseconds set_by{0};  // since the look before; positive: forward. 0: not set
  bool trust_changed = false;           // from or to ClockTrust::Wrong
  // The clock was wrong or has been set, and is believed now: those that wait because of it may try
  // again at once. At most once a minute, however often the clock is set.
  bool try_again = false;
  // Tokens that the new time has outdated may be made anew. Not after a jump of more than a day
  // that no time service vouches for: a connection that stands is worth more than such a clock.
  bool renew_tokens = false;
};

// The wall clock is believed unless
//
// - it shows a time before this program was built;
// - or no time service keeps it, and it shows a time before the newest one that a former run put on
//   disk (the clock has no battery and fell back to 1970, or to its value at power-off), or it has
//   been set back by more than five minutes since a time service or the cloud vouched for it;
// - or the service's own answers show a time that differs by more than five minutes (the drift
//   beyond which Azure IoT Hub and DPS refuse tokens).
//
// That no time service keeps it is no reason: plants are often without, and a battery clock is good
// enough for tokens for years. What the cloud has told counts more than what was on disk, so that a
// former run in a wrong future does not make the right time wrong.
//
// Pure and single-threaded; one for the gateway, asked by all devices on its loop.
class ClockWatch {
 public:
  static constexpr std::chrono::minutes kDifferenceMax{5};

  // `built`: the time before which this program did not exist. `newest_known`: the newest time that
  // a former run put on disk; none: the epoch.
  ClockWatch(WallTime built, WallTime newest_known);

  // Once a second. `synchronised`: the kernel says that a time service keeps the clock.
  ClockChange look(const ClockLook& now, bool synchronised);
  // DPS has said what time it is, just now.
  void on_service_time(const dps::ServiceTime& said, const ClockLook& now);
  // The hub let a device in with a token that lasts `life` by this clock.
  void on_token_accepted(std::chrono::seconds life, const ClockLook& now);

  [[nodiscard]] bool is_wrong() const { return state_.trust == ClockTrust::Wrong; }
  [[nodiscard]] const ClockState& state() const { return state_; }
  // ClockWrong where a wrong clock explains `failure` better than its own name: refusals that give
  // no reason, and (`certificate_dates`) certificates that are not valid at our time.
  [[nodiscard]] ErrorCode explain(ErrorCode failure, bool certificate_dates) const;

 private:
  // The distance between a clock of people and our steady one: it is constant unless a clock is
  // set.
  using Offset = std::chrono::milliseconds;
  struct CloudClock {
    Offset offset;
    bool at_least;  // may show any time after this
    SteadyTime heard;
  };

  static Offset offset_of(const ClockLook& at);
  [[nodiscard]] bool cloud_vouches(Offset ours, SteadyTime now) const;
  void judge(const ClockLook& now);

  const WallTime built_;
  WallTime newest_known_;
  bool synchronised_ = false;
  std::optional<Offset> last_;  // ours at the last look
  // Ours when somebody vouched for it last.
  std::optional<Offset> vouched_;
  std::optional<CloudClock> cloud_;
  ClockState state_;
  bool told_wrong_ = false;  // what the last look reported
  bool owes_try_ = false, owes_renewal_ = false;
  SteadyTime next_try_{};
};

}  // namespace hubward::resilience
