// BusAdapter over Modbus TCP, end to end without a socket.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/hex.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus {
namespace {

using namespace test;
using Link = FieldState::Link;
using Outcome = WriteResult::Outcome;
constexpr auto kHolding = Table::HoldingRegister;

TEST_CASE("tags of a device are read in one request and handed up as one batch") {
  auto tags = std::vector{tag(0, kHolding, 10), tag(1, kHolding, 11, ValueType::Float32)};
  tags[0].scale = 0.1;
  TcpBench bench({device(3, 1, tags)});
  bench.units[1].values = {
      {{kHolding, 10}, 215}, {{kHolding, 11}, 0x41AA}, {{kHolding, 12}, 0x6666}};
  bench.connect();
  bench.run_for(100ms);

  REQUIRE(bench.sink.deliveries.size() == 1);
  const auto& batch = bench.sink.deliveries[0].batch;
  CHECK(batch.device == DeviceIndex{3});
  CHECK(batch.at == hubward::test::ManualClock::kStart + 5ms);
  REQUIRE(batch.readings.size() == 2);
  CHECK(batch.readings[0].value == TagValue{21.5});
  CHECK(batch.readings[1].value == TagValue{21.3});
  CHECK(bench.units[1].take_reads() == std::vector{ReadRequest{kHolding, 10, 3}});
  REQUIRE(bench.sink.states.size() == 1);
  CHECK(bench.last_state().link == Link::Up);
  CHECK(bench.last_state().detail == "unit 1 at 10.0.0.5:502 answers");
}

TEST_CASE("the next request is on its way before the values of the last answer are handed up") {
  struct Watching final : ReadingSink {
    void deliver(ReadingBatch, Stored) override {
      asked_before.push_back(!stream->written.empty());
    }
    void field_state(DeviceIndex, FieldState) override {}
    void bad_input(BadInput) override {}
    hubward::test::StreamScript* stream = nullptr;
    std::vector<bool> asked_before;
  };
  const std::vector devices{
      device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 500), tag(2, kHolding, 1000)})};
  TcpBench bench(devices);  // its loop and units
  hubward::test::ScriptedStreams streams;
  BusAdapter adapter({TcpEndpoint{"10.0.0.5", 502}, devices}, streams, bench.loop);
  Watching sink;
  REQUIRE(adapter.start(sink));
  sink.stream = &streams[0];
  streams[0].accept();
  for (int answer = 0; answer < 3; ++answer) {
    bench.reader.push(streams[0].take_written());
    const auto request = bench.reader.next();
    REQUIRE(request);
    REQUIRE(*request);
    streams[0].send(bench.answer_to(**request));
  }
  // With the first one there is news of the device, and after the last one nothing is due.
  CHECK(sink.asked_before == std::vector{false, true, false});
}

TEST_CASE("a value and the end of the connection in one piece are told in their order") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  auto bytes = bench.answer_to(bench.take_requests().at(0));
  const auto garbage = hubward::test::bytes("FFFFFFFFFFFFFFFF");
  bytes.insert(bytes.end(), garbage.begin(), garbage.end());
  bench.stream().send(bytes);
  REQUIRE(bench.sink.deliveries.size() == 2);
  CHECK(bench.sink.deliveries[0].batch.readings.at(0).quality == Quality::Good);
  CHECK(bench.sink.deliveries[1].batch.readings.at(0).quality == Quality::Bad);
  // Known to be bad by now: not told again while it stays so.
  bench.run_for(1s);
  bench.stream().fail(ErrorCode::BadFrame);
  bench.run_for(100ms);
  CHECK(bench.sink.deliveries.size() == 2);
}

TEST_CASE("each tag has its own interval, and those due together share a request") {
  TcpBench bench({device(0, 1,
                         {tag(0, kHolding, 0, ValueType::Uint16, 1000ms),
                          tag(1, kHolding, 1, ValueType::Uint16, 5000ms)})});
  bench.connect();
  bench.run_for(9900ms);
  CHECK(bench.readings(0, 0).size() == 10);
  CHECK(bench.readings(0, 1).size() == 2);
  CHECK(bench.units[1].take_reads().size() == 10);
}

