// Writes by function 23: written and read back in one exchange. MODBUS Application Protocol V1.1b3,
// section 6.17.
#include <doctest/doctest.h>

#include "tests/support/hex.h"
#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus::test {
namespace {

constexpr auto kHolding = Table::HoldingRegister;
using Outcome = WriteResult::Outcome;

TagSettings verified(std::uint16_t index, std::uint16_t address,
                     ValueType type = ValueType::Uint16) {
  TagSettings settings = tag(index, kHolding, address, type, 60s);
  settings.verify = true;
  return settings;
}

DeviceSettings with_23(std::vector<TagSettings> tags) {
  DeviceSettings settings = device(0, 1, std::move(tags));
  settings.has_function_23 = true;
  return settings;
}

std::vector<FunctionCode> functions_in(std::vector<Request>& asked) {
  std::vector<FunctionCode> functions;
  for (const Request& request : std::exchange(asked, {})) functions.push_back(function_of(request));
  return functions;
}

TEST_CASE("where the device has function 23, a verified write is one exchange") {
  TcpBench bench({with_23({verified(0, 14, ValueType::Uint48)})});
  bench.units[1].reads_as_it_writes = true;
  bench.connect();
  bench.run_for(1s);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, std::uint64_t{0x00FF00FF00FF}, 5s, result);
  bench.loop.run_posted();
  const auto requests = bench.take_requests();
  REQUIRE(requests.size() == 1);
  // As in the section's example, three registers of FF from 15 (14 on the wire) on; what is read
  // are the same three.
  CHECK(hubward::test::hex(requests[0].pdu) == "17 00 0E 00 03 00 0E 00 03 06 00 FF 00 FF 00 FF");
  bench.stream().send(
      encode_tcp(requests[0].transaction, 1, hubward::test::bytes("17 06 00 FF 00 FF 00 FF")));
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Written);
  CHECK(result->verified);
  CHECK(result->detail == "read back");
  CHECK(result->read_back == TagValue(std::uint64_t{0x00FF00FF00FF}));
  CHECK(bench.readings(0, 0).back().value == TagValue(std::uint64_t{0x00FF00FF00FF}));
  CHECK(bench.take_requests().empty());
}

TEST_CASE("a device that keeps something else, or refuses, is found out by function 23 too") {
  TcpBench bench({with_23({verified(0, 10)})});
  auto& unit = bench.units[1];
  unit.reads_as_it_writes = true;
  unit.stores_at_most = 100;
  bench.connect();
  bench.run_for(1s);
  const auto cut = bench.write(0, 0, std::uint64_t{500});
  CHECK(cut.outcome == Outcome::Unknown);
  CHECK(cut.detail == "the device confirmed it, and holds something else");
  CHECK(cut.read_back == TagValue(std::uint64_t{100}));
  unit.refuses_writes_that_read = ExceptionCode::IllegalDataValue;
  const auto refused = bench.write(0, 0, std::uint64_t{5});
  CHECK(refused.outcome == Outcome::Refused);
  CHECK(refused.code == ErrorCode::WriteRefused);
  CHECK(refused.detail == "exception 3, illegal data value");
  CHECK(refused.read_back == TagValue(std::uint64_t{100}));
}

