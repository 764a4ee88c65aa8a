// Devices that are asked, one or several on a line, and commands in between.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>

#include "adapters/serial/serial_adapter.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_loop.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_stream.h"

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;
using test::StreamScript;
using Outcome = WriteResult::Outcome;

namespace {

// Answers "S S 12.5 g" to "S", as MT-SICS has it, and takes "M21 5" and "Z".
DeviceSettings scale(std::uint32_t index = 0) {
  DeviceSettings device;
  device.device = {index};
  device.pattern = R"(S S +(?<weight>[0-9.]+) g)";
  device.ignore = "S I";
  device.requests = {{"S\\r\\n", 1000ms}};
  device.response_timeout = 200ms;
  device.tags = {
      {.tag = {0}, .where = PatternGroup{"weight"}},
      {.tag = {1},
       .where = OnlyWritten{},
       .write = WriteSettings{.send = "Z\\r\\n", .confirmed = "Z A", .refused = "Z [I+-]|ES|EL"}},
      {.tag = {2},
       .where = OnlyWritten{},
       .write = WriteSettings{.send = "T {value}\\r\\n", .confirmed = "T S.*", .decimals = 1}},
      {.tag = {3}, .where = OnlyWritten{}, .write = WriteSettings{.send = "BEEP\\r\\n"}}};
  return device;
}

// Asked by its address, as ADAM-4000 modules are: "#01" is answered ">+1.5", without an address.
DeviceSettings module(std::uint32_t index) {
  DeviceSettings device;
  device.device = {index};
  device.frames.framing = Delimited{.start = ">", .end = "\r"};
  device.requests = {{"#0" + std::to_string(index) + "\\r", 500ms}};
  device.response_timeout = 200ms;
  device.tags = {{.tag = {0}, .where = CsvColumn{1}}};
  return device;
}

struct Bench {
  explicit Bench(std::vector<DeviceSettings> devices)
      : adapter(LineSettings{SerialSettings{.path = "/dev/ttyUSB0"}, std::move(devices)}, streams,
                loop) {
    REQUIRE(adapter.start(sink));
    streams[0].accept();
  }
  StreamScript& line() { return streams[0]; }
  std::string sent() {
    const auto bytes = line().take_written();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::vector<double> values(std::uint32_t device = 0) const {
    std::vector<double> all;
    for (const auto& delivery : sink.deliveries) {
      if (delivery.batch.device != DeviceIndex{device}) continue;
      all.push_back(std::get<double>(delivery.batch.readings.at(0).value));
    }
    return all;
  }
  void write(std::uint16_t tag, TagValue value, std::chrono::milliseconds within = 5s) {
    adapter.write({.device = {0},
                   .tag = {tag},
                   .value = std::move(value),
                   .deadline = clock.steady() + within},
                  [this](WriteResult done) { results.push_back(std::move(done)); });
  }

  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedStreams streams;
  test::RecordingSink sink;
  std::vector<WriteResult> results;
  SerialAdapter adapter;
};

using Values = std::vector<double>;

}  // namespace

TEST_CASE("a device is asked at its interval, and its answers are its values") {
  Bench bench({scale()});
  CHECK(bench.sent() == "S\r\n");
  CHECK(bench.line().discards == 1);
  bench.line().send("S S     12.5 g\r\n");
  CHECK(bench.values() == Values{12.5});
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Up);
  bench.loop.run_for(999ms);
  CHECK(bench.sent().empty());
  bench.loop.run_for(1ms);
  CHECK(bench.sent() == "S\r\n");
}

TEST_CASE("noise and echo in front of the answer do not stand for it") {
  Bench bench({scale()});
  bench.line().send("S\r\n");  // an adapter that echoes
  bench.line().send("\xFF\xFE\r\n");
  bench.line().send("S S 12.5 g\r\n");
  CHECK(bench.values() == Values{12.5});
  CHECK(bench.sink.bad.size() == 2);
  CHECK(bench.sink.bad[0].code == ErrorCode::BadPayload);
}

