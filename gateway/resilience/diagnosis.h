// From what was seen on the wire to what it means and what to do. One table; the only place where
// that is decided. Source: reference on Azure IoT over MQTT, section 5.2 ("Symptom table").
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proto/error_code.h"

namespace hubward::resilience {

// How an attempt or a session ended, as far as a client can see it.
enum class Symptom : std::uint8_t {
  // The way to the hub.
  HubNameUnknown,
  HubUnreachable,     // TCP refused or timed out
  HubTlsTimeout,      // handshake failed or stalled
  HubUntrusted,       // certificate not signed by a trusted root
  HubSilent,          // no CONNACK in time
  HubRefusedVersion,  // CONNACK 1
  HubRefusedId,       // CONNACK 2
  HubRefusedBusy,     // CONNACK 3
  HubRefusedLogin,    // CONNACK 4
  HubRefusedAuth,     // CONNACK 5
  // A session that had begun.
  ClosedEarly,   // before it had been up for the stable time
  ClosedStable,  // after that: expiry, network, service upgrade, disabled, moved
  PubackMissing,
  // The conversation with DPS.
  DpsUnreachable,       // name, TCP, TLS, no CONNACK, or the link broke
  DpsUnauthorized,      // 401, 403, CONNACK 4 or 5
  DpsNotFound,          // 404
  DpsThrottled,         // 429
  DpsFault,             // 5xx, CONNACK 3
  DpsBlocked,           // failed 400209
  DpsAllocationFailed,  // failed, other
  DpsDisabled,
  DpsNoResult,  // still assigning after the budget
  DpsRejected,  // other 4xx
};

enum class Decision : std::uint8_t {
  ReconnectNow,         // once, without delay, to the same hub
  BackOff,              // same hub, growing pauses, keep what we have
  Provision,            // ask DPS at once, at most once per back-off step
  ProvisionAfterThree,  // back off; the third in a row asks DPS once, then every tenth
  ProvisionAfterTen,    // back off; only what comes after ten in a row asks DPS
  WaitForOperator,      // keep the assignment, try slowly, say who must do what
};

struct Diagnosis {
  Symptom symptom;
  ErrorCode code;
  Decision decision;
  std::string_view because;
};

[[nodiscard]] const Diagnosis& diagnose(Symptom symptom);
[[nodiscard]] std::span<const Diagnosis> diagnosis_table();  // for documentation and tests

// CONNACK 1 to 5 from a hub.
[[nodiscard]] Symptom hub_refusal(int connack_code);
// A transport failure on the way to a hub, by its error code.
[[nodiscard]] Symptom hub_transport_failure(ErrorCode code);

}  // namespace hubward::resilience
