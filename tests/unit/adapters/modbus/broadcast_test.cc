// Writes to all units of a serial line. MODBUS over Serial Line V1.02, sections 2.1 and 2.4.1.
#include <doctest/doctest.h>

#include "adapters/modbus/exchanges.h"
#include "tests/support/hex.h"
#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus::test {
namespace {

constexpr auto kHolding = Table::HoldingRegister;
using Link = FieldState::Link;
using Outcome = WriteResult::Outcome;
const SerialSettings kLine{.path = "/dev/ttyUSB0", .baud = 9600};

TagSettings to_all(std::uint16_t index, std::uint16_t address) {
  TagSettings settings = tag(index, kHolding, address, ValueType::Uint16, 60s);
  settings.broadcast = true;
  return settings;
}

// Two units, both polled ten times a second; the first one's second tag goes to both.
std::vector<DeviceSettings> two_units() {
  return {device(0, 1, {tag(0, kHolding, 0, ValueType::Uint16, 100ms), to_all(1, 50)}),
          device(1, 2, {tag(0, kHolding, 0, ValueType::Uint16, 100ms), tag(1, kHolding, 50)})};
}

void begin_write(FaultyLine& line, std::uint32_t device, std::uint16_t tag, std::uint64_t value,
                 std::optional<WriteResult>& result, std::chrono::milliseconds within = 5000ms) {
  line.adapter->write({DeviceIndex{device}, TagIndex{tag}, value, line.clock.steady() + within},
                      [&result](WriteResult r) { result = std::move(r); });
}

std::size_t good_readings(const FaultyLine& line, std::uint32_t device) {
  std::size_t count = 0;
  for (const auto& delivery : line.sink.deliveries) {
    if (delivery.batch.device.value != device) continue;
    for (const auto& reading : delivery.batch.readings) count += reading.quality == Quality::Good;
  }
  return count;
}

TEST_CASE(
    "a write to all units is sent once, the units get time for it, and nobody is said to confirm") {
  FaultyLine line(
      {device(0, 1, {to_all(0, 50)}), device(1, 2, {tag(0, kHolding, 50, ValueType::Uint16, 60s)})},
      kLine, {}, 1);
  line.run_for(10s);
  line.log.clear();
  std::optional<WriteResult> result;
  begin_write(line, 0, 0, 7, result);
  line.loop.run_posted();
  CHECK(hubward::test::hex(line.streams[0].written) == "00 06 00 32 00 07 68 16");
  line.carry();
  // 8 bytes and 3.5 characters at 9600 baud with 10 bits, then 200 ms.
  line.run_for(210ms);
  CHECK_FALSE(result);
  line.run_for(3ms);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Sent);
  CHECK_FALSE(result->verified);
  CHECK_FALSE(result->read_back);
  CHECK(result->detail == "to all units of /dev/ttyUSB0; nobody confirms it");
  CHECK(line.units[1].values[{kHolding, 50}] == 7);
  CHECK(line.units[2].values[{kHolding, 50}] == 7);
}

TEST_CASE(
    "the polls go on after a write to all units, and nothing counts as unanswered or strange") {
  for (const bool echo : {false, true}) {
    CAPTURE(echo);
    FaultyLine line(two_units(), kLine, {.echo = echo, .pieces = false}, 1);
    line.run_for(5s);
    const std::size_t before[] = {good_readings(line, 0), good_readings(line, 1)};
    const auto unanswered = line.adapter->line_use().parts.at(0).unanswered;
    int sent = 0;
    for (int i = 0; i < 10; ++i) {
      std::optional<WriteResult> result;
      begin_write(line, 0, 1, static_cast<std::uint64_t>(100 + i), result);
      line.run_for(1s);
      sent += result && result->outcome == Outcome::Sent;
      CHECK(line.units[2].values[{kHolding, 50}] == 100 + i);
    }
    CHECK(sent == 10);
    // Two cycles of ten at most fall into each turnaround.
    CHECK(good_readings(line, 0) - before[0] >= 75);
    CHECK(good_readings(line, 1) - before[1] >= 75);
    CHECK(line.adapter->line_use().parts.at(0).unanswered == unanswered);
    CHECK(line.sink.bad.empty());
    for (const auto& state : line.sink.states) CHECK(state.state.link == Link::Up);
  }
}

TEST_CASE("a unit that answers a write to all does wrong, and costs nobody a value") {
  FaultyLine line(two_units(), kLine, {}, 1);
  line.run_for(2s);
  std::optional<WriteResult> result;
  begin_write(line, 0, 1, 7, result);
  line.run_for(60ms);
  line.streams[0].send(encode_rtu(1, hubward::test::bytes("06 00 32 00 07")));
  line.run_for(2s);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Sent);
  CHECK(line.sink.bad.size() == 1);
  const auto before = good_readings(line, 0);
  line.run_for(2s);
  CHECK(good_readings(line, 0) - before >= 18);
}

