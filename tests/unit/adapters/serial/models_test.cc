// The ready-made device models, read as a site reads them and fed with what such devices say.
#include <doctest/doctest.h>

#include <string>

#include "adapters/serial/serial_adapter.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_loop.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_stream.h"
#include "tests/unit/gateway/config/model_site.h"

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;

namespace {

// A device of a ready-made model with a port in the test's hands.
struct Bench {
  explicit Bench(const std::string& model, const std::string& more = "")
      : site(config::site_of(model, R"({"serial": {"port": "/dev/ttyS0"}})", more)),
        adapter(site.serial_lines.at(0), streams, loop) {
    REQUIRE(adapter.start(sink));
    streams[0].accept();
  }
  void say(std::string_view text) { streams[0].send(text); }
  std::string sent() {
    const auto bytes = streams[0].take_written();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // "weight=12.5 status=S": the readings of the newest batch.
  std::string newest() const {
    if (sink.deliveries.empty()) return "";
    std::string out;
    for (const TagReading& reading : sink.deliveries.back().batch.readings) {
      out += (out.empty() ? "" : " ") + site.devices[0].tags[reading.tag.value].name + "=";
      if (reading.quality == Quality::Bad) {
        out += "bad";
      } else if (const auto* text = std::get_if<std::string>(&reading.value)) {
        out += *text;
      } else if (const auto* number = std::get_if<double>(&reading.value)) {
        out += std::to_string(*number);
      } else {
        out += std::to_string(std::get<std::int64_t>(reading.value));
      }
    }
    return out;
  }
  WriteResult write(const std::string& name) {
    std::optional<WriteResult> result;
    for (std::uint16_t i = 0; i < site.devices[0].tags.size(); ++i) {
      if (site.devices[0].tags[i].name != name) continue;
      adapter.write({.device = {0}, .tag = {i}, .value = true, .deadline = clock.steady() + 5s},
                    [&](WriteResult done) { result = std::move(done); });
    }
    const std::string command = sent();
    if (command == "Z\r\n") say("Z A\r\n");
    if (command == "T\r\n") say("T S    100.00 g\r\n");
    if (command == "TI\r\n") say("TI I\r\n");
    if (command == "TAC\r\n") say("ES\r\n");
    loop.run_for(1100ms);
    REQUIRE(result);
    return *result;
  }

  config::SiteSettings site;
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::ScriptedStreams streams;
  test::RecordingSink sink;
  SerialAdapter adapter;
};

}  // namespace

// Answers as in the MT-SICS reference manual: ten characters of weight, right-justified.
TEST_CASE("a scale that speaks MT-SICS is asked, and its states and units are told apart") {
  Bench bench("mt-sics-scale");
  CHECK(bench.sent() == "SI\r\n");
  CHECK(bench.site.devices[0].expected_messages_per_minute == 60.0);  // for the quota's sake
  struct Row {
    std::string answer;
    std::string readings;
  };
  const Row rows[] = {{"S S     100.00 g\r\n", "weight=100.000000 status=S"},
                      {"S D     129.07 g\r\n", "weight=129.070000 status=D"},
                      {"S S      -0.02 g\r\n", "weight=-0.020000 status=S"},
                      {"S S      0.220 lb\r\n", "weight=bad status=S"},
                      {"S I\r\n", "status=I"},
                      {"S +\r\n", "status=+"}};
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    bench.say(row.answer);
    CHECK(bench.newest() == row.readings);
    bench.loop.run_for(1s);
    CHECK(bench.sent() == "SI\r\n");
  }
  CHECK(bench.sink.bad.empty());
  bench.say("ES\r\n");
  CHECK(bench.sink.bad.size() == 1);
}

