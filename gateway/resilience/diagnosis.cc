#include "gateway/resilience/diagnosis.h"

#include <array>

namespace hubward::resilience {
namespace {

using enum Symptom;
using enum Decision;

// clang-format off
constexpr std::array kTable = std::to_array<Diagnosis>({
  // The mission's first list: provision again.
  {HubNameUnknown,    ErrorCode::NameUnknown,      ProvisionAfterThree, "the hub may be gone, or our name server"},
  {HubUnreachable,    ErrorCode::Unreachable,      ProvisionAfterThree, "the hub may be gone, or our network"},
  {HubTlsTimeout,     ErrorCode::TlsFailed,        ProvisionAfterThree, "something answers, but not a hub"},
  {HubRefusedAuth,    ErrorCode::HubRefused,       Provision,           "expired, disabled, deleted, moved or blocked look alike; the token was fresh, so DPS is the diagnosis"},
  {HubRefusedLogin,   ErrorCode::HubRefused,       Provision,           "treated as CONNACK 5"},
  {HubRefusedId,      ErrorCode::HubBadClient,     Provision,           "the device id may differ from the registration id: DPS knows it"},
  // The mission's second list: back off with what we have.
  {HubRefusedBusy,    ErrorCode::HubBusy,          ProvisionAfterTen,   "internal error 500, 503, or overload"},
  {DpsBlocked,        ErrorCode::DpsBlocked,       WaitForOperator,     "credentials stay valid; unblocking restores the device"},
  {DpsDisabled,       ErrorCode::DpsDisabled,      WaitForOperator,     "the enrollment is switched off"},
  {DpsAllocationFailed, ErrorCode::DpsAllocationFailed, WaitForOperator, "webhook or allocation rule failed"},
  // Everything else.
  {HubUntrusted,      ErrorCode::TlsUntrusted,     BackOff,             "another hub has the same roots: asking DPS is useless"},
  {HubSilent,         ErrorCode::ConnectTimeout,   ProvisionAfterTen,   "hub overloaded, logins throttled"},
  {HubRefusedVersion, ErrorCode::HubBadClient,     BackOff,             "our own defect"},
  {ClosedEarly,       ErrorCode::HubClosedEarly,   ProvisionAfterTen,   "quota, throttling, a second holder, or an illegal message"},
  {ClosedStable,      ErrorCode::LinkLost,         ReconnectNow,        "the next CONNACK tells more"},
  {PubackMissing,     ErrorCode::PubackMissing,    BackOff,             "throttling queue or dead path"},
  {DpsUnreachable,    ErrorCode::DpsUnreachable,   BackOff,             "after an unreachable hub it is our own network"},
  {DpsUnauthorized,   ErrorCode::DpsUnauthorized,  WaitForOperator,     "key, scope, registration id or clock"},
  {DpsNotFound,       ErrorCode::DpsNotFound,      WaitForOperator,     "scope or enrollment gone"},
  {DpsThrottled,      ErrorCode::DpsThrottled,     BackOff,             "registration storm"},
  {DpsFault,          ErrorCode::DpsFault,         BackOff,             "the cached hub is tried in between"},
  {DpsNoResult,       ErrorCode::DpsNoResult,      BackOff,             "webhook slow or migration running"},
  {DpsRejected,       ErrorCode::DpsRejected,      WaitForOperator,     "asking again unchanged gives the same answer"},
});
// clang-format on

}  // namespace

std::span<const Diagnosis> diagnosis_table() { return kTable; }

const Diagnosis& diagnose(Symptom symptom) {
  for (const auto& row : kTable) {
    if (row.symptom == symptom) return row;
  }
  return kTable.back();  // a test proves that every symptom has a row
}

Symptom hub_refusal(int connack_code) {
  switch (connack_code) {
    case 1:
      return HubRefusedVersion;
    case 2:
      return HubRefusedId;
    case 3:
      return HubRefusedBusy;
    case 4:
      return HubRefusedLogin;
    default:
      return HubRefusedAuth;
  }
}

Symptom hub_transport_failure(ErrorCode code) {
  switch (code) {
    case ErrorCode::NameUnknown:
      return HubNameUnknown;
    case ErrorCode::TlsFailed:
      return HubTlsTimeout;
    case ErrorCode::TlsUntrusted:
      return HubUntrusted;
    case ErrorCode::ConnectTimeout:
      return HubSilent;
    default:
      return HubUnreachable;
  }
}

}  // namespace hubward::resilience