TEST_CASE("an answer that is to be ignored is one: the device lives, and has no value") {
  Bench bench({scale()});
  bench.line().send("S I\r\n");
  CHECK(bench.values().empty());
  CHECK(bench.sink.bad.empty());
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Up);
}

TEST_CASE("a device that does not answer is down after three requests and asked less often") {
  Bench bench({scale()});
  bench.loop.run_for(60s);
  const std::string asked = bench.sent();
  CHECK(asked.size() / 3 <= 11);  // 1, 2, 4, 8, 8 ... seconds apart
  CHECK(asked.size() / 3 >= 9);
  CHECK(bench.sink.states.back().state.code == ErrorCode::NoAnswer);
  const SteadyTime back = bench.clock.steady();
  while (bench.line().written.empty()) bench.loop.run_for(10ms);
  CHECK(bench.clock.steady() - back <= 8200ms);
  bench.sent();
  bench.line().send("S S 1.0 g\r\n");
  CHECK(bench.sink.states.back().state.link == FieldState::Link::Up);
  bench.loop.run_for(999ms);
  CHECK(bench.sent().empty());
  bench.loop.run_for(1ms);
  CHECK(bench.sent() == "S\r\n");  // at once at its own pace again
}

TEST_CASE("several devices share a line, one after the other, and a dead one costs little") {
  Bench bench({module(0), module(1), module(2)});
  int asked_dead = 0;
  for (int turn = 0; turn < 20'000; ++turn) {  // a millisecond each
    const std::string request = bench.sent();
    if (request == "#00\r") bench.line().send(">+0.0\r");
    if (request == "#01\r") ++asked_dead;
    if (request == "#02\r") bench.line().send(">+2.0\r");
    bench.loop.run_for(1ms);
  }
  CHECK(bench.values(0).size() >= 38);
  CHECK(bench.values(2).size() >= 38);
  CHECK(bench.values(0) == Values(bench.values(0).size(), 0.0));
  CHECK(bench.values(2) == Values(bench.values(2).size(), 2.0));
  CHECK(bench.values(1).empty());
  CHECK(asked_dead <= 6);
}

TEST_CASE("an answer that comes late is not taken for another device's") {
  Bench bench({module(0), module(1)});
  CHECK(bench.sent() == "#00\r");
  bench.loop.run_for(200ms);
  CHECK(bench.sent().empty());  // it may still come
  bench.loop.run_for(100ms);
  bench.line().send(">+0.0\r");
  CHECK(bench.sink.deliveries.empty());
  REQUIRE(bench.sink.bad.size() == 1);
  CHECK(bench.sink.bad[0].code == ErrorCode::UnexpectedAnswer);
  bench.loop.run_for(100ms);
  CHECK(bench.sent() == "#01\r");
  bench.line().send(">+1.0\r");
  CHECK(bench.values(1) == Values{1.0});
}

TEST_CASE("when the late answer has come, the next device is asked at once") {
  Bench bench({module(0), module(1)});
  bench.sent();
  bench.loop.run_for(250ms);
  CHECK(bench.sent().empty());
  bench.line().send(">+0.0\r");
  CHECK(bench.sink.deliveries.empty());
  CHECK(bench.sent() == "#01\r");
  bench.line().send(">+1.0\r");
  CHECK(bench.values(1) == Values{1.0});  // and is believed at once
}