TEST_CASE("polls keep their place in time and do not pile up behind a slow answer") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 100ms)})});
  const SteadyTime start = bench.clock.steady();
  bench.connect();
  bench.run_for(50ms);
  bench.sink.deliveries.clear();
  bench.loop.run_until(start + 100ms);
  auto request = bench.take_requests();
  REQUIRE(request.size() == 1);
  bench.loop.run_until(start + 730ms);  // six cycles missed
  bench.stream().send(bench.answer_to(request[0]));
  request = bench.take_requests();
  REQUIRE(request.size() == 1);  // one of them is made up for, at once
  bench.stream().send(bench.answer_to(request[0]));
  CHECK(bench.take_requests().empty());
  bench.loop.run_until(start + 799ms);
  CHECK(bench.take_requests().empty());
  bench.loop.run_until(start + 800ms);
  CHECK(bench.take_requests().size() == 1);
}

TEST_CASE("a late, repeated or misaddressed answer never becomes a value") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  const auto first = bench.take_requests().at(0);
  bench.units[1].values[{kHolding, 0}] = 1;
  const auto late = bench.answer_to(first);
  bench.units[1].values[{kHolding, 0}] = 2;
  bench.loop.run_for(1600ms);  // timed out, asked again
  const auto second = bench.take_requests().at(0);
  CHECK(second.transaction != first.transaction);
  bench.stream().send(late);
  CHECK(bench.readings(0, 0).back().quality == Quality::Bad);
  auto other_unit = bench.answer_to(second);
  const auto good = other_unit;
  other_unit[6] = std::byte{2};
  bench.stream().send(other_unit);
  bench.stream().send(good);  // the exchange is over: too late
  CHECK(bench.readings(0, 0).back().quality == Quality::Bad);
  CHECK(bench.sink.bad.size() == 3);
  bench.run_for(3s);
  CHECK(bench.readings(0, 0).back().value == TagValue{std::uint64_t{2}});
}

TEST_CASE("a silent unit is asked less and less, says so, and is back when it answers") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)}), device(1, 2, {tag(0, kHolding, 0)})});
  bench.silent = {2};
  bench.connect();
  bench.run_for(60s);
  CHECK(bench.unanswered >= 5);
  CHECK(bench.unanswered <= 12);
  CHECK(bench.readings(0, 0).size() >= 59);  // the other one loses the first time-out at most
  CHECK(bench.readings(1, 0).size() == 1);   // told once
  CHECK(bench.readings(1, 0)[0].code == ErrorCode::NoAnswer);
  CHECK(bench.last_state().link == Link::Down);
  CHECK(bench.last_state().code == ErrorCode::NoAnswer);
  CHECK(bench.last_state().detail.find("unit 2 at 10.0.0.5:502: no answer") == 0);
  CHECK(bench.last_state().detail.find("times in a row, next try in 8 s") != std::string::npos);
  bench.silent.clear();
  bench.run_for(11s);
  CHECK(bench.readings(1, 0).back().quality == Quality::Good);
  CHECK(bench.last_state().link == Link::Up);
}

