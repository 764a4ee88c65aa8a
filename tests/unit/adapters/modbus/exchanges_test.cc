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