TEST_CASE("an answer that comes very late is not taken for another device's") {
  Bench bench({module(0), module(1)});
  bench.sent();
  bench.line().send(">+0.0\r");
  bench.line().send(">+1.0\r");
  bench.loop.run_for(500ms);
  CHECK(bench.sent() == "#01\r#00\r");
  bench.loop.run_for(400ms);  // its time-out, and as long again
  CHECK(bench.sent() == "#01\r");
  SUBCASE("in front of the other's own: of two none is believed, and it is asked again") {
    bench.line().send(">+0.1\r");
    bench.line().send(">+1.1\r");
    CHECK(bench.values(1) == Values{1.0});
    CHECK(bench.sent() == "#01\r");
    bench.line().send(">+1.2\r");
    CHECK(bench.values(1) == Values{1.0, 1.2});
  }
  SUBCASE("behind the other's own, as long as that one might take") {
    bench.line().send(">+1.1\r");
    bench.loop.run_for(190ms);
    bench.line().send(">+0.1\r");
    CHECK(bench.values(1) == Values{1.0});
    CHECK(bench.sent() == "#01\r");
  }
  SUBCASE("while the other's own is still coming when its time is over") {
    bench.line().send(">+0.1\r");
    bench.loop.run_for(190ms);
    bench.line().send(">+1");
    bench.loop.run_for(20ms);
    CHECK(bench.sent().empty());
    bench.line().send(".1\r");
    CHECK(bench.values(1) == Values{1.0});
    CHECK(bench.sent() == "#01\r");
    bench.line().send(">+1.2\r");
    CHECK(bench.values(1) == Values{1.0, 1.2});
  }
  SUBCASE("not at all: what came alone, and again, is believed with the time at which it came") {
    bench.line().send(">+1.1\r");
    bench.loop.run_for(200ms);
    CHECK(bench.values(1) == Values{1.0});
    CHECK(bench.sent() == "#01\r");
    const SteadyTime came = bench.clock.steady();
    bench.line().send(">+1.1\r");
    CHECK(bench.values(1) == Values{1.0});
    bench.loop.run_for(200ms);
    CHECK(bench.values(1) == Values{1.0, 1.1});
    CHECK(bench.sink.deliveries.back().batch.at_steady == came);
  }
  CHECK(bench.values(0) == Values{0.0});
}

TEST_CASE("a late answer is not the value of a device that is silent when it comes") {
  Bench bench({module(0), module(1), module(2)});
  bench.sent();
  bench.line().send(">+0.0\r");
  bench.line().send(">+1.0\r");
  bench.line().send(">+2.0\r");
  bench.loop.run_for(500ms);
  CHECK(bench.sent() == "#01\r#02\r#00\r");
  bench.loop.run_for(200ms);  // the first one is late
  SUBCASE("from then on: it is asked again right away, and there is no second answer") {
    bench.loop.run_for(200ms);
    CHECK(bench.sent() == "#01\r");
    bench.line().send(">+0.1\r");
    bench.loop.run_for(200ms);
    CHECK(bench.sent() == "#01\r");
    bench.loop.run_for(200ms);
    REQUIRE_FALSE(bench.sink.bad.empty());
    CHECK(bench.sink.bad.back().code == ErrorCode::UnexpectedAnswer);
  }
  SUBCASE("that once: of two different answers nobody knows which is whose") {
    bench.loop.run_for(200ms);
    CHECK(bench.sent() == "#01\r");
    bench.line().send(">+0.1\r");
    bench.loop.run_for(200ms);
    CHECK(bench.sent() == "#01\r");
    bench.line().send(">+1.1\r");
    bench.loop.run_for(200ms);
    REQUIRE_FALSE(bench.sink.bad.empty());
    CHECK(bench.sink.bad.back().code == ErrorCode::UnexpectedAnswer);
    CHECK(bench.sent() == "#02\r");
  }
  CHECK(bench.values(1) == Values{1.0});
}

TEST_CASE("a late answer neither confirms another device's command nor becomes its value") {
  auto first = module(0);
  first.tags.push_back({.tag = {1},
                        .where = OnlyWritten{},
                        .write = WriteSettings{.send = "Z\\r", .confirmed = "[+]1[.].*"}});
  Bench bench({first, module(1)});
  bench.sent();
  bench.line().send(">+0.0\r");
  bench.loop.run_for(400ms);  // the other one's time-out, and as long again
  CHECK(bench.sent() == "#01\r");
  bench.write(1, true, 10s);
  SUBCASE("while it may come the command waits, and nobody else is asked") {
    bench.loop.run_for(4700ms);
    CHECK(bench.sent().empty());
    CHECK(bench.results.empty());
    bench.line().send(">+1.5\r");
    CHECK(bench.sent() == "Z\r");
  }
  SUBCASE("when it can come no more the command goes") {
    bench.loop.run_for(4900ms);
    CHECK(bench.sent() == "Z\r");
    bench.line().send(">+7.5\r");  // later still, or an echo: no answer to this
    CHECK(bench.sink.bad.back().code == ErrorCode::UnexpectedAnswer);
  }
  CHECK(bench.results.empty());
  CHECK(bench.values(0) == Values{0.0});
  CHECK(bench.values(1).empty());
  bench.line().send(">+1.0\r");
  REQUIRE(bench.results.size() == 1);
  CHECK(bench.results[0].outcome == Outcome::Written);
}

