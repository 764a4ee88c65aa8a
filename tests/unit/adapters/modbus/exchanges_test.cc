#include "adapters/modbus/exchanges.h"

#include <doctest/doctest.h>

#include "proto/modbus/tcp.h"
#include "tests/support/manual_loop.h"
#include "tests/support/scripted_stream.h"

namespace hubward::modbus::test {
namespace {

using namespace std::chrono_literals;

// Nobody answers within 300 ms but who is made to.
struct Bench {
  explicit Bench(const Attachment& at = TcpEndpoint{"10.0.0.5", 502})
      : exchanges(at, streams, loop, 300ms) {}
  [[nodiscard]] std::function<void(std::vector<Result<Answer>>)> taker() {
    return [this](std::vector<Result<Answer>> answers) { all = std::move(answers); };
  }
  TcpFrame next_request() {
    loop.run_posted();
    loop.run_for(1ms);
    reader.push(streams[0].take_written());
    return reader.next().value().value();
  }
  void answer(const TcpFrame& frame, const Request& request, const Answer& with,
              std::size_t connection = 0) {
    streams[connection].send(
        encode_tcp(frame.transaction, frame.unit, encode_answer(request, with)));
  }
  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  Exchanges exchanges;
  TcpFrameReader reader;
  std::optional<std::vector<Result<Answer>>> all;
};

const ReadRequest kRead{Table::HoldingRegister, 12, 1};

TEST_CASE("one request after the other, each with its answer or its reason") {
  Bench f;
  f.exchanges.run({{1, kRead}, {2, kRead}, {3, ReadIdentification{1, 0}}}, f.taker());
  f.streams[0].accept();
  f.answer(f.next_request(), kRead, ReadAnswer{{655}});
  const auto second = f.next_request();
  CHECK(second.unit == 2);
  f.loop.run_for(301ms);  // silent
  const auto third = f.next_request();
  CHECK(third.unit == 3);
  const Identification identity{1, 1, false, 0, {{0, "Acme"}}};
  f.answer(third, ReadIdentification{1, 0}, identity);
  f.loop.run_for(1ms);
  REQUIRE(f.all);
  REQUIRE(f.all->size() == 3);
  CHECK(f.all->at(0).value() == Answer{ReadAnswer{{655}}});
  CHECK(f.all->at(1).error().code == ErrorCode::NoAnswer);
  CHECK(f.all->at(2).value() == Answer{identity});
}

TEST_CASE("what may be an echo of our own write confirms nothing") {
  Bench f(SerialSettings{.path = "/dev/ttyUSB0"});
  f.exchanges.run({{1, WriteRegister{20, 190}}}, f.taker());
  f.streams[0].accept();
  f.loop.run_for(301ms);
  f.streams[0].send(f.streams[0].take_written());  // the line repeats it; the unit is dead
  f.loop.run_for(1s);
  REQUIRE(f.all);
  REQUIRE(!f.all->at(0));
  CHECK(f.all->at(0).error().code == ErrorCode::UnexpectedAnswer);
  CHECK(f.all->at(0).error().context == "the line may have repeated our own request to us");
}

TEST_CASE("each answer is told as it comes, and may be asked about at once") {
  Bench f;
  std::vector<std::uint8_t> heard;
  f.exchanges.run({{1, kRead}, {2, kRead}}, f.taker(),
                  [&](const Ask& ask, const Result<Answer>& answer) -> std::optional<Ask> {
                    heard.push_back(ask.unit);
                    const bool first = answer && std::holds_alternative<ReadAnswer>(*answer);
                    if (!first) return std::nullopt;
                    return Ask{ask.unit, ReadIdentification{1, 0}};
                  });
  f.streams[0].accept();
  const auto first = f.next_request();
  f.answer(first, kRead, ReadAnswer{{655}});
  CHECK(heard == std::vector<std::uint8_t>{1});
  const auto second = f.next_request();
  CHECK(second.unit == 1);
  CHECK(second.pdu == encode_request(ReadIdentification{1, 0}).value());
  f.loop.run_for(990ms);  // who has no function 43 may need its time to say so
  CHECK(heard == std::vector<std::uint8_t>{1});
  f.loop.run_for(10ms);
  CHECK(heard == std::vector<std::uint8_t>{1, 1});
  CHECK(f.next_request().unit == 2);
  CHECK_FALSE(f.all);
  f.loop.run_for(302ms);
  CHECK(heard == std::vector<std::uint8_t>{1, 1, 2});
  REQUIRE(f.all);
  REQUIRE(f.all->size() == 3);
  CHECK(f.all->at(0).has_value());
  CHECK(f.all->at(1).error().code == ErrorCode::NoAnswer);
  CHECK(f.all->at(2).error().code == ErrorCode::NoAnswer);
}

TEST_CASE("what is not Modbus TCP is called so, and the next unit is asked on a new connection") {
  Bench f;
  f.exchanges.run({{1, kRead}, {2, kRead}}, f.taker());
  f.streams[0].accept();
  f.loop.run_for(1ms);
  const std::vector<std::byte> rubbish(12, std::byte{0x5A});
  f.streams[0].send(rubbish);
  f.loop.run_for(1ms);
  f.streams[1].accept();
  f.loop.run_for(1ms);
  f.reader.push(f.streams[1].take_written());
  const TcpFrame second = f.reader.next().value().value();
  CHECK(second.unit == 2);
  f.answer(second, kRead, ReadAnswer{{7}}, 1);
  f.loop.run_for(1ms);
  REQUIRE(f.all);
  REQUIRE(f.all->size() == 2);
  REQUIRE_FALSE(f.all->at(0));
  CHECK(f.all->at(0).error().code == ErrorCode::BadFrame);
  CHECK(f.all->at(0).error().context == "what answers is not Modbus TCP");
  CHECK(f.all->at(1).value() == Answer{ReadAnswer{{7}}});
}

TEST_CASE("a port that cannot be opened is the reason for all") {
  Bench f;
  f.exchanges.run({{1, ReadRequest{}}, {2, ReadRequest{}}}, f.taker());
  f.streams[0].fail();
  f.loop.run_for(1ms);
  REQUIRE(f.all);
  CHECK(f.all->size() == 2);
  for (const auto& one : *f.all) CHECK_FALSE(one.has_value());
}

}  // namespace
}  // namespace hubward::modbus::test
