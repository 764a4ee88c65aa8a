#include "adapters/modbus/exchanges.h"

#include <doctest/doctest.h>

#include "proto/modbus/tcp.h"
#include "tests/support/manual_loop.h"
#include "tests/support/scripted_stream.h"

namespace hubward::modbus::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("one request after the other, each with its answer or its reason") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges(TcpEndpoint{"10.0.0.5", 502}, streams, loop, 300ms);
  std::optional<std::vector<Result<Answer>>> all;
  const ReadRequest read{Table::HoldingRegister, 12, 1};
  exchanges.run({{1, read}, {2, read}, {3, ReadIdentification{1, 0}}},
                [&](std::vector<Result<Answer>> answers) { all = std::move(answers); });
  streams[0].accept();
  TcpFrameReader reader;
  const auto next_request = [&] {
    loop.run_posted();
    loop.run_for(1ms);
    reader.push(streams[0].take_written());
    return reader.next().value().value();
  };
  const auto answer = [&](const TcpFrame& frame, const Request& request, const Answer& with) {
    streams[0].send(encode_tcp(frame.transaction, frame.unit, encode_answer(request, with)));
  };
  answer(next_request(), read, ReadAnswer{{655}});
  const auto second = next_request();
  CHECK(second.unit == 2);
  loop.run_for(301ms);  // silent
  const auto third = next_request();
  CHECK(third.unit == 3);
  const Identification identity{1, 1, false, 0, {{0, "Acme"}}};
  answer(third, ReadIdentification{1, 0}, identity);
  loop.run_for(1ms);
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  CHECK(all->at(0).value() == Answer{ReadAnswer{{655}}});
  CHECK(all->at(1).error().code == ErrorCode::NoAnswer);
  CHECK(all->at(2).value() == Answer{identity});
}

TEST_CASE("what may be an echo of our own write confirms nothing") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges(SerialSettings{.path = "/dev/ttyUSB0"}, streams, loop, 300ms);
  std::optional<std::vector<Result<Answer>>> all;
  exchanges.run({{1, WriteRegister{20, 190}}},
                [&](std::vector<Result<Answer>> answers) { all = std::move(answers); });
  streams[0].accept();
  loop.run_for(301ms);
  streams[0].send(streams[0].take_written());  // the line repeats it; the unit is dead
  loop.run_for(1s);
  REQUIRE(all);
  REQUIRE(!all->at(0));
  CHECK(all->at(0).error().code == ErrorCode::UnexpectedAnswer);
  CHECK(all->at(0).error().context == "the line may have repeated our own request to us");
}

TEST_CASE("each answer is told as it comes, and may be asked about at once") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges(TcpEndpoint{"10.0.0.5", 502}, streams, loop, 300ms);
  std::optional<std::vector<Result<Answer>>> all;
  std::vector<std::uint8_t> heard;
  const ReadRequest read{Table::HoldingRegister, 12, 1};
  exchanges.run(
      {{1, read}, {2, read}},
      [&](std::vector<Result<Answer>> answers) { all = std::move(answers); },
      [&](const Ask& ask, const Result<Answer>& answer) -> std::optional<Ask> {
        heard.push_back(ask.unit);
        const bool first = answer && std::holds_alternative<ReadAnswer>(*answer);
        if (!first) return std::nullopt;
        return Ask{ask.unit, ReadIdentification{1, 0}};
      });
  streams[0].accept();
  TcpFrameReader reader;
  const auto next_request = [&] {
    loop.run_posted();
    loop.run_for(1ms);
    reader.push(streams[0].take_written());
    return reader.next().value().value();
  };
  const auto first = next_request();
  streams[0].send(
      encode_tcp(first.transaction, first.unit, encode_answer(read, ReadAnswer{{655}})));
  CHECK(heard == std::vector<std::uint8_t>{1});
  const auto second = next_request();
  CHECK(second.unit == 1);
  CHECK(second.pdu == encode_request(ReadIdentification{1, 0}).value());
  loop.run_for(990ms);  // who has no function 43 may need its time to say so
  CHECK(heard == std::vector<std::uint8_t>{1});
  loop.run_for(10ms);
  CHECK(heard == std::vector<std::uint8_t>{1, 1});
  CHECK(next_request().unit == 2);
  CHECK_FALSE(all);
  loop.run_for(302ms);
  CHECK(heard == std::vector<std::uint8_t>{1, 1, 2});
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  CHECK(all->at(0).has_value());
  CHECK(all->at(1).error().code == ErrorCode::NoAnswer);
  CHECK(all->at(2).error().code == ErrorCode::NoAnswer);
}

TEST_CASE("what is not Modbus TCP is called so, and the next unit is asked on a new connection") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges(TcpEndpoint{"10.0.0.5", 502}, streams, loop, 300ms);
  std::optional<std::vector<Result<Answer>>> all;
  const ReadRequest read{Table::HoldingRegister, 12, 1};
  exchanges.run({{1, read}, {2, read}},
                [&](std::vector<Result<Answer>> answers) { all = std::move(answers); });
  streams[0].accept();
  loop.run_for(1ms);
  const std::vector<std::byte> rubbish(12, std::byte{0x5A});
  streams[0].send(rubbish);
  loop.run_for(1ms);
  streams[1].accept();
  loop.run_for(1ms);
  TcpFrameReader reader;
  reader.push(streams[1].take_written());
  const TcpFrame second = reader.next().value().value();
  CHECK(second.unit == 2);
  streams[1].send(
      encode_tcp(second.transaction, second.unit, encode_answer(read, ReadAnswer{{7}})));
  loop.run_for(1ms);
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  REQUIRE_FALSE(all->at(0));
  CHECK(all->at(0).error().code == ErrorCode::BadFrame);
  CHECK(all->at(0).error().context == "what answers is not Modbus TCP");
  CHECK(all->at(1).value() == Answer{ReadAnswer{{7}}});
}

TEST_CASE("a port that cannot be opened is the reason for all") {
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges(TcpEndpoint{"10.0.0.5", 502}, streams, loop, 300ms);
  std::optional<std::vector<Result<Answer>>> all;
  exchanges.run({{1, ReadRequest{}}, {2, ReadRequest{}}},
                [&](std::vector<Result<Answer>> answers) { all = std::move(answers); });
  streams[0].fail();
  loop.run_for(1ms);
  REQUIRE(all);
  CHECK(all->size() == 2);
  for (const auto& one : *all) CHECK_FALSE(one.has_value());
}

}  // namespace
}  // namespace hubward::modbus::test