TEST_CASE(
    "a write to all units does not wait for the one that is silent, and undoes what waits for it") {
  FaultyLine line(two_units(), kLine, {}, 1);
  line.run_for(2s);
  line.silent = {1, 2};
  line.run_for(5s);
  std::optional<WriteResult> older;
  std::optional<WriteResult> other;
  std::optional<WriteResult> everybody;
  begin_write(line, 1, 1, 5, older, 60s);
  begin_write(line, 1, 0, 6, other, 60s);
  begin_write(line, 0, 1, 7, everybody);
  line.run_for(1s);
  REQUIRE(everybody);
  CHECK(everybody->outcome == Outcome::Sent);
  REQUIRE(older);
  CHECK(older->outcome == Outcome::Expired);
  CHECK(older->detail == "a later write to all units of the line went first; not written");
  CHECK_FALSE(other);  // of another register: it still waits
  line.silent.clear();
  line.run_for(15s);
  REQUIRE(other);
  CHECK(other->outcome == Outcome::Written);
  CHECK(line.units[2].values[{kHolding, 50}] == 0);  // it was silent, and heard nothing
}

TEST_CASE("a write to all units that could not be sent, or was cut off, is told so") {
  FaultyLine line(two_units(), kLine, {}, 1);
  line.run_for(2s);
  std::optional<WriteResult> result;
  begin_write(line, 0, 1, 7, result);
  line.loop.run_posted();
  line.run_for(100ms);
  line.streams[0].fail();
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Unknown);
  result.reset();
  begin_write(line, 0, 1, 8, result, 300ms);
  line.run_for(400ms);
  REQUIRE(result);
  CHECK(result->outcome == Outcome::Expired);
}

TEST_CASE("a stop does not take back that a write had been sent to all units") {
  struct Row {
    const char* why;
    std::chrono::milliseconds sent_ago;
    bool was_sent;
  };
  // 8 bytes and 3.5 characters take 12 ms at 9600 baud; a port that is closed forgets the rest.
  const Row rows[] = {{"the units have their time for it", 13ms, true},
                      {"nearly over", 205ms, true},
                      {"half of it is still in the port", 5ms, false}};
  for (const Row& row : rows) {
    CAPTURE(row.why);
    FaultyLine line({device(0, 1, {to_all(0, 50)})}, kLine, {}, 1);
    line.run_for(10s);
    std::optional<WriteResult> result;
    begin_write(line, 0, 0, 7, result);
    line.run_for(row.sent_ago);
    CHECK_FALSE(result);
    line.adapter->stop();
    REQUIRE(result);
    CHECK(result->outcome == (row.was_sent ? Outcome::Sent : Outcome::Unknown));
    CHECK(result->detail == (row.was_sent ? "to all units of /dev/ttyUSB0; nobody confirms it"
                                          : "hubward stopped while it was sent to all units"));
  }
}

TEST_CASE("a stop does not take back that somebody's one-off write had been sent to all units") {
  for (const bool was_sent : {true, false}) {
    FaultyLine line({device(0, 1, {to_all(0, 50)})}, kLine, {}, 1);
    line.run_for(10s);
    std::vector<LineAnswer> answers;
    line.begin_ask(kBroadcastUnit, WriteRegister{60, 7}, answers);
    line.run_for(was_sent ? 100ms : 5ms);
    CHECK(answers.empty());
    line.adapter->stop();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].has_value() == was_sent);
    if (!was_sent) CHECK(answers[0].error().code == ErrorCode::PortLost);
  }
}

// Someone's one-off write waits for a silent unit, and would undo what all were given after it.
TEST_CASE("a write to all units undoes older one-off writes that wait, and no younger ones") {
  FaultyLine line(two_units(), kLine, {}, 1);
  line.run_for(2s);
  line.silent = {2, 9};
  line.run_for(5s);
  std::vector<LineAnswer> older;
  std::vector<LineAnswer> overlapping;
  std::vector<LineAnswer> of_another;
  std::vector<LineAnswer> younger;
  line.begin_ask(2, WriteRegister{50, 5}, older);
  line.begin_ask(2, WriteRegisters{49, {1, 2}}, overlapping);
  line.begin_ask(2, WriteCoil{50, true}, of_another);
  line.run_for(1s);
  CHECK(older.empty());
  std::optional<WriteResult> everybody;
  begin_write(line, 0, 1, 7, everybody);
  line.begin_ask(2, WriteRegister{50, 6}, younger);
  line.run_for(1s);
  REQUIRE(everybody);
  CHECK(everybody->outcome == Outcome::Sent);
  for (const auto* undone : {&older, &overlapping}) {
    REQUIRE(undone->size() == 1);
    REQUIRE_FALSE(undone->at(0));
    CHECK(undone->at(0).error().code == ErrorCode::CommandExpired);
    CHECK(undone->at(0).error().context ==
          "unit 2 at /dev/ttyUSB0: a later write to all units of the line went first; not written");
  }
  CHECK(of_another.empty());
  CHECK(younger.empty());
  line.silent.clear();
  line.run_for(15s);
  REQUIRE(of_another.size() == 1);
  CHECK(of_another[0]);
  REQUIRE(younger.size() == 1);
  CHECK(younger[0]);
  CHECK(line.units[2].values[{kHolding, 50}] == 6);
}

