// From what was seen on the wire to what it means and what to do. One table; the only place where
// that is decided. Source: reference on Azure IoT over MQTT, section 5.2 ("Symptom table").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/error_code.h"

namespace hubward::resilience {

// How an attempt or a session ended, or what went wrong in it, as far as a client can see it.
enum class Symptom : std::uint8_t {
  // The way to the hub.
  HubNameUnknown,
  HubUnreachable,     // TCP refused or timed out
  HubTlsFailed,       // handshake failed or stalled
  HubUntrusted,       // certificate not signed by a trusted root
  HubSilent,          // no CONNACK in time
  NobodyReachable,    // neither the hub nor DPS
  HubRefusedVersion,  // CONNACK 1
  HubRefusedId,       // CONNACK 2
  HubRefusedBusy,     // CONNACK 3
  HubRefusedLogin,    // CONNACK 4
  HubRefusedAuth,     // CONNACK 5
  HubRefusedAgain,    // CONNACK 4 or 5, after DPS said that it is the right hub
  ClockWrong,         // refused or not trusted, and our clock is known to be wrong
  // A session that had begun.
  ClosedEarly,      // before it had been up for the stable time
  ClosesEverybody,  // so did the sessions of all other devices with this hub
  ThrownOut,        // again and again, while it worked and others' sessions stand
  ClosedStable,     // after the stable time
  LinkSilent,       // PINGRESP missing
  PubackMissing,
  SubscriptionRefused,  // SUBACK 0x80
  TwinThrottled,        // 429
  TwinFault,            // 5xx, or no answer
  TwinRejected,         // other 4xx
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
  LeaveAlone,           // somebody else has it: long pauses, never DPS
  KeepLink,             // nothing ends: pause, or do without
};

// Whose trouble it is: decides whether one device looks for all.
enum class Scope : std::uint8_t { Device, Endpoint };

struct Diagnosis {
  Symptom symptom;
  std::string_view seen;  // for people who read the table
  std::string_view rows;  // of the reference's table, section 5.2; empty: not a row there
  ErrorCode code;
  Decision decision;
  Scope scope;
  std::string_view because;
};

[[nodiscard]] const Diagnosis& diagnose(Symptom symptom);
[[nodiscard]] std::span<const Diagnosis> diagnosis_table();

[[nodiscard]] std::string_view words_for(Decision decision);

// The whole table joined with the words for people, as a page of documentation.
[[nodiscard]] std::string diagnosis_markdown();

// CONNACK 1 to 5 from a hub.
[[nodiscard]] Symptom hub_refusal(int connack_code);

}  // namespace hubward::resilience
