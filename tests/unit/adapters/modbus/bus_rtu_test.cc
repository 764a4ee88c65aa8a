// BusAdapter over Modbus RTU: line timing, echo, late answers, writes.
#include <doctest/doctest.h>

#include "tests/support/hex.h"
#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus {
namespace {

using namespace test;
using Outcome = WriteResult::Outcome;
constexpr auto kHolding = Table::HoldingRegister;

const SerialSettings kLine{.path = "/dev/ttyUSB0", .baud = 9600};

WriteResult write(FaultyLine& line, std::uint16_t tag, TagValue value) {
  std::optional<WriteResult> result;
  line.adapter->write(
      {DeviceIndex{0}, TagIndex{tag}, std::move(value), line.clock.steady() + 5000ms},
      [&](WriteResult r) { result = std::move(r); });
  line.run_for(6s);
  return result.value();
}

TEST_CASE(
    "after opening, the line is listened to for a response time-out before anything is said") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.loop.run_for(999ms);
  CHECK(line.streams[0].written.empty());
  line.streams[0].send(encode_rtu(1, hubward::test::bytes("03 02 00 63")));  // somebody else's
  line.loop.run_for(1000ms - 1ns);
  CHECK(line.streams[0].written.empty());
  line.loop.run_for(1ms);
  CHECK(hubward::test::hex(line.streams[0].written) == "01 03 00 00 00 01 84 0A");
  CHECK(line.streams[0].discards == 1);
  CHECK(line.sink.deliveries.empty());
  CHECK(line.sink.bad.size() == 1);
}

TEST_CASE(
    "between frames there are 3.5 characters of silence, and input is thrown away before each") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 100)})}, kLine, {}, 1);
  line.loop.run_for(1s);
  (void)line.streams[0].take_written();
  line.streams[0].send(encode_rtu(1, hubward::test::bytes("03 02 00 63")));
  line.loop.run_for(3ms);
  CHECK(line.streams[0].written.empty());  // 3.65 ms at 9600 baud, 10 bits
  line.loop.run_for(1ms);
  CHECK(line.streams[0].written.size() == 8);
  CHECK(line.streams[0].discards == 2);
}

TEST_CASE("the late answer to one read is never taken for the next one of the same size") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 100)})}, kLine, {}, 1);
  auto& unit = line.units[1];
  unit.values = {{{kHolding, 0}, 111}, {{kHolding, 100}, 222}};
  line.run_for(1500ms);
  line.sink.deliveries.clear();
  line.silent = {1};
  line.loop.run_until(line.clock.steady() + 600ms);  // the poll of register 0 goes out ...
  const auto lost = line.streams[0].take_written();
  REQUIRE(lost.size() == 8);
  line.loop.run_for(1700ms);  // ... is given up, and the unit is asked something else
  const auto probe = parse_request(parse_rtu(line.streams[0].take_written()).value().pdu).value();
  CHECK_FALSE(answers_look_alike(probe, ReadRequest{kHolding, 0, 1}));
  line.streams[0].send(encode_rtu(1, hubward::test::bytes("03 02 00 6F")));  // now it comes
  for (const auto& delivery : line.sink.deliveries) {
    for (const auto& reading : delivery.batch.readings) CHECK(reading.quality == Quality::Bad);
  }
  line.silent.clear();
  line.run_for(20s);
  for (const auto& delivery : line.sink.deliveries) {
    for (const auto& reading : delivery.batch.readings) {
      if (reading.quality == Quality::Bad) continue;
      CHECK(reading.value == TagValue{std::uint64_t{reading.tag.value == 0 ? 111U : 222U}});
    }
  }
  CHECK(line.sink.deliveries.size() > 10);
}

TEST_CASE("writes on a serial line are confirmed, also where the line repeats our own bytes") {
  for (const bool echo : {false, true}) {
    CAPTURE(echo);
    FaultyLine line({device(0, 1, {tag(0, kHolding, 5), tag(1, Table::Coil, 3, ValueType::Bool)})},
                    kLine, {.echo = echo}, 1);
    line.run_for(1500ms);
    CHECK(write(line, 0, std::uint64_t{77}).outcome == Outcome::Written);
    CHECK(line.units[1].values[{kHolding, 5}] == 77);
    CHECK(write(line, 1, true).outcome == Outcome::Written);
  }
}