TEST_CASE("commands of MT-SICS say what the scale answered, once a file opts in") {
  Bench bench("mt-sics-scale", R"(, "tags": [{"name": "zero", "writable": true}])");
  for (const auto& tag : bench.site.devices[0].tags) {
    CHECK(tag.writable == (tag.name == "zero"));
  }
  bench.sent();
  bench.say("S S     100.00 g\r\n");
  CHECK(bench.write("zero").outcome == WriteResult::Outcome::Written);
  bench.sent();
  bench.say("S S       0.00 g\r\n");
  CHECK(bench.write("tare").outcome == WriteResult::Outcome::Written);
  bench.sent();
  bench.say("S S       0.00 g\r\n");
  CHECK(bench.write("tare_now").outcome == WriteResult::Outcome::Refused);
  bench.sent();
  bench.say("S S       0.00 g\r\n");
  CHECK(bench.write("clear_tare").outcome == WriteResult::Outcome::Refused);
}

// Sentences of the SiRF NMEA reference manual, tables 1-3, 1-10 and 1-8.
TEST_CASE("a receiver that speaks NMEA 0183 gives position and speed, and none without a fix") {
  Bench bench("nmea-0183-gnss");
  bench.say("C*3\r\n");  // joined in the middle of a sentence
  bench.say("$GPGGA,161229.487,3723.2475,N,12158.3416,W,1,07,1.0,9.0,M,,,,0000*18\r\n");
  CHECK(bench.newest() ==
        "latitude=37.387458 longitude=-121.972360 fix_quality=1 satellites=7 hdop=1.000000 "
        "altitude=9.000000");
  bench.say("$GPRMC,161229.487,A,3723.2475,N,12158.3416,W,0.13,309.62,120598,,*10\r\n");
  CHECK(bench.newest() == "status=A speed=0.130000 date=120598 utc=161229.487");
  bench.say("$GPGSV,2,1,07,07,79,048,42,02,51,062,43,26,36,256,42,27,27,138,42*71\r\n");
  CHECK(bench.sink.bad.empty());
  CHECK(bench.sink.deliveries.size() == 2);
  bench.say("$GPGGA,161229.487,3723.2475,N,12158.3416,W,1,07,1.0,9.1,M,,,,0000*18\r\n");
  CHECK(bench.sink.bad.size() == 1);
  CHECK(bench.sink.bad.back().code == ErrorCode::BadFrame);
  CHECK(bench.sink.deliveries.size() == 2);
  bench.say(
      "$GPGGA,235947.000,,,,,0,00,,,M,,,,0000*" +
      check_text({.form = CheckSettings::Form::Hex}, "GPGGA,235947.000,,,,,0,00,,,M,,,,0000") +
      "\r\n");
  CHECK(bench.newest() ==
        "latitude=bad longitude=bad fix_quality=0 satellites=0 hdop=bad altitude=bad");
  // Others go on with what they knew last.
  bench.say("$GPGGA,161230.487,3723.2475,N,12158.3416,W,0,00,1.0,9.0,M,,,,0000*16\r\n");
  CHECK(bench.newest() == "fix_quality=0 satellites=0 hdop=1.000000");
  const std::string lost = "GPRMC,161230.487,V,3723.2475,N,12158.3416,W,0.13,309.62,120598,,";
  bench.say("$" + lost + "*" + check_text({.form = CheckSettings::Form::Hex}, lost) + "\r\n");
  CHECK(bench.newest() == "status=V date=120598 utc=161230.487");
}

TEST_CASE("a barcode reader's codes are taken whatever stands around them") {
  Bench bench("barcode-scanner");
  bench.loop.run_for(1s);
  for (const std::string& code : {std::string("4006381333931\r\n"), std::string("4006381333931\r"),
                                  std::string("\x02"
                                              "4006381333931\x03"),
                                  std::string("4006381333931\t"), std::string("4006381333931")}) {
    const auto before = bench.sink.deliveries.size();
    bench.say(code.substr(0, 5));
    bench.loop.run_for(20ms);
    bench.say(code.substr(5));
    CHECK(bench.sink.deliveries.size() == before);
    bench.loop.run_for(50ms);
    REQUIRE(bench.sink.deliveries.size() == before + 1);
    CHECK(bench.newest() == "code=4006381333931");
  }
  bench.say("\r\n");
  bench.loop.run_for(50ms);
  bench.say("A B-C/7\r");
  bench.loop.run_for(50ms);
  CHECK(bench.newest() == "code=A B-C/7");
  CHECK(bench.sink.bad.empty());
  CHECK(bench.sink.deliveries.size() == 6);
}