TEST_CASE("a block with a hole is split, the hole is remembered and the rest merges again") {
  std::vector<TagSettings> tags;
  for (std::uint16_t i = 0; i < 16; ++i) tags.push_back(tag(i, kHolding, i));
  TcpBench bench({device(0, 1, tags)});
  bench.units[1].missing = {{kHolding, 5}};
  bench.connect();
  bench.run_for(500ms);
  for (std::uint16_t i = 0; i < 16; ++i) {
    CAPTURE(i);
    REQUIRE(bench.readings(0, i).size() == 1);
    CHECK(bench.readings(0, i)[0].quality == (i == 5 ? Quality::Bad : Quality::Good));
  }
  CHECK(bench.readings(0, 5)[0].code == ErrorCode::IllegalDataAddress);
  CHECK(bench.last_state().link == Link::Up);
  CHECK(bench.last_state().detail ==
        "unit 1 at 10.0.0.5:502: holding register 5 (counted from 0): exception 2, illegal data "
        "address");
  (void)bench.units[1].take_reads();
  bench.run_for(1s);
  CHECK(bench.units[1].take_reads() ==
        std::vector{ReadRequest{kHolding, 0, 5}, ReadRequest{kHolding, 6, 10}});
  bench.units[1].missing.clear();  // somebody changed the device
  bench.run_for(61s);
  CHECK(bench.readings(0, 5).back().quality == Quality::Good);
  (void)bench.units[1].take_reads();
  bench.run_for(1s);
  CHECK(bench.units[1].take_reads() == std::vector{ReadRequest{kHolding, 0, 16}});
}

TEST_CASE("after an outage a tag that the device does not have says so again at once") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 500)}),
                  device(1, 2, {tag(0, kHolding, 0)})});
  bench.units[1].missing = {{kHolding, 500}};
  bench.connect();
  bench.run_for(5s);
  REQUIRE(bench.readings(0, 1).back().code == ErrorCode::IllegalDataAddress);
  SUBCASE("of the device") {
    bench.silent = {1};
    bench.run_for(10s);
    REQUIRE(bench.readings(0, 1).back().code == ErrorCode::NoAnswer);
    bench.silent.clear();
  }
  SUBCASE("of the connection") {
    bench.stream().fail();
    bench.run_for(1s);
    REQUIRE(bench.readings(0, 1).back().code == ErrorCode::PortLost);
    bench.connect();
  }
  bench.run_for(11s);
  CHECK(bench.readings(0, 0).back().quality == Quality::Good);
  CHECK(bench.readings(0, 1).back().code == ErrorCode::IllegalDataAddress);
}

TEST_CASE("a gap that may not be read is found and left out, without a bad value") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 1), tag(2, kHolding, 8)})});
  bench.units[1].missing = {{kHolding, 4}};
  bench.connect();
  bench.run_for(2500ms);
  for (std::uint16_t i = 0; i < 3; ++i) {
    for (const auto& reading : bench.readings(0, i)) CHECK(reading.quality == Quality::Good);
    CHECK(bench.readings(0, i).size() == 3);
  }
  CHECK(bench.units[1].take_reads().size() == 1 + 2 * 3);
}

TEST_CASE("an exception makes tags bad, not the device dead, and each change is told once") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 1)})});
  bench.units[1].refuses_all = ExceptionCode::ServerDeviceBusy;
  bench.connect();
  bench.run_for(5s);
  REQUIRE(bench.readings(0, 0).size() == 1);
  CHECK(bench.readings(0, 0)[0].code == ErrorCode::DeviceBusy);
  CHECK(bench.last_state().link == Link::Up);
  CHECK(bench.units[1].take_reads().size() == 5);
  bench.units[1].refuses_all.reset();
  bench.run_for(1s);
  CHECK(bench.readings(0, 0).back().quality == Quality::Good);
}

TEST_CASE("a gateway that speaks for a silent unit counts as its silence") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.units[1].refuses_all = ExceptionCode::GatewayTargetFailedToRespond;
  bench.connect();
  bench.run_for(30s);
  CHECK(bench.units[1].take_reads().size() <= 8);
  CHECK(bench.last_state().link == Link::Down);
  CHECK(bench.last_state().detail.find("gateway target device failed") != std::string::npos);
  CHECK(bench.streams[0].opens == 1);
}