TEST_CASE("a device that is back answers as often as others may be late before it is believed") {
  Bench bench({module(0), module(1), module(2)});  // of none it is known that it is there
  CHECK(bench.sent() == "#00\r");
  bench.loop.run_for(400ms);
  CHECK(bench.sent() == "#01\r");
  bench.loop.run_for(400ms);
  for (int i = 0; i < 3; ++i) {  // two are silent: who speaks now may be one of them, or both
    CHECK(bench.sent() == "#02\r");
    CHECK(bench.values(2).empty());
    bench.line().send(">+2." + std::to_string(i) + "\r");
    bench.loop.run_for(200ms);
  }
  CHECK(bench.values(2) == Values{2.2});
  CHECK(bench.sent() == "#02\r");  // it is due again by now
  bench.line().send(">+2.3\r");
  bench.loop.run_for(200ms);
  CHECK(bench.values(2) == Values{2.2, 2.3});  // from now on once is enough
}

TEST_CASE(
    "no value is another device's, however late one of them is and whoever is silent meanwhile") {
  Bench bench({module(0), module(1), module(2)});
  std::uint64_t chance = 1;
  const auto draw = [&](unsigned below) {
    chance = chance * 6364136223846793005U + 1442695040888963407U;
    return static_cast<unsigned>(chance >> 33U) % below;
  };
  std::multimap<SteadyTime, std::string> under_way;
  for (int turn = 0; turn < 400'000; ++turn) {  // 5 ms each
    const std::string request = bench.sent();
    if (!request.empty()) {
      const char name = request[2];
      auto after = 5ms * (1 + draw(8));
      // One is late now and then, by up to 4.9 s, or says nothing.
      if (name == '1' && draw(10) == 0) after = draw(4) == 0 ? 1h : 5ms * (41 + draw(940));
      // Some requests do not get through, and one device is switched off now and then.
      if (draw(40) == 0 || (name == '2' && turn / 6000 % 4 == 1)) continue;
      const char digit = static_cast<char>('0' + turn / 700 % 10);  // its value, for 3.5 s
      under_way.emplace(bench.clock.steady() + after,
                        std::string(">+") + name + "." + digit + "\r");
    }
    bench.loop.run_for(5ms);
    while (!under_way.empty() && under_way.begin()->first <= bench.clock.steady()) {
      bench.line().send(under_way.begin()->second);
      under_way.erase(under_way.begin());
    }
  }
  for (std::uint32_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    for (const double value : bench.values(i)) CHECK(std::floor(value) == i);
    MESSAGE(bench.values(i).size(), " of 4000 polls");
    CHECK(bench.values(i).size() > 1000);
  }
}

TEST_CASE(
    "beside devices that are dead from the beginning answers are soon believed as they come") {
  Bench bench({module(0), module(1), module(2)});
  std::optional<SteadyTime> answered;
  auto longest = 0ns;
  for (int turn = 0; turn < 1600; ++turn) {  // 8 s, in all of which late answers are awaited
    if (bench.sent() == "#02\r") {
      bench.loop.run_for(10ms);
      bench.line().send(">+2.0\r");
      answered = bench.clock.steady();
    }
    const std::size_t before = bench.values(2).size();
    bench.loop.run_for(5ms);
    if (!answered || bench.values(2).size() == before) continue;
    if (before > 0) longest = std::max(longest, bench.clock.steady() - *answered);
  }
  CHECK(bench.values(2).size() > 5);
  CHECK(longest <= 30ms);
}

