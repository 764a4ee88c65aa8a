#include "adapters/serial/serial_adapter.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/manual_clock.h"
#include "tests/support/manual_loop.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_stream.h"

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;
using test::StreamScript;

namespace {

DeviceSettings scale() {
  DeviceSettings device;
  device.device = {3};
  device.frames.bytes_max = 32;
  device.pattern = R"(W(?<w>\d+))";
  device.tags = {{.tag = {0}, .where = PatternGroup{"w"}, .type = TagSettings::Type::Integer}};
  return device;
}

struct Bench {
  explicit Bench(DeviceSettings settings = scale())
      : Bench(LineSettings{SerialSettings{.path = "/dev/ttyUSB0"}, {std::move(settings)}}) {}
  explicit Bench(LineSettings settings) : adapter(std::move(settings), streams, loop) {}
  // Started, open, and quiet for long enough that the next byte begins a line.
  StreamScript& listening() {
    REQUIRE(adapter.start(sink));
    streams[0].accept();
    loop.run_for(1s);
    return streams[0];
  }
  std::vector<std::int64_t> values() const {
    std::vector<std::int64_t> all;
    for (const auto& delivery : sink.deliveries) {
      all.push_back(std::get<std::int64_t>(delivery.batch.readings.at(0).value));
    }
    return all;
  }

  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedStreams streams;
  test::RecordingSink sink;
  SerialAdapter adapter;
};

using Values = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("each line is delivered with the time it came") {
  Bench bench;
  StreamScript& line = bench.listening();
  line.send("W1\r\nW");
  line.send("2\r\n");
  CHECK(bench.values() == Values{1, 2});
  const ReadingBatch& batch = bench.sink.deliveries[0].batch;
  CHECK(batch.device == DeviceIndex{3});
  CHECK(batch.at == bench.clock.wall());
  CHECK(batch.at_steady == bench.clock.steady());
  CHECK(bench.sink.bad.empty());
}

TEST_CASE("the port's settings reach the opener, and a TCP endpoint does as well") {
  Bench bench;
  REQUIRE(bench.adapter.start(bench.sink));
  CHECK(std::get<SerialSettings>(bench.streams[0].where).path == "/dev/ttyUSB0");

  Bench other(LineSettings{TcpEndpoint{"scale.local", 4001}, {scale()}});
  REQUIRE(other.adapter.start(other.sink));
  CHECK(std::get<TcpEndpoint>(other.streams[0].where).port == 4001);
}

TEST_CASE("half a line that was under way when the port was opened is not taken for a whole one") {
  Bench bench;
  REQUIRE(bench.adapter.start(bench.sink));
  bench.streams[0].accept();
  bench.loop.run_for(20ms);
  bench.streams[0].send("W2\r\nW345\r\n");  // it may have been W12
  CHECK(bench.values() == Values{345});
  CHECK(bench.sink.bad.empty());
}

TEST_CASE("after a quiet moment the first line is taken") {
  Bench bench;
  REQUIRE(bench.adapter.start(bench.sink));
  bench.streams[0].accept();
  bench.loop.run_for(100ms);
  bench.streams[0].send("W12\r\n");
  CHECK(bench.values() == Values{12});
}

TEST_CASE("a device cut off in the middle of a line loses that line only") {
  Bench bench;
  StreamScript& line = bench.listening();
  line.send("W1");
  bench.loop.run_for(1001ms);
  line.send("W23\r\n");
  CHECK(bench.values() == Values{23});
  REQUIRE(bench.sink.bad.size() == 1);
  CHECK(bench.sink.bad[0].code == ErrorCode::BadPayload);
  CHECK(bench.sink.bad[0].sample.size() == 2);
}

TEST_CASE("a slow device that pauses within a line is waited for") {
  Bench bench;
  StreamScript& line = bench.listening();
  line.send("W1");
  bench.loop.run_for(1000ms);
  line.send("23\r\n");
  CHECK(bench.values() == Values{123});
}

TEST_CASE("bad lines are counted with a bounded sample and the next good one is delivered") {
  struct Row {
    const char* why;
    std::string bytes;
    ErrorCode code;
    std::size_t sample;
  };
  const Row rows[] = {
      {"another form", "ERROR\r\n", ErrorCode::BadPayload, 5},
      {"no text at all", std::string("\x00\xff\x80\r\n", 5), ErrorCode::BadPayload, 3},
      {"overlong", std::string(5000, 'W') + "\r\n", ErrorCode::InputTooLong, 34},
      {"half a line glued to the next", "WW12\r\n", ErrorCode::BadPayload, 4},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench;
    StreamScript& line = bench.listening();
    line.send(row.bytes);
    line.send("W7\r\n");
    CHECK(bench.values() == Values{7});
    REQUIRE(bench.sink.bad.size() == 1);
    CHECK(bench.sink.bad[0].code == row.code);
    CHECK(bench.sink.bad[0].device == DeviceIndex{3});
    CHECK(bench.sink.bad[0].source == "/dev/ttyUSB0");
    CHECK(bench.sink.bad[0].sample.size() == row.sample);
  }
}

TEST_CASE("a sample never exceeds its bound") {
  DeviceSettings settings = scale();
  settings.frames.bytes_max = 4000;
  Bench bench(settings);
  bench.listening().send(std::string(3000, 'x') + "\r\n");
  REQUIRE(bench.sink.bad.size() == 1);
  CHECK(bench.sink.bad[0].sample.size() == BadInput::kSampleBytesMax);
}

TEST_CASE("blank lines are no input and no error") {
  Bench bench;
  bench.listening().send("\r\n\r\nW1\r\n\r\n");
  CHECK(bench.values() == Values{1});
  CHECK(bench.sink.bad.empty());
}

TEST_CASE("a lost port is named, opened again at a steady pace, and lines go on") {
  Bench bench;
  StreamScript& line = bench.listening();
  line.send("W1\r\nW2");
  line.fail(ErrorCode::PortLost, "unplugged");
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Down);
  CHECK(bench.sink.states.back().state.code == ErrorCode::PortLost);
  CHECK(bench.sink.states.back().state.detail.find("/dev/ttyUSB0: unplugged") != std::string::npos);
  CHECK(bench.sink.bad.size() == 1);  // the half line

