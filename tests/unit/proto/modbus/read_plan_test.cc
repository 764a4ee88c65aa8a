#include "proto/modbus/read_plan.h"

#include <doctest/doctest.h>

#include <random>

namespace hubward::modbus {
namespace {

using Requests = std::vector<ReadRequest>;
constexpr auto kHolding = Table::HoldingRegister;

Requests requests(std::vector<ReadItem> items, const ReadLimits& limits = {}) {
  Requests out;
  for (const auto& read : plan_reads(items, limits)) out.push_back(read.request);
  return out;
}

TEST_CASE("values merge into the fewest requests under the limits") {
  struct Row {
    const char* why;
    std::vector<ReadItem> items;
    Requests plan;
  };
  const Row rows[] = {
      {"nothing", {}, {}},
      {"adjacent", {{kHolding, 0, 2}, {kHolding, 2, 2}}, {{kHolding, 0, 4}}},
      {"in any order", {{kHolding, 2, 2}, {kHolding, 0, 2}}, {{kHolding, 0, 4}}},
      {"gap of 8", {{kHolding, 0, 1}, {kHolding, 9, 1}}, {{kHolding, 0, 10}}},
      {"gap of 9", {{kHolding, 0, 1}, {kHolding, 10, 1}}, {{kHolding, 0, 1}, {kHolding, 10, 1}}},
      {"overlapping", {{kHolding, 0, 4}, {kHolding, 1, 1}, {kHolding, 3, 2}}, {{kHolding, 0, 5}}},
      {"same registers twice", {{kHolding, 7, 2}, {kHolding, 7, 2}}, {{kHolding, 7, 2}}},
      {"tables never mix",
       {{kHolding, 0, 1}, {Table::InputRegister, 1, 1}},
       {{kHolding, 0, 1}, {Table::InputRegister, 1, 1}}},
      {"exactly 125", {{kHolding, 0, 1}, {kHolding, 4, 121}}, {{kHolding, 0, 125}}},
      {"one over 125",
       {{kHolding, 0, 1}, {kHolding, 4, 122}},
       {{kHolding, 0, 1}, {kHolding, 4, 122}}},
      {"bits have a larger gap",
       {{Table::Coil, 0, 1}, {Table::Coil, 129, 1}, {Table::Coil, 259, 1}},
       {{Table::Coil, 0, 130}, {Table::Coil, 259, 1}}},
      {"a cut is kept",
       {{kHolding, 0, 2}, {kHolding, 2, 2, true}, {kHolding, 4, 2}},
       {{kHolding, 0, 2}, {kHolding, 2, 4}}},
      {"the last register", {{kHolding, 65535, 1}, {kHolding, 65533, 2}}, {{kHolding, 65533, 3}}},
      {"what fits no request is left out",
       {{kHolding, 65535, 2}, {kHolding, 0, 0}, {kHolding, 0, 126}},
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(requests(row.items) == row.plan);
  }
}

TEST_CASE("nothing is read across a hole, whatever the gap") {
  ReadLimits limits;
  limits.register_gap_max = 100;
  limits.holes = {{kHolding, 12, 14}, {Table::InputRegister, 31, 31}, {kHolding, 50, 50}};
  CHECK(requests({{kHolding, 10, 2}, {kHolding, 15, 1}, {kHolding, 40, 2}}, limits) ==
        Requests{{kHolding, 10, 2}, {kHolding, 15, 27}});
  CHECK(requests({{kHolding, 10, 1}, {kHolding, 13, 1}}, limits).size() == 2);
  CHECK(requests({{kHolding, 49, 1}, {kHolding, 51, 1}}, limits).size() == 2);
  // What a tag itself needs is read all the same.
  CHECK(requests({{kHolding, 49, 4}, {kHolding, 53, 1}}, limits) == Requests{{kHolding, 49, 5}});
}

TEST_CASE("300 adjacent floats take five requests of whole values") {
  std::vector<ReadItem> items;
  for (int i = 0; i < 300; ++i) items.push_back({kHolding, static_cast<std::uint16_t>(i * 2), 2});
  const auto plan = plan_reads(items);
  CHECK(plan.size() == 5);
  for (const auto& read : plan) CHECK(read.request.count % 2 == 0);
}

TEST_CASE("whatever the items, each is covered once and no request breaks a limit") {
  std::mt19937 random(7);  // NOLINT: replayed
  for (int round = 0; round < 500; ++round) {
    std::vector<ReadItem> items;
    const auto count = random() % 60;
    for (unsigned i = 0; i < count; ++i) {
      items.push_back({static_cast<Table>(random() % 4), static_cast<std::uint16_t>(random() % 400),
                       static_cast<std::uint16_t>(1 + random() % 4), random() % 10 == 0});
    }
    std::vector<int> covered(items.size());
    for (const auto& read : plan_reads(items)) {
      REQUIRE(encode_request(read.request));
      for (const std::size_t item : read.items) {
        ++covered[item];
        REQUIRE(items[item].table == read.request.table);
        REQUIRE(items[item].address >= read.request.address);
        REQUIRE(items[item].address + items[item].count <=
                read.request.address + read.request.count);
      }
    }
    REQUIRE(covered == std::vector<int>(items.size(), 1));
  }
}

TEST_CASE("a single read is held against the limits as well") {
  ReadLimits limits;
  limits.registers_max = 10;
  limits.bits_max = 20;
  limits.holes = {{Table::HoldingRegister, 5, 6}};
  CHECK(is_within({Table::HoldingRegister, 0, 5}, limits));
  CHECK_FALSE(is_within({Table::HoldingRegister, 0, 6}, limits));
  CHECK_FALSE(is_within({Table::HoldingRegister, 6, 1}, limits));
  CHECK(is_within({Table::HoldingRegister, 7, 10}, limits));
  CHECK_FALSE(is_within({Table::HoldingRegister, 7, 11}, limits));
  CHECK(is_within({Table::InputRegister, 5, 1}, limits));
  CHECK(is_within({Table::Coil, 0, 20}, limits));
  CHECK_FALSE(is_within({Table::Coil, 0, 21}, limits));
}

}  // namespace
}  // namespace hubward::modbus