TEST_CASE("a late answer of others ends no pause of a device that names itself") {
  auto named = module(1);
  named.answers_name_it = true;
  named.requests = {{"#01T\\r", 500ms}, {"#01P\\r", 500ms}};
  named.tags = {{.tag = {0}, .where = CsvColumn{1}, .request = 0},
                {.tag = {1}, .where = CsvColumn{1}, .request = 1}};
  Bench bench({named, module(2), module(3)});
  CHECK(bench.sent() == "#01T\r");
  bench.loop.run_for(200ms);
  CHECK(bench.sent() == "#02\r");
  bench.loop.run_for(300ms);
  bench.line().send(">+2.0\r");    // late
  for (int i = 0; i < 400; ++i) {  // until 4.5 s
    const std::string asked = bench.sent();
    CHECK(asked.find("#01") == std::string::npos);
    if (asked.starts_with("#0")) bench.line().send(">+7.0\r");
    bench.loop.run_for(10ms);
  }
}

TEST_CASE("no late answer passes for the answer to a command, and no command waits for ever") {
  auto first = module(0);
  first.tags.push_back({.tag = {1},
                        .where = OnlyWritten{},
                        .write = WriteSettings{.send = "Z\\r", .confirmed = "[+].*"}});
  Bench bench({first, module(1), module(2)});
  std::uint64_t chance = 1;
  const auto draw = [&](unsigned below) {
    chance = chance * 6364136223846793005U + 1442695040888963407U;
    return static_cast<unsigned>(chance >> 33U) % below;
  };
  std::multimap<SteadyTime, std::string> under_way;
  std::string came;
  std::size_t written = 0;
  for (int turn = 0; turn < 100'000; ++turn) {  // 5 ms each
    if (turn % 1500 == 0) {                     // every 7.5 s
      bench.write(1, true, 7s);
      ++written;
    }
    const std::string request = bench.sent();
    if (!request.empty()) {
      const bool is_command = request == "Z\r";
      const char name = is_command ? '9' : request[2];
      auto after = 5ms * (1 + draw(8));
      if (name == '1' && draw(3) == 0) after = draw(4) == 0 ? 1h : 5ms * (41 + draw(940));
      under_way.emplace(bench.clock.steady() + after, std::string(">+") + name + ".0\r");
    }
    bench.loop.run_for(5ms);
    while (!under_way.empty() && under_way.begin()->first <= bench.clock.steady()) {
      came = under_way.begin()->second;
      under_way.erase(under_way.begin());
      const std::size_t results = bench.results.size();
      bench.line().send(came);
      if (bench.results.size() > results) CHECK(came == ">+9.0\r");
    }
  }
  CHECK(bench.results.size() >= written - 1);
  for (const WriteResult& result : bench.results) CHECK(result.outcome == Outcome::Written);
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (const double value : bench.values(i)) CHECK(value == i);
  }
}

TEST_CASE("where answers say whose they are the next device is asked at once") {
  auto first = module(0);
  auto second = module(1);
  first.answers_name_it = second.answers_name_it = true;
  Bench bench({first, second});
  CHECK(bench.sent() == "#00\r");
  bench.loop.run_for(200ms);
  CHECK(bench.sent() == "#01\r");
}

