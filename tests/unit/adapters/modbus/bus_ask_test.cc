// One-off requests between the polls of a bus.
#include <doctest/doctest.h>

#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus::test {
namespace {

constexpr auto kHolding = Table::HoldingRegister;
const SerialSettings kLine{.path = "/dev/ttyUSB0", .baud = 9600};

LineAsk ask(std::uint8_t unit, const Request& request) {
  return {unit, encode_request(request).value()};
}
LineAsk read(std::uint8_t unit, std::uint16_t address, std::uint16_t count = 1) {
  return ask(unit, ReadRequest{kHolding, address, count});
}

// What a call brought; nothing before it is over.
struct Asked {
  std::optional<std::vector<LineAnswer>> answers;

  template <class Bench>
  void begin(Bench& bench, std::vector<LineAsk> asks, bool may_write = false,
             std::chrono::milliseconds within = 60s,
             std::chrono::milliseconds answer_time = 300ms) {
    bench.adapter->ask({std::move(asks), answer_time, bench.clock.steady() + within, may_write},
                       [this](std::vector<LineAnswer> all) { answers = std::move(all); });
  }
  [[nodiscard]] std::uint16_t value(std::size_t place) const {
    REQUIRE(answers);
    REQUIRE(answers->at(place));
    const auto answer = parse_answer(ReadRequest{kHolding, 0, 1}, *answers->at(place));
    REQUIRE(answer);
    const auto* read = std::get_if<ReadAnswer>(&*answer);
    REQUIRE(read != nullptr);
    return read->values.at(0);
  }
  [[nodiscard]] Error error(std::size_t place) const {
    REQUIRE(answers);
    REQUIRE_FALSE(answers->at(place));
    return answers->at(place).error();
  }
};

// Polls that a device got, of those that its interval makes due.
template <class Bench>
double share_of_polls(const Bench& bench, std::chrono::milliseconds interval,
                      std::chrono::milliseconds time) {
  return static_cast<double>(bench.sink.deliveries.size()) * interval / time;
}

TEST_CASE("a one-off read is answered by a device of ours and by a unit that nobody configured") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.units[1].values = {{{kHolding, 40}, 111}};
  bench.units[7].values = {{{kHolding, 41}, 222}};
  bench.connect();
  bench.run_for(500ms);
  Asked asked;
  asked.begin(bench, {read(1, 40), read(7, 41)});
  bench.run_for(500ms);
  CHECK(asked.value(0) == 111);
  CHECK(asked.value(1) == 222);
  CHECK(bench.adapter->line_use().parts.size() == 1);
  for (const auto& state : bench.sink.states) CHECK(state.device == DeviceIndex{0});
}

TEST_CASE("an exception is an answer, and says nothing of the device's state") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.units[1].missing = {{kHolding, 40}};
  bench.connect();
  bench.run_for(500ms);
  const auto states = bench.sink.states.size();
  Asked asked;
  asked.begin(bench, {read(1, 40)});
  bench.run_for(3s);
  REQUIRE(asked.answers);
  REQUIRE(asked.answers->at(0));
  CHECK(parse_answer(ReadRequest{kHolding, 40, 1}, *asked.answers->at(0)) ==
        Answer{ExceptionAnswer{ExceptionCode::IllegalDataAddress}});
  CHECK(bench.sink.states.size() == states);
}

TEST_CASE("a request that writes goes out only where that was allowed, and in its order") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(500ms);
  Asked refused;
  refused.begin(bench, {ask(1, WriteRegister{30, 5}), read(1, 30)});
  bench.run_for(500ms);
  CHECK(refused.error(0).code == ErrorCode::NotWritable);
  CHECK(refused.value(1) == 0);
  Asked written;
  written.begin(bench, {read(1, 30), ask(1, WriteRegister{30, 5}), read(1, 30)}, true);
  bench.run_for(500ms);
  CHECK(written.value(0) == 0);
  CHECK(written.value(2) == 5);
}

TEST_CASE("what is no request, or for no unit, is refused and the next one asked") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.run_for(2s);
  Asked asked;
  asked.begin(line, {{1, {}}, read(0, 0), read(248, 0), read(1, 0)});
  line.run_for(2s);
  CHECK(asked.error(0).code == ErrorCode::Malformed);
  CHECK(asked.error(1).code == ErrorCode::Malformed);
  CHECK(asked.error(2).code == ErrorCode::Malformed);
  CHECK(asked.value(3) == 0);
}

