// Writes that take more than one request: parts of registers, read-back, pulses.
#include <doctest/doctest.h>

#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus::test {
namespace {

constexpr auto kHolding = Table::HoldingRegister;
using Outcome = WriteResult::Outcome;

TagSettings bit(std::uint16_t index, std::uint16_t address, std::uint8_t place) {
  TagSettings settings = tag(index, kHolding, address, ValueType::Bool, 60s);
  settings.first_bit = place;
  settings.bit_count = 1;
  return settings;
}

std::vector<FunctionCode> writes_in(const std::vector<Request>& asked) {
  std::vector<FunctionCode> functions;
  for (const Request& request : asked) {
    if (!is_read(request)) functions.push_back(function_of(request));
  }
  return functions;
}

TEST_CASE("a bit of a register is written by mask where the device can") {
  TcpBench bench({device(0, 1, {bit(0, 10, 3)})});
  auto& unit = bench.units[1];
  unit.masks = true;
  unit.values[{kHolding, 10}] = 0xF0F0;
  bench.connect();
  CHECK(bench.write(0, 0, true).outcome == Outcome::Written);
  CHECK(unit.values[{kHolding, 10}] == 0xF0F8);
  CHECK(bench.write(0, 0, false).outcome == Outcome::Written);
  CHECK(unit.values[{kHolding, 10}] == 0xF0F0);
  CHECK(writes_in(unit.asked) ==
        std::vector{FunctionCode::MaskWriteRegister, FunctionCode::MaskWriteRegister});
}

TEST_CASE("where it cannot, the register is read and written whole; this is asked once") {
  TagSettings half = tag(1, kHolding, 11, ValueType::Int8, 60s);
  half.first_bit = 8;
  TcpBench bench({device(0, 1, {bit(0, 10, 3), half})});
  auto& unit = bench.units[1];
  unit.values = {{{kHolding, 10}, 0xF0F0}, {{kHolding, 11}, 0x1234}};
  bench.connect();
  CHECK(bench.write(0, 0, true).outcome == Outcome::Written);
  CHECK(unit.values[{kHolding, 10}] == 0xF0F8);
  CHECK(bench.write(0, 1, std::int64_t{-1}).outcome == Outcome::Written);
  CHECK(unit.values[{kHolding, 11}] == 0xFF34);
  CHECK(writes_in(unit.asked) == std::vector{FunctionCode::MaskWriteRegister,
                                             FunctionCode::WriteSingleRegister,
                                             FunctionCode::WriteSingleRegister});
}

TEST_CASE("what cannot be read first is not written") {
  TcpBench bench({device(0, 1, {bit(0, 10, 3)})});
  bench.units[1].missing = {{kHolding, 10}};
  bench.connect();
  const auto result = bench.write(0, 0, true);
  CHECK(result.outcome == Outcome::Refused);
  CHECK(result.code == ErrorCode::WriteRefused);
  CHECK(result.detail ==
        "the register must be read first, and the device answers exception 2, illegal data "
        "address");
  CHECK(writes_in(bench.units[1].asked) == std::vector{FunctionCode::MaskWriteRegister});
}

TEST_CASE("a verified write is read back, and a device that kept something else is found out") {
  TagSettings limit = tag(0, kHolding, 10, ValueType::Uint16, 60s);
  limit.verify = true;
  TcpBench bench({device(0, 1, {limit})});
  bench.connect();
  const auto fine = bench.write(0, 0, std::uint64_t{7});
  CHECK(fine.outcome == Outcome::Written);
  CHECK(fine.detail == "read back");
  CHECK(fine.read_back == TagValue(std::uint64_t{7}));
  bench.units[1].stores_at_most = 100;
  const auto cut = bench.write(0, 0, std::uint64_t{500});
  CHECK(cut.outcome == Outcome::Unknown);
  CHECK(cut.detail == "the device confirmed it, and holds something else");
  CHECK(cut.read_back == TagValue(std::uint64_t{100}));
  bench.units[1].missing = {{kHolding, 10}};
  CHECK(bench.write(0, 0, std::uint64_t{5}).outcome == Outcome::Refused);
}

TEST_CASE("what was read back is compared as the value that it stands for") {
  TagSettings on = tag(0, kHolding, 10, ValueType::Bool, 60s);
  TagSettings label = tag(1, kHolding, 20, ValueType::Text, 60s);
  label.text_bytes = 4;
  on.verify = label.verify = true;
  TcpBench bench({device(0, 1, {on, label})});
  bench.units[1].stores_instead = {{1, 0xFFFF}, {0, 0x2020}};
  bench.connect();
  const auto truth = bench.write(0, 0, true);
  CHECK(truth.outcome == Outcome::Written);
  CHECK(truth.read_back == TagValue(true));
  const auto text = bench.write(0, 1, std::string("ab"));
  CHECK(text.outcome == Outcome::Written);
  CHECK(text.read_back == TagValue(std::string("ab")));
  bench.units[1].stores_instead = {{1, 0}};
  CHECK(bench.write(0, 0, true).outcome == Outcome::Unknown);
}

TEST_CASE("what the device holds is told as it is, not as readings are clamped and rounded") {
  TagSettings limit = tag(0, kHolding, 10, ValueType::Float32, 60s);
  limit.clamp_max = 100;
  limit.decimals = 0;
  SUBCASE("read back") {
    limit.verify = true;
    TcpBench bench({device(0, 1, {limit})});
    bench.connect();
    CHECK(bench.write(0, 0, 120.5).read_back == TagValue(120.5));
  }
  SUBCASE("not read back") {
    TcpBench bench({device(0, 1, {limit})});
    bench.connect();
    CHECK(bench.write(0, 0, 120.5).read_back == std::nullopt);
  }
}

TagSettings pulse(std::uint16_t address) {
  TagSettings settings = tag(0, Table::Coil, address, ValueType::Bool, 60s);
  settings.pulse = 2000ms;
  return settings;
}

TEST_CASE("a pulse ends by itself") {
  TcpBench bench({device(0, 1, {pulse(4)})});
  auto& coil = bench.units[1].values[{Table::Coil, 4}];
  bench.connect();
  CHECK(bench.write(0, 0, true, 1000ms).outcome == Outcome::Written);
  CHECK(coil == 1);
  bench.run_for(800ms);
  CHECK(coil == 1);
  bench.run_for(300ms);
  CHECK(coil == 0);
  CHECK(writes_in(bench.units[1].asked).size() == 2);
  bench.run_for(60s);
  CHECK(writes_in(bench.units[1].asked).size() == 2);
}

TEST_CASE("a pulse ends when the connection is back, and as often as it takes") {
  TcpBench bench({device(0, 1, {pulse(4)})});
  auto& coil = bench.units[1].values[{Table::Coil, 4}];
  bench.connect();
  CHECK(bench.write(0, 0, true, 500ms).outcome == Outcome::Written);
  bench.stream().fail();
  bench.run_for(10s);
  CHECK(coil == 1);
  bench.units[1].missing = {{Table::Coil, 4}};
  bench.connect();
  bench.run_for(3s);
  CHECK(coil == 1);
  bench.units[1].missing.clear();
  bench.run_for(2s);
  CHECK(coil == 0);
}

TEST_CASE("a pulse that may have begun ends too") {
  TcpBench bench({device(0, 1, {pulse(4)})});
  auto& coil = bench.units[1].values[{Table::Coil, 4}];
  bench.connect();
  bench.run_for(100ms);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, true, 5000ms, result);
  bench.loop.run_posted();
  auto request = bench.take_requests();
  REQUIRE(request.size() == 1);
  (void)bench.answer_to(request[0]);  // it was done, but the answer is lost
  bench.loop.run_for(1000ms);
  bench.run_for(4s);
  CHECK(result.value().outcome == Outcome::Unknown);
  CHECK(coil == 0);
}