TEST_CASE(
    "of 32 devices on a line 8 are dead: the others keep their pace, and who returns is seen") {
  std::vector<DeviceSettings> devices;
  for (std::uint32_t i = 0; i < 32; ++i) {
    DeviceSettings device;
    device.device = {i};
    device.frames.framing = Delimited{.start = "", .end = "\r"};
    const std::string address = std::to_string(100 + i);
    device.pattern = address + ":(?<value>[0-9]+)";
    device.answers_name_it = true;
    device.requests = {{"#" + address + "\\r", 1000ms}};
    device.tags = {{.tag = {0}, .where = PatternGroup{"value"}}};
    devices.push_back(std::move(device));
  }
  Bench bench(std::move(devices));
  bool returned = false;
  const auto run = [&](std::chrono::seconds time) {
    for (int turn = 0; turn < time / 20ms; ++turn) {  // an answer takes 20 ms
      const std::string request = bench.sent();
      bench.loop.run_for(20ms);
      if (request.empty()) continue;
      const int i = std::stoi(request.substr(1)) - 100;
      const std::string number = std::to_string(i);
      if (i >= 8 || (returned && i == 3))
        bench.line().send(std::to_string(100 + i) + ":" + number + "\r");
    }
  };
  run(60s);
  const auto before = bench.values(20).size();
  run(100s);
  const std::size_t kept = bench.values(20).size() - before;
  CAPTURE(kept);
  MESSAGE(kept, " of 100 polls");
  CHECK(kept >= 95);
  CHECK(bench.values(3).empty());
  returned = true;
  run(10s);
  CHECK(!bench.values(3).empty());
  for (std::uint32_t i = 0; i < 32; ++i) {
    for (const double value : bench.values(i)) CHECK(value == i);
  }
}

TEST_CASE("the rest of what came with an answer does not answer the next request") {
  Bench bench({module(0), module(1)});
  bench.sent();
  bench.line().send(">+0.0\r>+9.9\r");
  CHECK(bench.values(0) == Values{0.0});
  CHECK(bench.sink.bad.size() == 1);
  CHECK(bench.sent() == "#01\r");
  CHECK(bench.values(1).empty());
}

TEST_CASE("a tag of one request takes no value from the answer to another") {
  DeviceSettings device = module(0);
  device.requests = {{"A\\r", 1000ms}, {"B\\r", 1000ms}};
  device.tags = {{.tag = {0}, .where = CsvColumn{1}, .request = 0},
                 {.tag = {1}, .where = CsvColumn{1}, .request = 1}};
  Bench bench({device});
  CHECK(bench.sent() == "A\r");
  bench.line().send(">1\r");
  CHECK(bench.sent() == "B\r");
  bench.line().send(">2\r");
  REQUIRE(bench.sink.deliveries.size() == 2);
  CHECK(bench.sink.deliveries[0].batch.readings.size() == 1);
  CHECK(bench.sink.deliveries[0].batch.readings[0].tag == TagIndex{0});
  CHECK(bench.sink.deliveries[1].batch.readings[0].tag == TagIndex{1});
}

TEST_CASE("a late answer to one request is not taken for the answer to another") {
  DeviceSettings device = module(0);
  device.requests = {{"T\\r", 1000ms}, {"P\\r", 1000ms}};
  device.response_timeout = 1000ms;
  device.tags = {{.tag = {0}, .where = CsvColumn{1}, .request = 0},
                 {.tag = {1}, .where = CsvColumn{1}, .request = 1}};
  Bench bench({device});
  CHECK(bench.sent() == "T\r");
  bench.loop.run_for(2500ms);
  bench.line().send(">21.5\r");  // 1.5 s after its time-out
  CHECK(bench.sink.deliveries.empty());
  bench.loop.run_for(3400ms);
  CHECK(bench.sent().empty());
  bench.loop.run_for(200ms);
  CHECK(bench.sent() == "P\r");
  bench.line().send(">3\r");
  REQUIRE(bench.values() == Values{3.0});
  CHECK(bench.sink.deliveries[0].batch.readings[0].tag == TagIndex{1});
}