TEST_CASE("writes carry the converted value and report what the device says") {
  auto tags = std::vector{tag(0, kHolding, 10), tag(1, Table::Coil, 3, ValueType::Bool),
                          tag(2, kHolding, 20, ValueType::Float32), tag(3, Table::InputRegister, 0),
                          tag(4, kHolding, 99)};
  tags[0].scale = 0.1;
  TcpBench bench({device(0, 1, tags)});
  auto& unit = bench.units[1];
  unit.missing = {{kHolding, 99}};
  bench.connect();
  bench.run_for(500ms);

  CHECK(bench.write(0, 0, 21.5).outcome == Outcome::Written);
  CHECK(unit.values[{kHolding, 10}] == 215);
  CHECK(bench.write(0, 1, true).outcome == Outcome::Written);
  CHECK(unit.values[{Table::Coil, 3}] == 1);
  CHECK(bench.write(0, 2, 1.5).outcome == Outcome::Written);
  CHECK(unit.values[{kHolding, 20}] == 0x3FC0);

  struct Row {
    const char* why;
    std::uint32_t device;
    std::uint16_t tag;
    TagValue value;
    ErrorCode code;
  };
  const Row rows[] = {
      {"over the register's range", 0, 0, 6553.6, ErrorCode::OutOfRange},
      {"text", 0, 0, std::string("on"), ErrorCode::BadValue},
      {"input registers are read only", 0, 3, std::uint64_t{1}, ErrorCode::NotWritable},
      {"no such tag", 0, 77, 1.0, ErrorCode::NotWritable},
      {"no such device", 9, 0, 1.0, ErrorCode::NotWritable},
      {"the device refuses", 0, 4, std::uint64_t{1}, ErrorCode::WriteRefused},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto result = bench.write(row.device, row.tag, row.value);
    CHECK(result.outcome == Outcome::Refused);
    CHECK(result.code == row.code);
    CHECK_FALSE(result.detail.empty());
  }
}

TEST_CASE("a value between two steps of the register is answered with what the register holds") {
  TagSettings whole = tag(0, Table::HoldingRegister, 10);
  TagSettings tenths = tag(1, Table::HoldingRegister, 11);
  tenths.scale = 0.1;
  TcpBench bench({device(0, 1, {whole, tenths})});
  bench.connect();
  bench.run_for(100ms);
  const auto rounded = bench.write(0, 0, 1.5);
  CHECK(rounded.outcome == WriteResult::Outcome::Written);
  CHECK(rounded.read_back == TagValue(std::uint64_t{2}));
  const auto scaled = bench.write(0, 1, 20.26);
  CHECK(scaled.outcome == WriteResult::Outcome::Written);
  REQUIRE(scaled.read_back);
  CHECK(std::get<double>(*scaled.read_back) == doctest::Approx(20.3));
  // Exactly what was asked for needs no second word.
  CHECK_FALSE(bench.write(0, 0, std::uint64_t{7}).read_back);
  CHECK_FALSE(bench.write(0, 1, 20.3).read_back);
}

TEST_CASE("a write goes before the reads that are due") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0), tag(1, kHolding, 500)})});
  bench.connect();
  auto request = bench.take_requests();  // first of two blocks
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, std::uint64_t{7}, 1000ms, result);
  bench.loop.run_posted();
  bench.stream().send(bench.answer_to(request.at(0)));
  request = bench.take_requests();
  CHECK(std::holds_alternative<WriteRegister>(*parse_request(request.at(0).pdu)));
  bench.stream().send(bench.answer_to(request.at(0)));
  CHECK(result.value().outcome == Outcome::Written);
}

TEST_CASE("a write without an answer is not repeated: it is unknown, and read back") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 60s)})});
  bench.connect();
  bench.run_for(1s);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, std::uint64_t{7}, 5000ms, result);
  bench.loop.run_posted();
  auto request = bench.take_requests();
  REQUIRE(request.size() == 1);
  (void)bench.answer_to(request[0]);  // it was done, but the answer is lost
  bench.loop.run_for(1000ms);
  request = bench.take_requests();
  REQUIRE(request.size() == 1);
  CHECK(is_read(*parse_request(request[0].pdu)));
  bench.stream().send(bench.answer_to(request[0]));
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Unknown);
  CHECK(result->code == ErrorCode::WriteOutcomeUnknown);
  CHECK(result->read_back == TagValue{std::uint64_t{7}});
}