TEST_CASE("more calls than a line may have waiting are refused at once") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  std::vector<Asked> waiting(AsksLine::kCallsMax);
  for (auto& one : waiting) one.begin(bench, {read(9, 0)});
  Asked over;
  over.begin(bench, {read(9, 0)});
  CHECK(over.error(0).code == ErrorCode::LimitExceeded);
  Asked large;
  large.begin(bench, std::vector<LineAsk>(AsksLine::kAsksMax + 1, read(1, 0)));
  CHECK(large.error(0).code == ErrorCode::LimitExceeded);
}

TEST_CASE(
    "silent units that somebody looks for cost the polls nothing while there are free moments") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.units[40].values = {{{kHolding, 0}, 7}};
  line.run_for(2s);
  line.sink.deliveries.clear();
  std::vector<LineAsk> asks;
  for (std::uint8_t unit = 20; unit < 50; ++unit) asks.push_back(read(unit, 0));
  Asked asked;
  asked.begin(line, asks);
  line.run_for(30s);
  CHECK(asked.value(20) == 7);
  CHECK(asked.error(3).code == ErrorCode::NoAnswer);
  CHECK(share_of_polls(line, 1s, 30s) > 0.99);
  CHECK(line.sink.states.back().state.link == FieldState::Link::Up);
  CHECK(line.sink.states.size() == 1);
}

TEST_CASE("on a line without free moments they take their share, and the polls keep 95 of 100") {
  // Two devices at 9600 baud, each asked every 60 ms: the line is three quarters full, and no pause
  // is long enough for a silent unit.
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 60ms)}),
                   device(1, 2, {tag(0, kHolding, 0, ValueType::Uint16, 60ms)})},
                  kLine, {}, 1);
  line.run_for(2s);
  line.sink.deliveries.clear();
  std::vector<LineAsk> asks;
  for (std::uint8_t unit = 20; unit < 50; ++unit) asks.push_back(read(unit, 0));
  Asked asked;
  asked.begin(line, asks, false, 90s);
  line.run_for(100s);
  CHECK(share_of_polls(line, 30ms, 100s) > 0.95);
  REQUIRE(asked.answers);
  CHECK(asked.error(0).code == ErrorCode::NoAnswer);
  CHECK(asked.error(29).code == ErrorCode::CommandExpired);
  CHECK(asked.error(29).context == "the line had no moment free for it");
}

TEST_CASE("a write goes before polls that are due, and not to a unit that is silent") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)}), device(1, 2, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(500ms);
  bench.silent = {2};
  bench.run_for(5s);
  REQUIRE(bench.last_state().link == FieldState::Link::Down);
  Asked asked;
  asked.begin(bench, {ask(1, WriteRegister{30, 5}), ask(2, WriteRegister{30, 5})}, true, 4s);
  bench.run_for(6s);
  REQUIRE(asked.answers);
  CHECK(asked.answers->at(0).has_value());
  CHECK(asked.error(1).code == ErrorCode::CommandExpired);
  CHECK(asked.error(1).context == "unit 2 at 10.0.0.5:502 does not answer; not written");
  CHECK(std::ranges::none_of(bench.units[2].asked,
                             [](const Request& request) { return !is_read(request); }));
}

TEST_CASE("a lost connection leaves open what was sent, and what waits is not sent") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(500ms);
  (void)bench.take_requests();
  Asked asked;
  asked.begin(bench, {ask(1, WriteRegister{30, 5}), ask(1, WriteRegister{31, 5})}, true);
  bench.loop.run_posted();
  REQUIRE(bench.take_requests().size() == 1);
  bench.stream().fail();
  bench.loop.run_posted();
  CHECK(asked.error(0).code == ErrorCode::PortLost);
  CHECK(asked.error(1).code == ErrorCode::PortUnavailable);
  Asked later;
  later.begin(bench, {read(1, 0)});
  bench.loop.run_posted();
  CHECK(later.error(0).code == ErrorCode::PortUnavailable);
}

TEST_CASE("a stop answers everything that was asked") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(500ms);
  Asked under_way;
  under_way.begin(bench, {read(9, 0), read(9, 1)});
  bench.loop.run_posted();
  Asked posted;
  posted.begin(bench, {read(1, 0)});
  bench.adapter->stop();
  bench.loop.run_posted();
  CHECK(under_way.error(0).code == ErrorCode::PortLost);
  CHECK(under_way.error(1).code == ErrorCode::Stopped);
  CHECK(posted.error(0).code == ErrorCode::Stopped);
  Asked after;
  after.begin(bench, {read(1, 0)});
  CHECK(after.error(0).code == ErrorCode::Stopped);
}