TEST_CASE("a command goes before requests, and its result is what the device answered") {
  struct Row {
    std::string why;
    std::uint16_t tag;
    TagValue value;
    std::string sent;
    std::string answer;
    Outcome outcome;
    ErrorCode code;
  };
  const Row rows[] = {
      {"confirmed", 1, true, "Z\r\n", "Z A\r\n", Outcome::Written, {}},
      {"refused", 1, true, "Z\r\n", "Z +\r\n", Outcome::Refused, ErrorCode::WriteRefused},
      {"no answer", 1, true, "Z\r\n", "", Outcome::Unknown, ErrorCode::WriteOutcomeUnknown},
      {"another answer", 1, true, "Z\r\n", "Q\r\n", Outcome::Unknown,
       ErrorCode::WriteOutcomeUnknown},
      {"with a value", 2, 5.0, "T 5.0\r\n", "T S 5.0 g\r\n", Outcome::Written, {}},
      {"nothing would confirm it", 3, true, "BEEP\r\n", "", Outcome::Unknown,
       ErrorCode::WriteOutcomeUnknown},
      {"false is no order", 1, false, "", "", Outcome::Refused, ErrorCode::BadValue},
      {"nor is 0", 1, std::int64_t{0}, "", "", Outcome::Refused, ErrorCode::BadValue},
      {"nor another number", 1, std::int64_t{5}, "", "", Outcome::Refused, ErrorCode::BadValue},
      {"nor 1.0", 1, 1.0, "", "", Outcome::Refused, ErrorCode::BadValue},
      {"nor a word", 1, std::string("true"), "", "", Outcome::Refused, ErrorCode::BadValue},
      {"a value that gives another command", 2, std::string("1\r\nZ"), "", "", Outcome::Refused,
       ErrorCode::BadValue},
      {"no command for the tag", 0, 1.0, "", "", Outcome::Refused, ErrorCode::NotWritable},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench bench({scale()});
    bench.sent();
    bench.write(row.tag, row.value);
    CHECK(bench.sent().empty());  // a request is on the line
    bench.line().send("S S 1.0 g\r\n");
    CHECK(bench.sent() == row.sent);
    if (!row.answer.empty()) bench.line().send(row.answer);
    bench.loop.run_for(200ms);
    REQUIRE(bench.results.size() == 1);
    CHECK(bench.results[0].outcome == row.outcome);
    CHECK(bench.results[0].code == row.code);
  }
}

TEST_CASE("a late answer does not confirm the next command") {
  Bench bench({scale()});
  bench.line().send("S S 1.0 g\r\n");
  bench.write(1, true, 10s);
  bench.write(1, true, 10s);
  bench.sent();
  bench.loop.run_for(200ms);
  CHECK(bench.results.size() == 1);
  bench.loop.run_for(4900ms);
  CHECK(bench.sent().empty());
  bench.line().send("Z A\r\n");  // to the first
  CHECK(bench.results.size() == 1);
  bench.loop.run_for(100ms);
  CHECK(bench.sent() == "Z\r\n");
  bench.line().send("Z A\r\n");
  REQUIRE(bench.results.size() == 2);
  CHECK(bench.results[1].outcome == Outcome::Written);
}

TEST_CASE("a command that takes its time is given it, and requests are not") {
  DeviceSettings device = scale();
  device.tags[1].write->timeout = 10s;
  Bench bench({device});
  bench.line().send("S S 1.0 g\r\n");
  bench.write(1, true);
  bench.sent();
  bench.loop.run_for(9s);  // until the scale stands still
  CHECK(bench.results.empty());
  bench.line().send("Z A\r\n");
  REQUIRE(bench.results.size() == 1);
  CHECK(bench.results[0].outcome == Outcome::Written);
  CHECK(bench.sent() == "S\r\n");
  bench.loop.run_for(200ms);
  bench.write(1, true);
  CHECK(bench.sent() == "Z\r\n");  // the request was given up
  bench.loop.run_for(10s);
  REQUIRE(bench.results.size() == 2);
  CHECK(bench.results[1].outcome == Outcome::Unknown);
  CHECK(bench.results[1].detail == "no answer within 10000 ms");
}

TEST_CASE("a command that waited past its time is never put on the line") {
  Bench bench({scale()});
  bench.sent();
  bench.write(1, true, 100ms);
  bench.loop.run_for(200ms);
  REQUIRE(bench.results.size() == 1);
  CHECK(bench.results[0].outcome == Outcome::Expired);
  CHECK(bench.sent().empty());
}

TEST_CASE("commands that wait are withdrawn when maintenance begins") {
  Bench bench({scale()});
  bench.sent();
  bench.write(1, true);
  bench.adapter.withdraw_writes();
  REQUIRE(bench.results.size() == 1);
  CHECK(bench.results[0].outcome == Outcome::Refused);
  CHECK(bench.results[0].code == ErrorCode::WritesPaused);
  bench.loop.run_for(300ms);
  CHECK(bench.sent().find('Z') == std::string::npos);
}

