#include "gateway/resilience/limits.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::resilience;

TEST_CASE("limits follow from tier and units, and stay below what is published") {
  struct Row {
    const char* why;
    Tier tier;
    std::uint32_t units;
    double connections, sends, twin_reads, twin_updates;
  };
  const Row rows[] = {
      {"S1: the fixed part is higher", Tier::S1, 1, 100, 100, 100, 50},
      {"S1 with many units", Tier::S1, 20, 240, 240, 100, 50},
      {"S2", Tier::S2, 2, 240, 240, 100, 50},
      {"S2 with many units", Tier::S2, 20, 2400, 2400, 200, 100},
      {"S3", Tier::S3, 1, 6000, 6000, 500, 250},
      {"IoT Central limits no sends of a site", Tier::IotCentral, 1, 100, 0, 100, 100},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const Limits limits = limits_for(row.tier, row.units);
    CHECK(limits.connections_per_second == doctest::Approx(0.8 * row.connections));
    CHECK(limits.sends_per_second == doctest::Approx(0.8 * row.sends));
    CHECK(limits.backlog_sends_per_second == doctest::Approx(0.4 * row.sends));
    CHECK(limits.twin_reads_per_second == doctest::Approx(0.8 * row.twin_reads));
    CHECK(limits.twin_updates_per_second == doctest::Approx(0.8 * row.twin_updates));
  }
  // 200 a minute are allowed.
  CHECK(limits_for(Tier::IotCentral, 1).registrations_per_second == doctest::Approx(2.0));
}

TEST_CASE("an unknown tier gets the defaults: cautious logins, nothing else is limited") {
  const Limits limits = limits_for(Tier::Unknown, 1);
  CHECK(limits.connections_per_second == 20);
  CHECK(limits.registrations_per_second == 2);
  CHECK(limits.sends_per_second == 0);
  CHECK(limits.twin_reads_per_second == 0);
}