TEST_CASE("the late answer of a unit that nobody configured is not taken for the next one") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.units[9].values = {{{kHolding, 10}, 1010}, {{kHolding, 11}, 1111}};
  line.slow = {9};
  line.slow_time = 500ms;
  line.run_for(2s);
  Asked first;
  first.begin(line, {read(9, 10)});
  line.run_for(400ms);
  CHECK(first.error(0).code == ErrorCode::NoAnswer);
  Asked second;
  second.begin(line, {read(9, 11)}, false, 60s, 800ms);
  line.run_for(10s);
  CHECK(second.value(0) == 1111);
}

TEST_CASE("a unit that answers nothing is found out again without waiting for what it owes") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.run_for(2s);
  for (int i = 0; i < 3; ++i) {
    Asked asked;
    asked.begin(line, {read(9, 10)});
    line.run_for(3s);
    CHECK(asked.error(0).code == ErrorCode::NoAnswer);
  }
}

TEST_CASE("a device of ours that ignores what it does not have keeps its polls and its state") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0)})}, kLine, {}, 1);
  line.run_for(2s);
  line.server = [&](std::uint8_t unit, const Request& request) {
    if (std::holds_alternative<ReadIdentification>(request)) line.silent = {unit};
    return line.units[unit].serve(request);
  };
  line.sink.deliveries.clear();
  // The simulated line swallows what comes to a silent unit.
  line.silent = {1};
  Asked asked;
  asked.begin(line, {ask(1, ReadIdentification{1, 0})});
  line.run_for(350ms);
  line.silent.clear();
  line.run_for(10s);
  CHECK(asked.error(0).code == ErrorCode::NoAnswer);
  CHECK(line.sink.deliveries.size() >= 10);
  CHECK(line.sink.states.size() == 1);
}

TEST_CASE("writes that wait behind a read are withdrawn when maintenance begins, reads are not") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(500ms);
  Asked asked;
  asked.begin(bench, {read(1, 30), ask(1, WriteRegister{30, 5}), read(1, 30)}, true);
  Asked alone;
  alone.begin(bench, {ask(1, WriteRegister{31, 5})}, true);
  bench.loop.run_posted();
  bench.adapter->withdraw_writes();
  bench.run_for(2s);
  CHECK(asked.value(0) == 0);
  CHECK(asked.error(1).code == ErrorCode::WritesPaused);
  CHECK(asked.value(2) == 0);
  CHECK(alone.error(0).code == ErrorCode::WritesPaused);
  CHECK(bench.units[1].values[{kHolding, 31}] == 0);
}

TEST_CASE("no one-off read holds a line for a minute") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(500ms);
  bench.silent = {9};
  Asked asked;
  asked.begin(bench, {read(9, 0)}, false, 60s, 60s);
  bench.run_for(BusAdapter::kAskedAnswerMax + 500ms);
  CHECK(asked.error(0).code == ErrorCode::NoAnswer);
}

TEST_CASE("a pulse ends in time, whoever looks for silent units") {
  TagSettings coil = tag(0, Table::Coil, 4, ValueType::Bool, 60s);
  coil.pulse = 2000ms;
  FaultyLine line({device(0, 1, {coil})}, kLine, {}, 1);
  line.run_for(2s);
  bool written = false;
  line.adapter->write({DeviceIndex{0}, TagIndex{0}, true, line.clock.steady() + 1s},
                      [&](const WriteResult&) { written = true; });
  line.run_for(500ms);
  REQUIRE(written);
  Asked asked;
  asked.begin(line, {read(40, 0)}, false, 60s, 3s);
  line.run_for(1700ms);
  CHECK(line.units[1].values[{Table::Coil, 4}] == 0);
  line.run_for(4s);
  CHECK(asked.error(0).code == ErrorCode::NoAnswer);
}

TEST_CASE("asking a device of ours for what it does not answer takes its share of the polls only") {
  FaultyLine line({device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 100ms)})}, kLine, {}, 1);
  line.run_for(2s);
  line.ignored = 40;
  line.sink.deliveries.clear();
  Asked asked;
  asked.begin(line, std::vector<LineAsk>(30, read(1, 40)), false, 90s);
  line.run_for(100s);
  CHECK(share_of_polls(line, 100ms, 100s) > 0.94);
  CHECK(asked.error(0).code == ErrorCode::NoAnswer);
}