  for (int attempt = 2; attempt < 6; ++attempt) {
    bench.loop.run_for(1999ms);
    CHECK(line.opens == attempt - 1);
    bench.loop.run_for(1ms);
    CHECK(line.opens == attempt);
    line.fail(ErrorCode::PortUnavailable);
  }
  CHECK(bench.sink.states.back().state.code == ErrorCode::PortUnavailable);
  const auto told = bench.sink.states.size();
  bench.loop.run_for(2s);
  line.fail(ErrorCode::PortUnavailable);
  CHECK(bench.sink.states.size() == told);  // changes are told, repetitions are not

  bench.loop.run_for(2s);
  line.accept();
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Unknown);
  bench.loop.run_for(1s);
  line.send("W3\r\n");
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Up);
  CHECK(bench.values() == Values{1, 3});
}

TEST_CASE("after stop nothing reaches the sink and nothing is opened") {
  Bench bench;
  StreamScript& line = bench.listening();
  line.fail();
  bench.adapter.stop();
  const auto told = bench.sink.states.size();
  bench.loop.run_for(60s);
  CHECK(line.opens == 1);
  CHECK(line.state == StreamScript::State::Closed);
  CHECK(bench.sink.states.size() == told);
  CHECK(bench.sink.deliveries.empty());
}

TEST_CASE("a write is refused with the reason") {
  Bench bench;
  bench.listening();
  std::optional<WriteResult> result;
  bench.adapter.write(
      {.device = {3}, .tag = {0}, .value = 1.0, .deadline = bench.clock.steady() + 5s},
      [&](WriteResult done) { result = std::move(done); });
  REQUIRE(result);
  CHECK(result->outcome == WriteResult::Outcome::Refused);
  CHECK(result->code == ErrorCode::NotWritable);
  CHECK(bench.streams[0].written.empty());
}

TEST_CASE("settings that cannot work are refused at the start") {
  DeviceSettings no_delimiter = scale();
  no_delimiter.frames.framing = Delimited{.end = ""};
  DeviceSettings no_group = scale();
  no_group.pattern = R"(W(?<other>\d+))";
  for (const DeviceSettings& settings : {no_delimiter, no_group}) {
    Bench bench(settings);
    const Status started = bench.adapter.start(bench.sink);
    REQUIRE(!started);
    CHECK(started.error().code == ErrorCode::ConfigInvalid);
    CHECK(bench.streams.size() == 0);
  }
}
