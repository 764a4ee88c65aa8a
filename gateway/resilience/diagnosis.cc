#include "gateway/resilience/diagnosis.h"

#include <array>

#include "gateway/api/failure_words.h"

namespace hubward::resilience {
namespace {

using enum Symptom;
using enum Decision;
using Code = ErrorCode;
constexpr Scope kDevice = Scope::Device;
constexpr Scope kEndpoint = Scope::Endpoint;

// Row 7 of the reference (WebSocket upgrade not 101) has no place yet: there are no such links.
// clang-format off
constexpr std::array kTable = std::to_array<Diagnosis>({
  // --- The mission's first list: provision again.
  {HubNameUnknown,       "hub's name not found",                                   "2",      Code::NameUnknown,          ProvisionAfterThree, kEndpoint, "the hub may be gone, or our name server"},
  {HubUnreachable,       "TCP refused or timed out",                               "4",      Code::Unreachable,          ProvisionAfterThree, kEndpoint, "the hub may be gone, or our network"},
  {HubTlsFailed,         "TLS handshake failed or stalled",                        "6",      Code::TlsFailed,            ProvisionAfterThree, kEndpoint, "something answers, but perhaps not a hub"},
  {HubRefusedAuth,       "CONNACK 5",                                              "13",     Code::HubRefused,           Provision,           kDevice,   "expired, disabled, deleted, moved or blocked look alike; the token was fresh, so DPS is the diagnosis"},
  {HubRefusedLogin,      "CONNACK 4",                                              "12",     Code::HubRefused,           Provision,           kDevice,   "treated as CONNACK 5"},
  {HubRefusedId,         "CONNACK 2",                                              "10",     Code::HubBadClient,         Provision,           kDevice,   "the device id may differ from the registration id: DPS knows it"},
  // --- The mission's second list: back off with what we have.
  {DpsBlocked,           "DPS failed 400209",                                      "25",     Code::DpsBlocked,           WaitForOperator,     kDevice,   "credentials stay valid; unblocking restores the device"},
  {HubRefusedBusy,       "CONNACK 3",                                              "11 32",  Code::HubBusy,              ProvisionAfterTen,   kEndpoint, "internal error 500, 503, or overload"},
  {DpsFault,             "DPS 5xx or CONNACK 3",                                   "30",     Code::DpsFault,             BackOff,             kEndpoint, "the cached hub is tried in between"},
  {HubRefusedAgain,      "CONNACK 4 or 5 again, and DPS names the same hub",       "31",     Code::HubRefusedAfterDps,   WaitForOperator,     kDevice,   "blocked or disabled in the hub, or a clock; hub and DPS are not asked in a circle"},
  // --- The way to the hub, otherwise.
  {NobodyReachable,      "neither hub nor DPS reachable",                          "1 3",    Code::OwnNetworkDown,       BackOff,             kEndpoint, "our own network: DPS is left alone as well"},
  {HubUntrusted,         "server certificate not trusted",                         "5",      Code::TlsUntrusted,         BackOff,             kEndpoint, "another hub has the same roots: asking DPS is useless"},
  {HubSilent,            "no CONNACK within 60 s",                                 "8",      Code::ConnectTimeout,       ProvisionAfterTen,   kEndpoint, "hub overloaded, logins throttled"},
  {HubRefusedVersion,    "CONNACK 1",                                              "9",      Code::HubBadVersion,        BackOff,             kDevice,   "our own defect"},
  {ClockWrong,           "refused, and the clock is wrong",                        "22",     Code::ClockWrong,           WaitForOperator,     kDevice,   "a token of the right time is needed, not another hub; tried at once when the clock is set"},
  // --- A session that had begun.
  {ClosedEarly,          "closed soon after CONNACK 0",                            "14",     Code::HubClosedEarly,       ProvisionAfterTen,   kDevice,   "throttling, or an illegal message"},
  {ClosesEverybody,      "so are all other devices of the hub",                    "14",     Code::HubClosesAll,         BackOff,             kEndpoint, "daily quota or throttling: DPS would say the same hub"},
  {ThrownOut,            "closed soon again and again, others' sessions stand",    "14",     Code::SecondHolder,         LeaveAlone,          kDevice,   "each of our logins throws the other one out, and the other way round"},
  {ClosedStable,         "closed after a minute or more",                          "15",     Code::LinkLost,             ReconnectNow,        kDevice,   "service upgrade, network, moved or disabled: the next CONNACK tells more"},
  {LinkSilent,           "PINGRESP missing",                                       "16",     Code::LinkSilent,           ReconnectNow,        kDevice,   "the path is dead, the hub need not be"},
  {PubackMissing,        "PUBACK missing for 60 s",                                "17",     Code::PubackMissing,        BackOff,             kDevice,   "throttling queue or dead path"},
  {TwinThrottled,        "twin answer 429",                                        "18",     Code::TwinThrottled,        KeepLink,            kDevice,   "the link is well"},
  {TwinFault,            "twin answer 5xx, or none",                               "19",     Code::TwinFault,            KeepLink,            kDevice,   "the link is well"},
  {TwinRejected,         "twin answer 400, 413 ...",                               "20",     Code::TwinRejected,         KeepLink,            kDevice,   "sent again unchanged it gets the same answer"},
  {SubscriptionRefused,  "SUBACK 0x80",                                            "21",     Code::SubscriptionRefused,  KeepLink,            kDevice,   "without subscriptions callers get 404103; telemetry goes on"},
  // --- The conversation with DPS, otherwise.
  {DpsUnreachable,       "DPS name, TCP, TLS or link",                             "30",     Code::DpsUnreachable,       BackOff,             kEndpoint, "after an unreachable hub it is our own network"},
  {DpsUnauthorized,      "DPS 401 or 403",                                         "23",     Code::DpsUnauthorized,      WaitForOperator,     kDevice,   "key, scope, registration id or clock; the second key is tried"},
  {DpsNotFound,          "DPS 404",                                                "24",     Code::DpsNotFound,          WaitForOperator,     kDevice,   "scope or enrollment gone"},
  {DpsAllocationFailed,  "DPS failed, other code",                                 "26",     Code::DpsAllocationFailed,  WaitForOperator,     kDevice,   "webhook or allocation rule failed"},
  {DpsDisabled,          "DPS disabled",                                           "27",     Code::DpsDisabled,          WaitForOperator,     kDevice,   "the enrollment is switched off"},
  {DpsNoResult,          "still assigning after 2 minutes",                        "28",     Code::DpsNoResult,          BackOff,             kDevice,   "webhook slow or migration running"},
  {DpsThrottled,         "DPS 429",                                                "29",     Code::DpsThrottled,         BackOff,             kEndpoint, "registration storm: nobody asks before the time DPS names"},
  {DpsRejected,          "DPS other 4xx",                                          "",       Code::DpsRejected,          WaitForOperator,     kDevice,   "asking again unchanged gives the same answer"},
});
// clang-format on

void add_cell(std::string& row, std::string_view text) {
  row += " ";
  row += text;
  row += " |";
}

}  // namespace

std::span<const Diagnosis> diagnosis_table() { return kTable; }

const Diagnosis& diagnose(Symptom symptom) {
  for (const auto& row : kTable) {
    if (row.symptom == symptom) return row;
  }
  return kTable.back();  // a test proves that every symptom has a row
}

std::string_view words_for(Decision decision) {
  switch (decision) {
    case ReconnectNow:
      return "connect again at once, then back off";
    case BackOff:
      return "back off with what we have";
    case Provision:
      return "provision again at once";
    case ProvisionAfterThree:
      return "back off; provision again with the third in a row";
    case ProvisionAfterTen:
      return "back off; provision again after ten in a row";
    case WaitForOperator:
      return "back off slowly with what we have; a person must act";
    case LeaveAlone:
      return "leave it alone for a minute or more";
    case KeepLink:
      return "keep the connection";
  }
  return {};
}

std::string diagnosis_markdown() {
  std::string page =
      "| seen | reference, 5.2 | name | label | decision | why | what a technician reads | next "
      "step "
      "for a person |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const auto& row : kTable) {
    const FailureWords& words = words_for(row.code);
    page += "|";
    add_cell(page, row.seen);
    add_cell(page, row.rows.empty() ? "-" : row.rows);
    add_cell(page, words.name);
    add_cell(page, "`" + std::string(words.label) + "`");
    add_cell(page, words_for(row.decision));
    add_cell(page, row.because);
    add_cell(page, std::string(words.meaning) + " " + std::string(words.gateway_does));
    add_cell(page, words.person_does.empty() ? "nothing needed" : words.person_does);
    page += "\n";
  }
  return page;
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

}  // namespace hubward::resilience