TEST_CASE("a write whose read-back is not answered either is unknown without a value") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 60s)})});
  bench.connect();
  bench.run_for(1s);
  bench.silent = {1};
  const auto result = bench.write(0, 0, std::uint64_t{7});
  CHECK(result.outcome == Outcome::Unknown);
  CHECK_FALSE(result.read_back);
}

TEST_CASE("a command past its time-out is never put on the wire") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)}), device(1, 2, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(100ms);
  bench.silent = {1};
  bench.run_for(3600ms);
  const int before = bench.unanswered;
  SUBCASE("the unit does not answer") {
    const auto result = bench.write(0, 0, std::uint64_t{7}, 1500ms);
    CHECK(result.outcome == Outcome::Expired);
    CHECK(result.code == ErrorCode::CommandExpired);
    CHECK(result.detail == "unit 1 at 10.0.0.5:502 does not answer; not written");
    CHECK(bench.unanswered - before <= 1);
  }
  SUBCASE("the connection is down") {
    bench.stream().fail();
    const auto result = bench.write(0, 0, std::uint64_t{7}, 1500ms);
    CHECK(result.outcome == Outcome::Expired);
    CHECK(result.detail == "unit 1 at 10.0.0.5:502 is not connected; not written");
  }
  SUBCASE("the connection is down, and it is known why") {
    bench.stream().fail(ErrorCode::Unreachable, "Connection refused");
    const auto result = bench.write(0, 0, std::uint64_t{7}, 1500ms);
    CHECK(result.outcome == Outcome::Expired);
    CHECK(result.detail ==
          "unit 1 at 10.0.0.5:502 is not connected (Connection refused); not written");
  }
  SUBCASE("it came too late") {
    CHECK(bench.write(0, 0, std::uint64_t{7}, -1ms).outcome == Outcome::Expired);
  }
  bench.silent.clear();
  bench.run_for(20s);
  for (const auto& request : bench.units[1].asked) CHECK(is_read(request));
}

TEST_CASE(
    "a lost connection is told, opened again with growing delay, and a write in flight is "
    "unknown") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(100ms);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, std::uint64_t{7}, 5000ms, result);
  bench.loop.run_posted();
  CHECK(bench.take_requests().size() == 1);
  bench.stream().fail(ErrorCode::PortLost, "closed by the device");
  CHECK(result.value().outcome == Outcome::Unknown);
  CHECK(bench.last_state().link == Link::Down);
  CHECK(bench.last_state().code == ErrorCode::PortLost);
  CHECK(bench.last_state().detail == "10.0.0.5:502: closed by the device, next try in 0.5 s");
  CHECK(bench.readings(0, 0).back().code == ErrorCode::PortLost);
  std::vector<int> opens;
  for (int i = 0; i < 20; ++i) {
    bench.loop.run_for(500ms);
    if (bench.stream().state == hubward::test::StreamScript::State::Opening) {
      opens.push_back(i);
      bench.stream().fail(ErrorCode::PortUnavailable, "connection refused");
    }
  }
  CHECK(opens == std::vector{0, 2, 6, 14});
  bench.run_for(5s);
  bench.connect();
  bench.run_for(100ms);
  CHECK(bench.readings(0, 0).back().quality == Quality::Good);
  CHECK(bench.last_state().link == Link::Up);
}

std::vector<TagSettings> far_apart(std::uint16_t count, std::chrono::milliseconds interval) {
  std::vector<TagSettings> tags;
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto address = static_cast<std::uint16_t>(i * 200);
    tags.push_back(tag(i, kHolding, address, ValueType::Uint16, interval));
  }
  return tags;
}