TEST_CASE("a pulse ends at once when hubward is about to stop, and nothing else is begun") {
  TcpBench bench({device(0, 1, {pulse(4), tag(1, kHolding, 10)})});
  auto& coil = bench.units[1].values[{Table::Coil, 4}];
  bench.connect();
  CHECK(bench.write(0, 0, true, 100ms).outcome == Outcome::Written);
  bool wound_down = false;
  bench.adapter->wind_down([&] { wound_down = true; });
  CHECK(coil == 1);
  CHECK_FALSE(wound_down);
  std::optional<WriteResult> late;
  bench.begin_write(0, 1, std::int64_t{7}, 5000ms, late);
  bench.run_for(100ms);
  CHECK(coil == 0);
  CHECK(wound_down);
  CHECK(late.value().outcome == Outcome::Expired);
  CHECK(late.value().code == ErrorCode::Stopped);
  const auto asked = bench.units[1].asked.size();
  bench.run_for(10s);
  CHECK(bench.units[1].asked.size() == asked);
}

TEST_CASE("a neighbour that has just gone silent does not keep a pulse on over a stop") {
  TcpBench bench({device(0, 1, {pulse(4)}), device(1, 2, {tag(0, kHolding, 10)})});
  auto& coil = bench.units[1].values[{Table::Coil, 4}];
  bench.connect();
  bench.run_for(3s);
  CHECK(bench.write(0, 0, true, 20ms).outcome == Outcome::Written);
  bench.silent = {2};
  bench.run_for(1050ms);  // its poll is under way, and has a second
  REQUIRE(bench.unanswered == 1);
  REQUIRE(coil == 1);
  bool wound_down = false;
  bench.adapter->wind_down([&] { wound_down = true; });
  bench.run_for(200ms);
  CHECK(coil == 0);
  CHECK(wound_down);
}

