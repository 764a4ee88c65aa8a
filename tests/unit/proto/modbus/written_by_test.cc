#include "proto/modbus/written_by.h"

#include <doctest/doctest.h>

using namespace hubward::modbus;

TEST_CASE("each request that writes says what it changes, and those that read say nothing") {
  struct Row {
    const char* why;
    Request request;
    std::optional<RegisterSpan> written;
  };
  constexpr auto kHolding = Table::HoldingRegister;
  const Row rows[] = {
      {"a read", ReadRequest{kHolding, 5, 3}, std::nullopt},
      {"who is there", ReadIdentification{}, std::nullopt},
      {"one coil", WriteCoil{7, true}, RegisterSpan{Table::Coil, 7, 1}},
      {"coils", WriteCoils{7, {true, false}}, RegisterSpan{Table::Coil, 7, 2}},
      {"one register", WriteRegister{7, 1}, RegisterSpan{kHolding, 7, 1}},
      {"bits of one", MaskWrite{7, 0xFFFE, 1}, RegisterSpan{kHolding, 7, 1}},
      {"registers", WriteRegisters{0xFFFE, {1, 2}}, RegisterSpan{kHolding, 0xFFFE, 2}},
      {"what is written, not what is read", ReadWriteRegisters{0, 9, 20, {1, 2}},
       RegisterSpan{kHolding, 20, 2}},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.why));
    const auto written = written_by(row.request);
    REQUIRE(written.has_value() == row.written.has_value());
    if (!written) continue;
    CHECK(written->table == row.written->table);
    CHECK(written->address == row.written->address);
    CHECK(written->count == row.written->count);
  }
}

TEST_CASE("spans overlap where they share a register of one table") {
  const RegisterSpan last_two{Table::HoldingRegister, 0xFFFE, 2};
  CHECK(last_two.overlaps({Table::HoldingRegister, 0xFFFF, 1}));
  CHECK(last_two.overlaps({Table::HoldingRegister, 0xFFF0, 15}));
  CHECK_FALSE(last_two.overlaps({Table::HoldingRegister, 0xFFF0, 14}));
  CHECK_FALSE(last_two.overlaps({Table::HoldingRegister, 0, 1}));
  CHECK_FALSE(last_two.overlaps({Table::Coil, 0xFFFF, 1}));
}