TEST_CASE("a device that speaks by itself takes commands between its lines") {
  DeviceSettings device = scale();
  device.requests.clear();
  Bench bench({device});
  bench.loop.run_for(1s);
  bench.line().send("S S 1.0 g\r\n");
  bench.write(1, true);
  CHECK(bench.sent() == "Z\r\n");
  CHECK(bench.line().discards == 0);
  bench.line().send("S S 2.0 g\r\nZ A\r\nS S 0.0 g\r\n");
  REQUIRE(bench.results.size() == 1);
  CHECK(bench.results[0].outcome == Outcome::Written);
  CHECK(bench.values() == Values{1.0, 2.0, 0.0});
}

TEST_CASE("a port that is lost leaves no command without a true answer") {
  Bench bench({scale()});
  bench.line().send("S S 1.0 g\r\n");
  bench.write(1, true);
  bench.write(2, 5.0);
  bench.line().fail();
  REQUIRE(bench.results.size() == 2);
  CHECK(bench.results[0].outcome == Outcome::Unknown);
  CHECK(bench.results[1].outcome == Outcome::Refused);
  bench.write(1, true);
  CHECK(bench.results[2].outcome == Outcome::Refused);
  CHECK(bench.results[2].code == ErrorCode::PortUnavailable);
  bench.loop.run_for(2s);
  bench.line().accept();
  CHECK(bench.sent().ends_with("S\r\n"));
}

TEST_CASE("after stop nothing is asked and every command was answered") {
  Bench bench({scale()});
  bench.write(1, true);
  bench.sent();
  bench.adapter.stop();
  CHECK(bench.results.size() == 1);
  bench.loop.run_for(60s);
  CHECK(bench.sent().empty());
}

TEST_CASE("a device that speaks by itself cannot share a line") {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedStreams streams;
  test::RecordingSink sink;
  DeviceSettings speaks = module(1);
  speaks.requests.clear();
  SerialAdapter adapter(LineSettings{SerialSettings{}, {module(0), speaks}}, streams, loop);
  CHECK(!adapter.start(sink));
}

TEST_CASE("who uses how much of the line is told, and that what is asked for cannot fit") {
  std::vector<DeviceSettings> devices;
  for (const std::uint32_t i : {1U, 2U, 3U}) {
    devices.push_back(module(i));  // twice a second
    devices.back().response_timeout = 400ms;
    devices.back().answers_name_it = true;
  }
  Bench bench(std::move(devices));
  bench.adapter.line_use();
  for (int i = 0; i < 3200; ++i) {  // 10 ms each; the last one is dead
    const std::string request = bench.sent();
    const auto took = request.empty() || request == "#03\r" ? 10ms : 300ms;
    bench.loop.run_for(took);
    if (took > 10ms) bench.line().send(">+1.5\r");
    bench.adapter.line_use();
  }
  const LineUse use = bench.adapter.line_use();
  CHECK(use.place == "/dev/ttyUSB0");
  REQUIRE(use.parts.size() == 3);
  CHECK(use.parts[0].device == DeviceIndex{1});
  for (const std::size_t alive : {0U, 1U}) {
    CHECK(use.parts[alive].needed == doctest::Approx(0.6));
    CHECK(use.parts[alive].used == doctest::Approx(0.49).epsilon(0.05));
    CHECK(use.parts[alive].turnaround > 285ms);  // without what ten bytes take
    CHECK(use.parts[alive].turnaround < 290ms);
    CHECK(use.parts[alive].unanswered == 0);
    CHECK(use.parts[alive].missed_cycles > 10);
  }
  CHECK(use.parts[2].needed < 0.1);  // the least that it would need
  CHECK(use.parts[2].requests == use.parts[2].unanswered);
  CHECK(use.parts[2].missed_cycles == 0);
  CHECK(use.parts[2].used > 0.005);  // its time-outs
}
