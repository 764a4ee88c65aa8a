#include "gateway/resilience/recovery.h"

#include <algorithm>
#include <utility>

namespace hubward::resilience {
namespace {
// "Three times running" asks DPS once; after that only now and then, since an outage may end with
// the device on another hub while the old one stays dead.
constexpr unsigned kUnreachableFirst = 3;
constexpr unsigned kUnreachableAgain = 10;
// The reconnection guidance's ten failed retries.
constexpr unsigned kSoftFailuresMax = 10;
}  // namespace

Recovery::Recovery(RecoverySettings settings, RandomSource& random)
    : settings_(settings), backoff_(settings.backoff, random) {}

NextStep Recovery::start(bool has_assignment, SteadyTime now,
                         const std::optional<BackoffRecord>& earlier) {
  has_assignment_ = has_assignment;
  if (earlier) {
    failures_ = earlier->failures;
    backoff_.resume(earlier->steps);
    unreachable_ = earlier->unreachable;
    refusals_ = earlier->refusals;
    soft_ = earlier->soft;
    dps_asked_in_step_ = earlier->dps_asked_in_step;
    not_before_ = earlier->not_before;
    dps_not_before_ = earlier->dps_not_before;
    why_ = earlier->why;
  }
  const SteadyTime at = std::max(now, not_before_);
  if (has_assignment) return {NextStep::What::ConnectHub, at, why_};
  dps_asked_in_step_ = true;
  return {NextStep::What::Provision, std::max(at, dps_not_before_), why_};
}

void Recovery::on_asking(SteadyTime now) {
  asking_since_ = now;
  dps_wanted_ = false;
}

void Recovery::on_asking_dropped() {
  if (!asking_since_) return;
  // Not at once: whoever restarts it again and again would ask each time.
  failures_ = std::max(failures_, 1U);
  not_before_ = std::max(not_before_, *asking_since_ + settings_.fault_pause_min);
  asking_since_.reset();
  dps_wanted_ = true;
}

BackoffRecord Recovery::record() const {
  BackoffRecord record{.failures = failures_,
                       .steps = backoff_.steps(),
                       .unreachable = unreachable_,
                       .refusals = refusals_,
                       .soft = soft_,
                       .dps_asked_in_step = dps_asked_in_step_,
                       .not_before = not_before_,
                       .dps_not_before = dps_not_before_,
                       .why = why_};
  // What was not asked is asked by the next process, once its hub has refused it again.
  if (dps_wanted_) record.dps_asked_in_step = !has_assignment_;
  if (asking_since_) {
    record.failures = std::max(record.failures, 1U);
    ++record.steps;
    record.not_before = std::max(record.not_before, *asking_since_ + backoff_.ceiling());
    // As after any pause: with an assignment the hub is tried first, and DPS may be asked again.
    record.dps_asked_in_step = !has_assignment_;
  }
  return record;
}

void Recovery::on_online(SteadyTime now) {
  online_since_ = now;
  not_before_ = now;  // a process that is started anew in this session need not wait
  why_.reset();
  hastened_from_.reset();
  forget_unreachable();
  refusals_ = 0;
}

void Recovery::forget_unreachable() {
  unreachable_ = 0;
  dps_owed_ = false;
}

std::optional<SteadyTime::duration> Recovery::online_for(SteadyTime now) const {
  return online_since_ ? std::optional(now - *online_since_) : std::nullopt;
}

bool Recovery::is_stable(SteadyTime now) const {
  return online_since_ && now - *online_since_ >= settings_.stable_after;
}

bool Recovery::may_wait_its_turn(SteadyTime now) const {
  return !soft_since_ || now - *soft_since_ < settings_.kept_out_max;
}

void Recovery::forget_failures() {
  backoff_.reset();
  failures_ = 0;
  forget_unreachable();
  refusals_ = 0;
  soft_ = 0;
  soft_since_.reset();
  dps_asked_in_step_ = false;
  dps_wanted_ = false;
  asked_because_.reset();
  asked_in_hurry_ = false;
}

NextStep Recovery::on_hub_failure(Symptom symptom, DpsQuestion question, SteadyTime now) {
  const bool was_stable = is_stable(now);
  if (was_stable) {
    forget_failures();
    if (symptom == Symptom::ClosedEarly) symptom = Symptom::ClosedStable;
  }
  online_since_.reset();
  ++failures_;
  const Diagnosis& diagnosis = diagnose(symptom);
  if (diagnosis.decision != Decision::ProvisionAfterThree) forget_unreachable();

  switch (diagnosis.decision) {
    case Decision::ReconnectNow:
      if (!was_stable) return back_off(diagnosis.code, now);
      not_before_ = now;
      why_ = diagnosis.code;
      return {NextStep::What::ConnectHub, now, diagnosis.code};
    case Decision::Provision:
      ++refusals_;
      if (hastened_from_ ? asked_in_hurry_ : dps_asked_in_step_) {
        return back_off(diagnose(Symptom::HubRefusedAgain), now);
      }
      // A DPS that cannot be reached is no reason not to stand in line there.
      return provision(diagnosis.code, now);
    case Decision::ProvisionAfterThree:
      ++unreachable_;
      if (unreachable_ >= kUnreachableFirst &&
          (unreachable_ - kUnreachableFirst) % kUnreachableAgain == 0) {
        dps_owed_ = true;
      }
      if (!dps_owed_ || dps_asked_in_step_ || question == DpsQuestion::NotNow) {
        return back_off(diagnosis.code, now);
      }
      if (question == DpsQuestion::OutOfReach) {
        return back_off(diagnose(Symptom::NobodyReachable).code, now);
      }
      return provision(diagnosis.code, now);
    case Decision::ProvisionAfterTen:
      if (!soft_since_) soft_since_ = now;
      if (question == DpsQuestion::NoReason) return back_off(diagnosis.code, now);
      ++soft_;
      if (question == DpsQuestion::Allowed && !dps_asked_in_step_ && soft_ > kSoftFailuresMax) {
        soft_ = 0;
        return provision(diagnosis.code, now);
      }
      return back_off(diagnosis.code, now);
    case Decision::WaitForOperator:
    case Decision::LeaveAlone:
      return back_off(diagnosis, now);
    case Decision::BackOff:
    case Decision::KeepLink:
      break;
  }
  return back_off(diagnosis.code, now);
}

// What a person must act on.
NextStep Recovery::back_off(const Diagnosis& diagnosis, SteadyTime now) {
  const auto floor = diagnosis.decision == Decision::LeaveAlone      ? settings_.left_alone_min
                     : diagnosis.symptom == Symptom::HubRefusedAgain ? std::chrono::milliseconds{0}
                                                                     : settings_.fault_pause_min;
  return back_off(diagnosis.code, now, floor, true);
}

NextStep Recovery::on_assigned(AssignedTo where, SteadyTime now) {
  has_assignment_ = true;
  dps_owed_ = false;
  dps_wanted_ = false;
  asking_since_.reset();
  const auto why = asked_because_;
  asked_because_.reset();
  if (where == AssignedTo::OtherHub || !why) return {NextStep::What::ConnectHub, now, why};
  // The same hub again. A first refusal deserves one more try at once: the move may just not have
  // been visible everywhere. After that the hub's word stands until the next back-off step.
  if (*why == ErrorCode::HubRefused || *why == ErrorCode::HubBadClient) {
    if (refusals_ <= 1) return {NextStep::What::ConnectHub, now, why};
    return back_off(diagnose(Symptom::HubRefusedAgain), now);
  }
  return back_off(*why, now);
}

NextStep Recovery::on_dps_failure(Symptom symptom, std::chrono::milliseconds retry_after,
                                  SteadyTime now) {
  ++failures_;
  asking_since_.reset();
  const Diagnosis& diagnosis = diagnose(symptom);
  // Neither hub nor DPS is our own network; a hub that answered and a silent DPS is not.
  const bool hub_unreachable = asked_because_ && unreachable_ > 0;
  const ErrorCode code = symptom == Symptom::DpsUnreachable && hub_unreachable
                             ? diagnose(Symptom::NobodyReachable).code
                             : diagnosis.code;
  asked_because_.reset();
  dps_not_before_ = std::max(dps_not_before_, now + retry_after);
  if (symptom != Symptom::DpsUnreachable) dps_owed_ = false;
  const bool operator_needed = diagnosis.decision == Decision::WaitForOperator;
  const bool service_fault = operator_needed || symptom == Symptom::DpsFault ||
                             symptom == Symptom::DpsThrottled || symptom == Symptom::DpsNoResult;
  const auto floor = service_fault ? settings_.fault_pause_min : std::chrono::milliseconds{0};
  return back_off(code, now, floor, operator_needed);
}

NextStep Recovery::back_off(ErrorCode why, SteadyTime now, std::chrono::milliseconds floor,
                            bool waits_for_operator) {
  why_ = why;
  dps_wanted_ = false;
  const auto hastened_from = std::exchange(hastened_from_, std::nullopt);
  const bool keeps_pause = hastened_from && *hastened_from > now;
  if (!keeps_pause) asked_in_hurry_ = false;
  SteadyTime at = keeps_pause ? *hastened_from : now + backoff_.next(floor);
  const auto what = has_assignment_ ? NextStep::What::ConnectHub : NextStep::What::Provision;
  if (what == NextStep::What::Provision) at = std::max(at, dps_not_before_);
  // A new step: DPS may be asked once more in it. With Provision that is this very step.
  dps_asked_in_step_ = what == NextStep::What::Provision;
  not_before_ = at;
  return {what, at, why, waits_for_operator};
}

NextStep Recovery::provision(ErrorCode why, SteadyTime now) {
  (hastened_from_ ? asked_in_hurry_ : dps_asked_in_step_) = true;
  dps_wanted_ = true;
  asked_because_ = why;
  why_ = why;
  not_before_ = now;
  return {NextStep::What::Provision, std::max(now, dps_not_before_), why};
}

}  // namespace hubward::resilience
