// CloudClient, as far as this computer's clock is concerned: what tokens are dated by, which
// refusals a wrong clock explains, and what is tried again when the clock is set.
#include <algorithm>

#include "gateway/device/cloud_client.h"

namespace hubward::device {
namespace {

using resilience::ClockLook;
using resilience::NextStep;
using resilience::Symptom;

// Failures that a wrong clock may have caused.
bool may_be_the_clock(ErrorCode why) {
  switch (why) {
    case ErrorCode::ClockWrong:
    case ErrorCode::HubRefused:
    case ErrorCode::HubRefusedAfterDps:
    case ErrorCode::DpsUnauthorized:
    case ErrorCode::TlsUntrusted:
      return true;
    default:
      return false;
  }
}

void shift(std::optional<CloudAttempt>& attempt, std::chrono::milliseconds by) {
  if (attempt) attempt->at += by;
}

}  // namespace

ClockLook CloudClient::clock_now() const {
  const Clock& clock = parts_.loop.clock();
  return {clock.wall(), clock.steady()};
}

void CloudClient::date_token() {
  token_date_ = clock_now();
  if (parts_.clock_watch != nullptr) {
    token_date_.wall = parts_.clock_watch->token_time(token_date_);
  }
}

void CloudClient::hear_time(const ProvisioningResult& result) {
  if (parts_.clock_watch == nullptr || !result.service_time) return;
  parts_.clock_watch->on_service_time(*result.service_time, result.heard);
}

// A login may follow at once when a clock is set, before the next word about it: what was stored by
// the old time must not be sent with it.
void CloudClient::refresh_sight() {
  if (parts_.clock_watch == nullptr) return;
  const resilience::ClockCorrection seen = parts_.clock_watch->correction_at(clock_now());
  ClockSight sight = session_.clock_sight();
  sight.trusted = seen.known;
  sight.wall_minus_steady = seen.wall_minus_steady;
  session_.on_clock(sight);
}

// What a failure means, seen with what is known of the clock. `detail` then begins with it.
Symptom CloudClient::explained(Symptom symptom, std::string& detail) {
  const resilience::ClockWatch* const watch = parts_.clock_watch;
  switch (symptom) {
    case Symptom::HubRefusedAuth:
    case Symptom::HubRefusedLogin:
    case Symptom::DpsUnauthorized:
      if (watch == nullptr || !watch->was_misdated(token_date_)) return symptom;
      break;
    case Symptom::ClockWrong:  // a certificate that is not valid yet, or no longer
      if (watch == nullptr || !watch->may_be_blamed()) {
        return phase_ == Phase::Provisioning ? Symptom::DpsUnreachable : Symptom::HubUntrusted;
      }
      break;
    default:
      return symptom;
  }
  if (!watch->state().why.empty()) detail = watch->state().why + " (" + detail + ")";
  return Symptom::ClockWrong;
}

// No pause before a token that is dated better than the refused one; once, so that a service whose
// answers contradict each other is not asked without end.
void CloudClient::hasten_misdated(NextStep& step) {
  const resilience::ClockWatch* const watch = parts_.clock_watch;
  if (watch == nullptr || step.why != ErrorCode::ClockWrong || misdated_hastened_) return;
  ClockLook next = clock_now();
  next.wall = watch->token_time(next);
  if (!watch->was_misdated(token_date_) || watch->was_misdated(next)) return;
  misdated_hastened_ = true;
  step.at = soonest(step);
}

// A time that DPS has named holds, whatever our clock shows.
SteadyTime CloudClient::soonest(const NextStep& step) const {
  const bool asks = step.what == NextStep::What::Provision;
  return asks ? std::max(now(), recovery_.dps_not_before()) : now();
}

void CloudClient::on_clock(const ClockNews& news) {
  session_.on_clock(news.sight);
  if (view_.last_delivered) *view_.last_delivered += news.set_by;
  shift(view_.last_login, news.set_by);
  shift(view_.last_provisioning, news.set_by);
  if (stopping_ || !has_lease_) return;
  const bool renews = news.renew_within > std::chrono::milliseconds{0};
  if (renews && phase_ == Phase::Online &&
      view_.token_expires <= clock_now().wall + (renewal_at_ - now())) {
    // The hub lets a connection outlive its token by minutes, so that there is time to spread.
    plan_renewal(now() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                             news.renew_within * parts_.random.unit()));
  }
  if (!news.try_again) return;
  misdated_hastened_ = false;
  if (phase_ != Phase::Pausing || !step_.why || !may_be_the_clock(*step_.why)) return;
  parts_.loop.cancel(step_timer_);
  step_timer_ = {};
  step_.at = std::min(step_.at, soonest(step_));
  pause_or_ask();
}

}  // namespace hubward::device