TEST_CASE("commands on an idle line do not wait for the next poll or an old time-out") {
  TagSettings verified = tag(1, kHolding, 100, ValueType::Uint16, 60s);
  verified.verify = true;
  TagSettings bit = tag(2, kHolding, 200, ValueType::Bool, 60s);
  bit.first_bit = 3;
  bit.bit_count = 1;
  DeviceSettings slow = device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 60s), verified, bit});
  slow.response_timeout = 10s;
  std::vector<WriteResult> results;
  FaultyLine line({slow}, kLine, {}, 1);
  line.run_for(20s);
  using Tags = std::vector<std::uint16_t>;
  for (const std::uint16_t tag : Tags{0, 1, 2, 0}) {  // the third needs three requests
    line.adapter->write(
        {DeviceIndex{0}, TagIndex{tag}, tag == 2 ? TagValue(true) : TagValue(std::uint64_t{7}),
         line.clock.steady() + 5000ms},
        [&](WriteResult r) { results.push_back(std::move(r)); });
  }
  line.run_for(500ms);
  REQUIRE(results.size() == 4);
  for (const WriteResult& result : results) CHECK(result.outcome == Outcome::Written);
}

TEST_CASE("after a missing answer a unit is asked nothing that must not be read") {
  DeviceSettings guarded = device(0, 1, {tag(0, kHolding, 10)});
  guarded.limits.holes = {{Table::InputRegister, 0, 20}, {kHolding, 11, 11}};
  SUBCASE("next to the tag and in the other table") {}
  SUBCASE("more than it takes in one request") {
    guarded.limits.holes.pop_back();
    guarded.limits.registers_max = 1;
  }
  FaultyLine line({guarded}, kLine, {}, 1);
  line.run_for(3s);
  line.silent = {1};
  line.run_for(5s);
  line.silent.clear();
  line.run_for(60s);
  for (const Request& request : line.units[1].asked) {
    CHECK(request == Request{ReadRequest{kHolding, 10, 1}});
  }
  CHECK(line.units[1].asked.size() > 10);  // and is back, when nothing is owed any more
}

TEST_CASE("a late answer in the silence after opening makes no cycles that nobody missed") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.run_for(1500ms);
  line.silent = {1};
  line.run_for(3s);
  line.streams[0].fail();
  line.run_for(500ms);
  line.streams[0].accept();
  line.run_for(200ms);
  line.streams[0].send(encode_rtu(1, hubward::test::bytes("03 02 00 6F")));
  line.silent.clear();
  line.run_for(40s);
  CHECK(line.adapter->line_use().parts.at(0).missed_cycles <= 40);
  CHECK(line.sink.deliveries.back().batch.readings.at(0).quality == Quality::Good);
}

TEST_CASE("an echo is never taken for a device's confirmation") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 5, ValueType::Uint16, 60s)})}, kLine,
                  {.echo = true}, 1);
  line.silent = {1};  // there is no device, only the echo of what we say
  const auto result = write(line, 0, std::uint64_t{77});
  CHECK(result.outcome != Outcome::Written);
}

TEST_CASE("RTU frames go through a converter's TCP port, one connection for all its units") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  hubward::test::RecordingSink sink;
  BusAdapter adapter({RtuOverTcp{{"10.0.0.9", 4001}, 9600},
                      {device(0, 1, {tag(0, kHolding, 0)}), device(1, 2, {tag(0, kHolding, 0)})}},
                     streams, loop);
  REQUIRE(adapter.start(sink));
  REQUIRE(streams.size() == 1);
  CHECK(std::get<TcpEndpoint>(streams[0].where) == TcpEndpoint{"10.0.0.9", 4001});
  streams[0].accept();
  loop.run_for(1s);  // what it still has from before passes
  for (const std::uint8_t unit : {std::uint8_t{1}, std::uint8_t{2}}) {
    const auto asked = parse_rtu(streams[0].take_written());
    REQUIRE(asked);
    CHECK(asked->unit == unit);
    streams[0].send(encode_rtu(unit, hubward::test::bytes("03 02 00 63")));
  }
  REQUIRE(sink.deliveries.size() == 2);
  CHECK(sink.deliveries[1].batch.readings[0].value == TagValue{std::uint64_t{99}});
  CHECK(sink.states.back().state.detail == "unit 2 at 10.0.0.9:4001 answers");
  // A converter that lost power looks alive: three misses in a row, and it is called again.
  loop.run_for(10s);
  CHECK(streams[0].opens == 2);
}

TEST_CASE("a line that is never quiet is named, and tried again") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  for (int i = 0; i < 500 && line.streams[0].state == hubward::test::StreamScript::State::Open;
       ++i) {
    line.loop.run_for(10ms);
    line.streams[0].send("U");
  }
  REQUIRE(line.sink.states.size() == 1);
  CHECK(line.sink.states[0].state.code == ErrorCode::BadFrame);
  CHECK(line.sink.states[0].state.detail.find("never quiet") != std::string::npos);
  CHECK(line.sink.bad.size() == 1);
  line.loop.run_for(1s);
  CHECK(line.streams[0].opens == 2);
}

}  // namespace
}  // namespace hubward::modbus