TEST_CASE("a device that takes several requests at a time is asked so, and answers in any order") {
  auto pipelined = device(0, 1, far_apart(10, 1000ms));
  pipelined.limits.in_flight_max = 4;
  TcpBench bench({pipelined});
  for (std::uint16_t i = 0; i < 10; ++i) {
    const auto address = static_cast<std::uint16_t>(i * 200);
    bench.units[1].values[{kHolding, address}] = static_cast<std::uint16_t>(100 + i);
  }
  bench.connect();
  auto requests = bench.take_requests();
  CHECK(requests.size() == 1);  // first of all, whether it is there
  bench.stream().send(bench.answer_to(requests[0]));
  std::size_t answered = 1;
  while (answered < 10) {
    requests = bench.take_requests();
    REQUIRE(!requests.empty());
    CHECK(requests.size() <= 4);
    std::ranges::reverse(requests);
    std::vector<std::byte> together;
    for (const auto& request : requests) {
      const auto answer = bench.answer_to(request);
      together.insert(together.end(), answer.begin(), answer.end());
    }
    answered += requests.size();
    bench.stream().send(together);
  }
  for (std::uint16_t i = 0; i < 10; ++i) {
    REQUIRE(bench.readings(0, i).size() == 1);
    CHECK(bench.readings(0, i)[0].value == TagValue{std::uint64_t{100U + i}});
  }
  CHECK(bench.take_requests().empty());
}

TEST_CASE(
    "of several requests under way none is given up for those before it, and a lost batch counts "
    "once") {
  auto pipelined = device(0, 1, far_apart(8, 10'000ms));
  pipelined.limits.in_flight_max = 8;
  TcpBench bench({pipelined});
  bench.connect();
  bench.stream().send(bench.answer_to(bench.take_requests().at(0)));
  auto requests = bench.take_requests();
  REQUIRE(requests.size() == 7);
  for (const auto& request : requests) {  // 700 ms each: the last one after almost 5 s
    bench.loop.run_for(700ms);
    bench.stream().send(bench.answer_to(request));
  }
  CHECK(bench.sink.bad.empty());
  CHECK(bench.readings(0, 7).size() == 1);
  bench.loop.run_for(5100ms);
  requests = bench.take_requests();
  REQUIRE(requests.size() == 8);
  bench.loop.run_for(1001ms);
  CHECK(bench.last_state().link == Link::Up);  // one miss is noise
  bench.loop.run_for(500ms);
  CHECK(bench.take_requests().size() == 1);
}

TEST_CASE("what is under way is not asked for once more, however soon it falls due again") {
  auto pipelined = device(0, 1, far_apart(3, 20ms));
  pipelined.limits.in_flight_max = 8;
  TcpBench bench({pipelined});
  bench.connect();
  bench.stream().send(bench.answer_to(bench.take_requests().at(0)));
  const auto requests = bench.take_requests();
  REQUIRE(requests.size() == 2);
  bench.loop.run_for(500ms);
  CHECK(bench.take_requests().empty());
  CHECK(bench.loop.timers() <= 1);
  bench.stream().send(bench.answer_to(requests[0]));
  CHECK(bench.take_requests().empty());
  bench.stream().send(bench.answer_to(requests[1]));
  CHECK(bench.take_requests().size() == 3);
}

TEST_CASE("a write to a busy pipelined device goes out alone, after what is under way") {
  auto pipelined = device(0, 1, far_apart(12, 1000ms));
  pipelined.limits.in_flight_max = 3;
  TcpBench bench({pipelined});
  bench.connect();
  bench.stream().send(bench.answer_to(bench.take_requests().at(0)));
  const auto reads = bench.take_requests();
  REQUIRE(reads.size() == 3);
  std::optional<WriteResult> result;
  bench.begin_write(0, 0, std::uint64_t{7}, 5000ms, result);
  bench.loop.run_posted();
  for (const auto& read : reads) bench.stream().send(bench.answer_to(read));
  const auto next = bench.take_requests();
  REQUIRE(next.size() == 1);
  CHECK(std::holds_alternative<WriteRegister>(*parse_request(next[0].pdu)));
  bench.stream().send(bench.answer_to(next[0]));
  CHECK(result.value().outcome == Outcome::Written);
  CHECK(bench.take_requests().size() == 3);
}

TEST_CASE("a connection that looks alive but says nothing is replaced") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(100ms);
  bench.silent = {1};
  bench.run_for(20s);
  CHECK(bench.stream().opens == 2);
  bench.silent.clear();
  bench.reader.reset();
  bench.connect();
  bench.run_for(1s);
  CHECK(bench.readings(0, 0).back().quality == Quality::Good);
}

TEST_CASE("what is not Modbus TCP is counted with a sample and the connection begun anew") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.stream().send(std::string(10000, 'x'));
  REQUIRE(bench.sink.bad.size() == 1);
  CHECK(bench.sink.bad[0].code == ErrorCode::BadFrame);
  CHECK(bench.sink.bad[0].source == "10.0.0.5:502");
  CHECK(bench.sink.bad[0].sample.size() == BadInput::kSampleBytesMax);
  CHECK(bench.last_state().code == ErrorCode::BadFrame);
  bench.loop.run_for(1s);
  CHECK(bench.stream().opens == 2);
}