TEST_CASE(
    "an answer to function 23 that held something else is not taken for success if nothing more "
    "comes") {
  struct Row {
    const char* what;
    std::function<void(TcpBench&)> then;
  };
  const Row rows[] = {
      {"the second read is refused",
       [](TcpBench& bench) {
         bench.units[1].missing = {{kHolding, 10}};
       }},
      {"nobody answers it", [](TcpBench& bench) { bench.silent.insert(1); }},
      {"the connection goes", [](TcpBench& bench) { bench.stream().fail(); }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    TcpBench bench({with_23({verified(0, 10)})});
    bench.connect();
    bench.run_for(1s);
    std::optional<WriteResult> result;
    bench.begin_write(0, 0, std::uint64_t{500}, 5s, result);
    bench.loop.run_posted();
    const auto requests = bench.take_requests();
    REQUIRE(requests.size() == 1);
    bench.stream().send(
        encode_tcp(requests[0].transaction, 1, hubward::test::bytes("17 02 00 64")));
    row.then(bench);
    bench.run_for(10s);
    REQUIRE(result);
    CHECK(result->outcome == Outcome::Unknown);
    CHECK(result->read_back == TagValue(std::uint64_t{100}));
  }
}

TEST_CASE("what a device refuses by function 23 may be its reading: it is read by itself first") {
  for (const auto code : {ExceptionCode::IllegalDataAddress, ExceptionCode::IllegalDataValue}) {
    CAPTURE(static_cast<int>(code));
    TcpBench bench({with_23({verified(0, 10)})});
    auto& unit = bench.units[1];
    unit.reads_as_it_writes = true;
    unit.refuses_to_read_as_it_writes = code;
    bench.connect();
    bench.run_for(1s);
    unit.asked.clear();
    const auto written = bench.write(0, 0, std::uint64_t{7});
    CHECK(written.outcome == Outcome::Written);
    CHECK(written.read_back == TagValue(std::uint64_t{7}));
    CHECK(functions_in(unit.asked) == std::vector{FunctionCode::ReadWriteMultipleRegisters,
                                                  FunctionCode::ReadHoldingRegisters});
    // Nobody can see whether it was written where it cannot be read at all.
    unit.missing = {{kHolding, 10}};
    const auto unseen = bench.write(0, 0, std::uint64_t{5});
    CHECK(unseen.outcome == Outcome::Unknown);
    CHECK(unseen.detail == "exception 2, illegal data address");
  }
}

TEST_CASE("a pulse whose reading half was refused still ends") {
  TagSettings settings = verified(0, 10, ValueType::Bool);
  settings.pulse = 30s;
  TcpBench bench({with_23({settings})});
  auto& unit = bench.units[1];
  unit.reads_as_it_writes = true;
  unit.refuses_to_read_as_it_writes = ExceptionCode::IllegalDataAddress;
  bench.connect();
  bench.run_for(1s);
  unit.asked.clear();
  CHECK(bench.write(0, 0, true).outcome == Outcome::Written);
  REQUIRE_FALSE(unit.asked.empty());
  CHECK(function_of(unit.asked[0]) == FunctionCode::ReadWriteMultipleRegisters);
  CHECK(unit.values[{kHolding, 10}] == 1);
  bench.run_for(32s);
  CHECK(unit.values[{kHolding, 10}] == 0);
}

TEST_CASE("a device that reads before it writes is asked once more, and not called a liar") {
  TcpBench bench({with_23({verified(0, 10)})});
  auto& unit = bench.units[1];
  unit.reads_as_it_writes = unit.reads_before_it_writes = true;
  bench.connect();
  bench.run_for(1s);
  unit.asked.clear();
  const auto result = bench.write(0, 0, std::uint64_t{7});
  CHECK(result.outcome == Outcome::Written);
  CHECK(result.verified);
  CHECK(functions_in(unit.asked) ==
        std::vector{FunctionCode::ReadWriteMultipleRegisters, FunctionCode::ReadHoldingRegisters});
}

TEST_CASE(
    "a device that has no function 23 after all is written and read apart; this is asked once") {
  TcpBench bench({with_23({verified(0, 10), verified(1, 20, ValueType::Float32)})});
  auto& unit = bench.units[1];
  bench.connect();
  bench.run_for(1s);
  unit.asked.clear();
  CHECK(bench.write(0, 0, std::uint64_t{7}).verified);
  CHECK(bench.write(0, 1, 1.5).verified);
  CHECK(functions_in(unit.asked) ==
        std::vector{FunctionCode::ReadWriteMultipleRegisters, FunctionCode::WriteSingleRegister,
                    FunctionCode::ReadHoldingRegisters, FunctionCode::WriteMultipleRegisters,
                    FunctionCode::ReadHoldingRegisters});
}

TEST_CASE("only whole holding registers that are to be verified are written by function 23") {
  TagSettings plain = tag(0, kHolding, 10, ValueType::Uint16, 60s);
  TagSettings bit = verified(1, 11, ValueType::Bool);
  bit.first_bit = 2;
  bit.bit_count = 1;
  TagSettings coil = tag(2, Table::Coil, 3, ValueType::Bool, 60s);
  coil.verify = true;
  TcpBench bench({with_23({plain, bit, coil})});
  auto& unit = bench.units[1];
  unit.reads_as_it_writes = unit.masks = true;
  bench.connect();
  bench.run_for(1s);
  unit.asked.clear();
  CHECK(bench.write(0, 0, std::uint64_t{7}).outcome == Outcome::Written);
  CHECK(bench.write(0, 1, true).verified);
  CHECK(bench.write(0, 2, true).verified);
  CHECK(functions_in(unit.asked) ==
        std::vector{FunctionCode::WriteSingleRegister, FunctionCode::MaskWriteRegister,
                    FunctionCode::ReadHoldingRegisters, FunctionCode::WriteSingleCoil,
                    FunctionCode::ReadCoils});
}

TEST_CASE(
    "a write by function 23 without an answer is not repeated: it is unknown, and read back") {
  TcpBench bench({with_23({verified(0, 10)})});
  auto& unit = bench.units[1];
  unit.reads_as_it_writes = true;
  bench.connect();
  bench.run_for(1s);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, std::uint64_t{7}, 5s, result);
  bench.loop.run_posted();
  auto request = bench.take_requests();
  REQUIRE(request.size() == 1);
  (void)bench.answer_to(request[0]);  // it was done, but the answer is lost
  unit.asked.clear();
  bench.run_for(3s);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Unknown);
  CHECK(result->read_back == TagValue(std::uint64_t{7}));
  CHECK_FALSE(unit.asked.empty());
  for (const Request& asked : unit.asked) CHECK(is_read(asked));
}

TEST_CASE(
    "on a serial line two such writes of the same value right after each other are both sure") {
  const SerialSettings port{.path = "/dev/ttyUSB0", .baud = 115200};
  for (const bool echo : {false, true}) {
    CAPTURE(echo);
    FaultyLine line({with_23({verified(0, 10), verified(1, 20)})}, port,
                    {.echo = echo, .pieces = false}, 1);
    line.units[1].reads_as_it_writes = true;
    line.run_for(2s);
    std::vector<WriteResult> results;
    for (const std::uint16_t index : std::initializer_list<std::uint16_t>{0, 1}) {
      line.adapter->write(
          {DeviceIndex{0}, TagIndex{index}, std::uint64_t{7}, line.clock.steady() + 5000ms},
          [&](WriteResult result) { results.push_back(std::move(result)); });
    }
    line.run_for(3s);
    REQUIRE(results.size() == 2);
    for (const WriteResult& result : results) {
      CAPTURE(result.detail);
      CHECK(result.outcome == Outcome::Written);
      CHECK(result.verified);
    }
    CHECK(line.units[1].values[{kHolding, 10}] == 7);
    CHECK(line.units[1].values[{kHolding, 20}] == 7);
  }
}

}  // namespace
}  // namespace hubward::modbus::test