TEST_CASE("a stop waits for a write under way and for the pulse that it begins") {
  TcpBench bench({device(0, 1, {pulse(4)})});
  auto& coil = bench.units[1].values[{Table::Coil, 4}];
  bench.connect();
  bench.run_for(100ms);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, true, 5000ms, result);
  bench.loop.run_posted();
  auto request = bench.take_requests();
  REQUIRE(request.size() == 1);
  bool wound_down = false;
  bench.adapter->wind_down([&] { wound_down = true; });
  bench.loop.run_for(50ms);
  CHECK_FALSE(wound_down);
  bench.stream().send(bench.answer_to(request[0]));
  bench.loop.run_posted();
  CHECK(result.value().outcome == Outcome::Written);
  CHECK(coil == 1);
  CHECK_FALSE(wound_down);
  bench.run_for(50ms);
  CHECK(coil == 0);
  CHECK(wound_down);
}

TEST_CASE("an adapter with nothing to end is wound down at once, and one that was stopped too") {
  TcpBench bench({device(0, 1, {pulse(4)})});
  int wound_down = 0;
  bench.adapter->wind_down([&] { ++wound_down; });
  CHECK(wound_down == 0);  // never before it returns
  bench.loop.run_posted();
  CHECK(wound_down == 1);
  bench.adapter->stop();
  bench.adapter->wind_down([&] { ++wound_down; });
  bench.loop.run_posted();
  CHECK(wound_down == 2);
}

TEST_CASE("a write that waits for a silent unit is withdrawn when maintenance begins") {
  TcpBench bench({device(0, 1, {pulse(4), tag(1, kHolding, 10)})});
  bench.connect();
  REQUIRE(bench.write(0, 0, true, 1000ms).outcome == Outcome::Written);
  bench.silent = {1};
  bench.run_for(5s);
  REQUIRE(bench.last_state().link == FieldState::Link::Down);
  std::optional<WriteResult> result;
  bench.begin_write(0, 1, std::uint64_t{5}, 25s, result);
  bench.run_for(1s);
  CHECK_FALSE(result);
  bench.adapter->withdraw_writes();
  bench.loop.run_posted();
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Refused);
  CHECK(result->code == ErrorCode::WritesPaused);
  bench.silent.clear();
  bench.connect();
  bench.run_for(20s);
  CHECK(bench.units[1].values[{kHolding, 10}] == 0);
  CHECK(bench.units[1].values[{Table::Coil, 4}] == 0);  // the pulse has ended
}

TEST_CASE("a register that is read first is not written once maintenance has begun") {
  TcpBench bench({device(0, 1, {bit(0, 10, 3)})});
  auto& unit = bench.units[1];
  bench.connect();
  for (const bool knows_no_mask : {false, true}) {
    CAPTURE(knows_no_mask);  // then the read is under way, else the write by mask
    bench.run_for(1s);
    unit.asked.clear();
    std::optional<WriteResult> result;
    bench.begin_write(0, 0, true, 5s, result);
    bench.loop.run_posted();
    bench.adapter->withdraw_writes();
    bench.run_for(3s);
    REQUIRE(result);
    CHECK(result->code == ErrorCode::WritesPaused);
    CHECK(unit.values[{kHolding, 10}] == 0);
  }
}

}  // namespace
}  // namespace hubward::modbus::test