TEST_CASE("settings that no bus can have are refused with the reason") {
  const auto start = [](Attachment where, std::vector<DeviceSettings> devices) {
    hubward::test::ManualClock clock;
    hubward::test::ManualLoop loop(clock);
    hubward::test::ScriptedStreams streams;
    hubward::test::RecordingSink sink;
    BusAdapter adapter({std::move(where), std::move(devices)}, streams, loop);
    const auto status = adapter.start(sink);
    return status ? std::string() : status.error().context;
  };
  const TcpEndpoint tcp{"h", 502};
  auto unscaled = tag(0, kHolding, 0);
  unscaled.scale = 0;
  CHECK(start(tcp, {device(0, 255, {tag(0, kHolding, 65535)})}).empty());
  CHECK(start(tcp, {device(0, 1, {}), device(1, 1, {})}) == "unit 1: two devices have this id");
  CHECK_FALSE(start(SerialSettings{}, {device(0, 0, {})}).empty());
  CHECK_FALSE(start(SerialSettings{}, {device(0, 248, {})}).empty());
  CHECK_FALSE(start(tcp, {device(0, 1, {tag(0, kHolding, 65535, ValueType::Int32)})}).empty());
  CHECK_FALSE(start(tcp, {device(0, 1, {tag(0, Table::Coil, 0, ValueType::Int16)})}).empty());
  CHECK_FALSE(start(tcp, {device(0, 1, {tag(0, kHolding, 0, ValueType::Int16, 0ms)})}).empty());
  CHECK_FALSE(start(tcp, {device(0, 1, {unscaled})}).empty());
}

TEST_CASE("after stop nothing reaches the sink and every write was answered") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(100ms);
  std::optional<WriteResult> in_flight;
  std::optional<WriteResult> waiting;
  std::optional<WriteResult> after;
  bench.begin_write(0, 0, std::uint64_t{1}, 5000ms, in_flight);
  bench.loop.run_posted();
  bench.begin_write(0, 0, std::uint64_t{2}, 5000ms, waiting);
  bench.adapter->stop();
  CHECK(in_flight.value().outcome == Outcome::Unknown);
  CHECK(waiting.value().outcome == Outcome::Expired);
  const auto seen = bench.sink.deliveries.size() + bench.sink.states.size();
  bench.begin_write(0, 0, std::uint64_t{3}, 5000ms, after);
  CHECK(after.value().outcome == Outcome::Expired);
  bench.loop.run_for(10s);
  CHECK(bench.sink.deliveries.size() + bench.sink.states.size() == seen);
  CHECK(bench.stream().state == hubward::test::StreamScript::State::Destroyed);
}

}  // namespace
}  // namespace hubward::modbus
