#include "adapters/modbus/settings.h"
#include "proto/modbus/read_plan.h"
#include "tests/support/sample_site.h"

using namespace hubward;
using namespace hubward::modbus;

TEST_CASE("the sample loads, and reads what the README says") {
  const auto site = hubward::test::load_sample(HUBWARD_SOURCE_DIR, "adapters/modbus/sample.json");
  REQUIRE(site.modbus_buses.size() == 1);
  REQUIRE(site.modbus_buses[0].devices.size() == 1);
  const auto& tags = site.modbus_buses[0].devices[0].tags;
  REQUIRE(tags.size() == 4);
  const auto temperature = decode(std::vector<std::uint16_t>{655}, tags[0]);
  CHECK(std::get<double>(temperature.value()) == 65.5);
  CHECK(tags[3].table == Table::HoldingRegister);
  CHECK(tags[3].address == 20);
  std::vector<ReadItem> items;
  for (const auto& tag : tags) items.push_back({tag.table, tag.address, width(tag)});
  CHECK(plan_reads(items).size() == 3);
}