TEST_CASE("a one-off write to all units undoes what waits for a silent one") {
  FaultyLine line(two_units(), kLine, {}, 1);
  line.run_for(2s);
  line.silent = {2};
  line.run_for(5s);
  std::optional<WriteResult> command;
  std::optional<WriteResult> of_another;
  std::vector<LineAnswer> asked;
  begin_write(line, 1, 1, 5, command, 60s);
  begin_write(line, 1, 0, 6, of_another, 60s);
  line.begin_ask(2, WriteRegister{50, 6}, asked);
  line.run_for(10ms);
  std::vector<LineAnswer> everybody;
  line.begin_ask(kBroadcastUnit, WriteRegisters{48, {1, 2, 3}}, everybody);
  line.run_for(500ms);
  REQUIRE(everybody.size() == 1);
  CHECK(everybody[0]);
  REQUIRE(command);
  CHECK(command->outcome == Outcome::Expired);
  CHECK_FALSE(of_another);
  REQUIRE(asked.size() == 1);
  CHECK_FALSE(asked[0]);
  line.silent.clear();
  line.run_for(15s);
  REQUIRE(of_another);
  CHECK(of_another->outcome == Outcome::Written);
}

TEST_CASE("somebody may write to all units once, and ask them nothing") {
  FaultyLine line(two_units(), kLine, {}, 1);
  line.run_for(2s);
  const auto ask = [&](const Request& request) {
    LineAsks asks;
    asks.asks = {{kBroadcastUnit, *encode_request(request)}};
    asks.deadline = line.clock.steady() + 5s;
    asks.may_write = true;
    std::vector<LineAnswer> answers;
    line.adapter->ask(std::move(asks), [&](std::vector<LineAnswer> all) { answers = all; });
    line.run_for(1s);
    REQUIRE(answers.size() == 1);
    return answers[0];
  };
  const LineAnswer sent = ask(WriteRegisters{60, {1, 2}});
  REQUIRE(sent);
  CHECK(sent->empty());
  CHECK(line.adapter->words_for_answer(*sent) == "sent to all units, nobody confirms it");
  CHECK(line.units[1].values[{kHolding, 61}] == 2);
  CHECK(line.units[2].values[{kHolding, 61}] == 2);
  for (const Request& request :
       {Request{ReadRequest{kHolding, 0, 1}}, Request{ReadWriteRegisters{0, 1, 0, {1}}}}) {
    const LineAnswer refused = ask(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::Malformed);
  }
  using Tags = std::vector<LineTag>;
  CHECK(line.adapter->tags_written_by({kBroadcastUnit, *encode_request(WriteRegister{50, 1})}) ==
        Tags{{DeviceIndex{0}, TagIndex{1}}, {DeviceIndex{1}, TagIndex{1}}});
}

TEST_CASE("without a gateway a write to all units waits for no answer either") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges(kLine, streams, loop, 1000ms);
  std::vector<Result<Answer>> answers;
  exchanges.run({{kBroadcastUnit, WriteRegister{50, 7}}},
                [&](std::vector<Result<Answer>> all) { answers = std::move(all); });
  streams[0].accept();
  loop.run_for(1s);  // the silence after opening
  CHECK(hubward::test::hex(streams[0].take_written()) == "00 06 00 32 00 07 68 16");
  CHECK(answers.empty());
  loop.run_for(250ms);
  REQUIRE(answers.size() == 1);
  REQUIRE(answers[0]);
  CHECK(*answers[0] == Answer{SentToAll{}});
}

TEST_CASE("Modbus TCP has no broadcast: unit 0 is one device, and no tag goes to all") {
  TcpBench bench({device(0, 0, {tag(0, kHolding, 10)})});
  REQUIRE(bench.started);
  bench.connect();
  bench.run_for(100ms);
  CHECK(bench.write(0, 0, std::uint64_t{7}).outcome == Outcome::Written);
  CHECK_FALSE(TcpBench({device(0, 1, {to_all(0, 10)})}).started);
}

}  // namespace
}  // namespace hubward::modbus::test