TEST_CASE("a device that takes several requests at a time keeps its polls too while it is asked") {
  DeviceSettings several = device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 100ms)});
  several.limits.in_flight_max = 4;
  TcpBench bench({several});
  bench.connect();
  bench.run_for(2s);
  bench.sink.deliveries.clear();
  bench.ignored = 40;
  Asked asked;
  asked.begin(bench, std::vector<LineAsk>(30, read(1, 40)), false, 90s);
  bench.run_for(100s);
  CHECK(share_of_polls(bench, 100ms, 100s) > 0.94);
}

TEST_CASE("a request tells which tags it would write, and an answer whether it was refused") {
  TagSettings wide = tag(2, kHolding, 20, ValueType::Uint32);
  TcpBench bench(
      {device(0, 1, {tag(0, kHolding, 10), tag(1, Table::Coil, 10, ValueType::Bool), wide}),
       device(1, 2, {tag(0, kHolding, 10)})});
  using Tags = std::vector<LineTag>;
  const BusAdapter& adapter = *bench.adapter;
  CHECK(adapter.tags_written_by(read(1, 10)).empty());
  CHECK(adapter.tags_written_by(ask(1, ReadIdentification{1, 0})).empty());
  CHECK(adapter.tags_written_by(ask(1, WriteRegister{10, 5})) ==
        Tags{LineTag{DeviceIndex{0}, TagIndex{0}}});
  CHECK(adapter.tags_written_by(ask(1, MaskWrite{21, 0, 1})) ==
        Tags{LineTag{DeviceIndex{0}, TagIndex{2}}});
  CHECK(adapter.tags_written_by(ask(1, WriteCoil{10, true})) ==
        Tags{LineTag{DeviceIndex{0}, TagIndex{1}}});
  CHECK(adapter.tags_written_by(ask(1, WriteCoils{8, {true, true, true}})) ==
        Tags{LineTag{DeviceIndex{0}, TagIndex{1}}});
  CHECK(adapter.tags_written_by(ask(1, WriteRegisters{9, {1, 2}})) ==
        Tags{LineTag{DeviceIndex{0}, TagIndex{0}}});
  CHECK(adapter.tags_written_by(ask(1, ReadWriteRegisters{0, 1, 19, {1, 2}})) ==
        Tags{LineTag{DeviceIndex{0}, TagIndex{2}}});
  CHECK(adapter.tags_written_by(ask(1, WriteRegister{11, 5})).empty());
  CHECK(adapter.tags_written_by(ask(3, WriteRegister{10, 5})).empty());
  CHECK(adapter.tags_written_by({1, {}}).empty());
  CHECK(adapter.words_for_answer(std::vector{std::byte{0x86}, std::byte{2}}) ==
        "exception 2, illegal data address");
  CHECK(adapter.words_for_answer(std::vector{std::byte{6}, std::byte{0}}) == "answered");
}

TEST_CASE("a scan through a gateway that waits for each silent unit takes no polled device down") {
  TcpBench bench({device(0, 1, {tag(0, kHolding, 0)}), device(1, 2, {tag(0, kHolding, 0)})});
  bench.connect();
  bench.run_for(2s);
  bench.sink.states.clear();
  bench.sink.deliveries.clear();
  Asked asked;
  std::vector<LineAsk> asks;
  for (std::uint8_t unit = 20; unit < 40; ++unit) asks.push_back(read(unit, 0));
  asked.begin(bench, asks, false, 60s, 100ms);
  SteadyTime busy_until;
  bench.loop.run_posted();
  for (const SteadyTime end = bench.clock.steady() + 60s; bench.clock.steady() < end;) {
    for (const TcpFrame& frame : bench.take_requests()) {
      busy_until = std::max(busy_until, bench.clock.steady()) + (frame.unit < 20 ? 5ms : 990ms);
      if (frame.unit >= 20) continue;
      bench.loop.call_at(busy_until, [&, frame] { bench.stream().send(bench.answer_to(frame)); });
    }
    bench.loop.run_for(1ms);
  }
  CHECK(bench.sink.states.empty());
  CHECK(bench.sink.deliveries.size() >= 80);
  CHECK(asked.error(19).code == ErrorCode::NoAnswer);
}

}  // namespace
}  // namespace hubward::modbus::test
