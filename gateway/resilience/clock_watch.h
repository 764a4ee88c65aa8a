// Whether this computer's clock can be believed, and what follows when somebody sets it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "gateway/api/clock_state.h"
#include "proto/dps/reply.h"
#include "proto/time.h"

namespace hubward::resilience {

// Both clocks at one instant.
struct ClockLook {
  WallTime wall;
  SteadyTime steady;
};

// What the wall clock showed, or would have shown, when the steady one stood at zero.
struct ClockCorrection {
  bool known = true;  // false: nobody knows better than a wrong clock
  std::chrono::milliseconds wall_minus_steady{0};
  friend bool operator==(const ClockCorrection&, const ClockCorrection&) = default;
};

// What a look at the clocks has brought.
struct ClockChange {
  std::chrono::milliseconds set_by{0};  // since the look before; positive: forward. 0: not set
  bool trust_changed = false;           // from or to ClockTrust::Wrong
  // The clock was wrong or has been set, and is believed now, or the cloud has told a better time:
  // those that wait because of it may try again at once. At most once a minute, however often the
  // clock is set.
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
// A clock that is known to be wrong is not waited for, if there is a better time: what it showed
// before it was set (where a time service or the cloud had vouched for that), else the cloud's.
// Tokens are dated by that, and readings too, if it is known to the second.
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
  // The time that tokens are dated by: the wall clock's, or a better one.
  [[nodiscard]] WallTime token_time(const ClockLook& now) const;
  // Whether a token that was dated by `then` must have been refused for that: by what is known now,
  // it was another time.
  [[nodiscard]] bool was_misdated(const ClockLook& then) const;
  // By what the times of readings are corrected, as seen at the last look or word of the cloud.
  [[nodiscard]] const ClockCorrection& correction() const { return correction_; }
  // The same, as a look now would see it: also if the clock has been set since the last one.
  [[nodiscard]] ClockCorrection correction_at(const ClockLook& now) const;
  // Whether a certificate that is not valid at our time speaks against our clock rather than
  // against the certificate.
  [[nodiscard]] bool may_be_blamed() const { return state_.trust != ClockTrust::Synchronised; }

 private:
  // The distance between a clock of people and our steady one: constant unless a clock is set.
  using Offset = std::chrono::milliseconds;
  enum class Grade : std::uint8_t {
    AtLeast,  // the cloud's clock shows this or any time after it
    About,    // within kDifferenceMax
    Exact,    // to the second
  };
  struct CloudClock {
    Offset offset;
    Grade grade;
    SteadyTime heard;
  };

  static Offset offset_of(const ClockLook& at);
  // The cloud's clock minus one of this offset, if it is more than allowed.
  [[nodiscard]] std::optional<Offset> contradicted(Offset offset, SteadyTime now) const;
  [[nodiscard]] bool cloud_vouches(Offset offset, SteadyTime now) const;
  [[nodiscard]] ClockCorrection better_than(Offset wrong, SteadyTime now) const;
  // Why it cannot be this time; empty: it can.
  [[nodiscard]] std::string why_wrong(const ClockLook& now, bool vouched) const;
  void judge(const ClockLook& now);

  const WallTime built_;
  WallTime newest_known_;
  bool synchronised_ = false;
  std::optional<Offset> last_;  // ours at the last look
  // Ours when somebody vouched for it last.
  std::optional<Offset> vouched_;
  std::optional<CloudClock> cloud_;
  ClockState state_;
  ClockCorrection correction_;
  bool told_wrong_ = false;  // what the last look reported
  bool owes_try_ = false, owes_renewal_ = false;
  SteadyTime next_try_{};
};

}  // namespace hubward::resilience
