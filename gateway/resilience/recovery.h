// What one device does after a failure. A session never sleeps, counts or retries by itself: it
// says how it ended, and does what it is told here.
#pragma once

#include <algorithm>
#include <optional>

#include "gateway/api/backoff_store.h"
#include "gateway/resilience/backoff.h"
#include "gateway/resilience/diagnosis.h"
#include "proto/time.h"

namespace hubward::resilience {

struct RecoverySettings {
  BackoffSettings backoff;
  // A link that has been up this long ends its history of failures.
  std::chrono::milliseconds stable_after{60000};
  // First retry after a fault of the service, and pace of a device that waits for a person.
  std::chrono::milliseconds fault_pause_min{5000};
  // While somebody else uses the identity: each try of ours throws the other one out.
  std::chrono::milliseconds left_alone_min{60000};
  // So long a device that a busy hub keeps out, while it lets others in, waits for its turn. The
  // guidance asks about a hub that was out of reach for 15 to 30 minutes (reference section 5.1).
  std::chrono::milliseconds kept_out_max{std::chrono::minutes(15)};
};

struct NextStep {
  enum class What : std::uint8_t { ConnectHub, Provision };
  What what;
  SteadyTime at;                 // not before; admission may add to it
  std::optional<ErrorCode> why;  // the failure it follows; absent after a success
  bool waits_for_operator = false;
};

// Whether a device may ask DPS now because of its hub.
enum class DpsQuestion : std::uint8_t {
  Allowed,
  OutOfReach,  // DPS itself cannot be reached, and it is not time to see whether it can be again
  NotNow,      // somebody else asks for all, or a person has asked for this attempt
  NoReason,    // a busy hub lets others in, and it is this one's turn yet: the failure counts for
               // nothing
};

// What DPS said when it assigned a hub.
enum class AssignedTo : std::uint8_t { SameHub, OtherHub };

// Single-threaded, one per device.
class Recovery {
 public:
  Recovery(RecoverySettings settings, RandomSource& random);

  // First step after a start: the cached hub if there is one, else DPS. `earlier`: where an earlier
  // process stood; then not before the time it had set.
  NextStep start(bool has_assignment, SteadyTime now,
                 const std::optional<BackoffRecord>& earlier = std::nullopt);
  // The hub accepted the login.
  void on_online(SteadyTime now);
  // It waits for what another device finds out, not for the pause of its own step.
  void on_standing_in_line(SteadyTime now) { not_before_ = std::min(not_before_, now); }
  // A person has asked for an attempt before its time. If it fails, the pause stays as it was:
  // asked for again and again, it must not keep the device away. What only this device can ask DPS
  // it may ask once in such a pause, beside the question of its next step.
  void on_hastened() { hastened_from_ = not_before_; }
  // The session has stood for `stable_after`: its history of failures ends.
  void on_stable() { forget_failures(); }
  // An attempt to connect failed, or a session ended that was not ended by us. A session's end is
  // given as ClosedEarly; whether it had been stable is decided here.
  NextStep on_hub_failure(Symptom symptom, DpsQuestion question, SteadyTime now);
  // A conversation with DPS begins. A process that dies in it has used up a back-off step.
  void on_asking(SteadyTime now);
  // It ends without an answer because the process is stopped in order: that is nobody's failure,
  // and the next process goes on with the question.
  void on_asking_dropped();
  // DPS has refused a request of the conversation, which goes on, and named a time.
  void on_refused_until(SteadyTime until) { dps_not_before_ = std::max(dps_not_before_, until); }
  NextStep on_assigned(AssignedTo where, SteadyTime now);
  // `retry_after`: what the service asked for, or zero.
  NextStep on_dps_failure(Symptom symptom, std::chrono::milliseconds retry_after, SteadyTime now);

  // DPS has asked the device to come back not before this time.
  [[nodiscard]] SteadyTime dps_not_before() const { return dps_not_before_; }
  [[nodiscard]] unsigned failures() const { return failures_; }
  // Whether its soft failures may still be those of a hub that is only busy.
  [[nodiscard]] bool may_wait_its_turn(SteadyTime now) const;
  // To be kept across a restart.
  [[nodiscard]] BackoffRecord record() const;
  // How long the session under way has stood.
  [[nodiscard]] std::optional<SteadyTime::duration> online_for(SteadyTime now) const;
  // A session older than `stable_after` is stable.
  [[nodiscard]] bool is_stable(SteadyTime now) const;

 private:
  NextStep back_off(ErrorCode why, SteadyTime now, std::chrono::milliseconds floor = {},
                    bool waits_for_operator = false);
  NextStep back_off(const Diagnosis& diagnosis, SteadyTime now);
  NextStep provision(ErrorCode why, SteadyTime now);
  void forget_failures();
  void forget_unreachable();

  RecoverySettings settings_;
  Backoff backoff_;
  bool has_assignment_ = false;
  std::optional<SteadyTime> online_since_;
  SteadyTime not_before_{};      // of the next attempt
  SteadyTime dps_not_before_{};  // retry-after of the service
  unsigned failures_ = 0;        // since the last stable session
  unsigned unreachable_ = 0;     // in a row
  unsigned refusals_ = 0;        // since the last successful login
  unsigned soft_ = 0;            // CONNACK 3, silent or early-closing hub, in a row
  std::optional<SteadyTime> soft_since_;
  bool dps_asked_in_step_ = false;
  bool dps_wanted_ = false;                 // it is to be asked, and has not been yet
  std::optional<SteadyTime> asking_since_;  // a conversation with DPS is under way
  bool dps_owed_ = false;  // an unreachable hub was to be reported, and DPS was out of reach
  std::optional<ErrorCode> asked_because_;
  std::optional<ErrorCode> why_;             // of the newest failure
  std::optional<SteadyTime> hastened_from_;  // where the pause ends that a person cut short
  bool asked_in_hurry_ = false;              // in the pause under way
};

}  // namespace hubward::resilience
