#include "gateway/resilience/diagnosis.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

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

TEST_CASE("CONNACK codes find their symptom") {
  CHECK(hub_refusal(1) == Symptom::HubRefusedVersion);
  CHECK(hub_refusal(2) == Symptom::HubRefusedId);
  CHECK(hub_refusal(3) == Symptom::HubRefusedBusy);
  CHECK(hub_refusal(4) == Symptom::HubRefusedLogin);
  CHECK(hub_refusal(5) == Symptom::HubRefusedAuth);
  CHECK(hub_refusal(99) == Symptom::HubRefusedAuth);
}

TEST_CASE("every row of the reference's symptom table is in ours") {
  std::set<int> rows;
  for (const auto& row : diagnosis_table()) {
    std::istringstream numbers{std::string(row.rows)};
    for (int number = 0; numbers >> number;) rows.insert(number);
  }
  for (int number = 1; number <= 32; ++number) {
    CAPTURE(number);
    // 7 is about WebSocket links, which are not there yet.
    CHECK(rows.contains(number) == (number != 7));
  }
}

TEST_CASE("what is said of hubward's next step agrees with the decision") {
  for (const auto& row : diagnosis_table()) {
    CAPTURE(row.seen);
    const std::string_view does = words_for(row.code).gateway_does;
    const bool asks = row.decision == Decision::Provision ||
                      row.decision == Decision::ProvisionAfterThree ||
                      row.decision == Decision::ProvisionAfterTen;
    const bool says_so = does.find("provisioning service") != std::string_view::npos;
    // A code may be used by several rows; one of them then decides the words.
    if (asks) CHECK(says_so);
    if (row.decision == Decision::LeaveAlone || row.decision == Decision::KeepLink) {
      CHECK_FALSE(says_so);
    }
    CHECK_FALSE(words_for(row.decision).empty());
    const bool operator_needed = row.decision == Decision::WaitForOperator;
    if (operator_needed) CHECK_FALSE(words_for(row.code).person_does.empty());
  }
}

TEST_CASE("the page of documentation has a line for each row") {
  const std::string page = diagnosis_markdown();
  for (const auto& row : diagnosis_table()) {
    CHECK(page.find(row.seen) != std::string::npos);
    CHECK(page.find(words_for(row.code).name) != std::string::npos);
  }
  CHECK(std::count(page.begin(), page.end(), '\n') ==
        static_cast<std::ptrdiff_t>(diagnosis_table().size()) + 2);
}

TEST_CASE("the page of failures holds the table that the program prints") {
  std::ifstream file(HUBWARD_SOURCE_DIR "/gateway/resilience/FAILURES.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  CHECK(page.find(diagnosis_markdown()) != std::string::npos);
}
