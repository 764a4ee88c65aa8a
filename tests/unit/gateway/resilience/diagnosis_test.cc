#include "gateway/resilience/diagnosis.h"

#include <doctest/doctest.h>

#include "gateway/api/failure_words.h"

using namespace hubward;
using namespace hubward::resilience;

TEST_CASE("every symptom has exactly one row") {
  for (auto symptom = Symptom::HubNameUnknown; symptom <= Symptom::DpsRejected;
       symptom = static_cast<Symptom>(static_cast<int>(symptom) + 1)) {
    int rows = 0;
    for (const auto& row : diagnosis_table()) rows += row.symptom == symptom ? 1 : 0;
    CAPTURE(static_cast<int>(symptom));
    CHECK(rows == 1);
    CHECK(diagnose(symptom).symptom == symptom);
  }
}

TEST_CASE("the mission's two lists stand in the table") {
  struct Row {
    const char* why;
    Symptom symptom;
    Decision decision;
  };
  const Row rows[] = {
      {"unreachable hub endpoint", Symptom::HubUnreachable, Decision::ProvisionAfterThree},
      {"unreachable hub endpoint, by name", Symptom::HubNameUnknown, Decision::ProvisionAfterThree},
      {"expired token or disabled device", Symptom::HubRefusedAuth, Decision::Provision},
      {"blocked by the operator", Symptom::DpsBlocked, Decision::WaitForOperator},
      {"internal error 500", Symptom::HubRefusedBusy, Decision::ProvisionAfterTen},
      {"internal error 500 at DPS", Symptom::DpsFault, Decision::BackOff},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(diagnose(row.symptom).decision == row.decision);
  }
}

TEST_CASE("CONNACK codes and transport failures find their symptom") {
  CHECK(hub_refusal(1) == Symptom::HubRefusedVersion);
  CHECK(hub_refusal(2) == Symptom::HubRefusedId);
  CHECK(hub_refusal(3) == Symptom::HubRefusedBusy);
  CHECK(hub_refusal(4) == Symptom::HubRefusedLogin);
  CHECK(hub_refusal(5) == Symptom::HubRefusedAuth);
  CHECK(hub_refusal(99) == Symptom::HubRefusedAuth);
  CHECK(hub_transport_failure(ErrorCode::NameUnknown) == Symptom::HubNameUnknown);
  CHECK(hub_transport_failure(ErrorCode::Unreachable) == Symptom::HubUnreachable);
  CHECK(hub_transport_failure(ErrorCode::TlsUntrusted) == Symptom::HubUntrusted);
  CHECK(hub_transport_failure(ErrorCode::TlsFailed) == Symptom::HubTlsTimeout);
  CHECK(hub_transport_failure(ErrorCode::ConnectTimeout) == Symptom::HubSilent);
}
