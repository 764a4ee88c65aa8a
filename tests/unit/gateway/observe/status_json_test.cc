#include "gateway/observe/status_json.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

namespace {

json::Document parsed(const std::string& text) {
  auto document = json::parse(text);
  REQUIRE_MESSAGE(document.has_value(), text);
  return std::move(*document);
}

std::string_view text_at(const json::Value& object, std::string_view name) {
  return json::as_string(json::find(object, name)).value_or("(none)");
}

}  // namespace

TEST_CASE("the status document holds the sentence, the counts and every device") {
  BoardFixture site(2);
  site.deliver(0);
  site.deliver(1);
  site.fail(1, CloudState::WaitingForOperator, ErrorCode::DpsBlocked, 40s);
  const auto document = parsed(status_json(site.board));
  const json::Value& plant = *json::find(document, "site");
  CHECK(text_at(plant, "sentence").starts_with("1 of 2 devices is delivering."));
  CHECK(text_at(plant, "severity") == "alarm");
  CHECK(json::as_int(json::find(plant, "alarm")) == 1);
  CHECK(json::as_int(json::find(plant, "delivering")) == 1);
  const json::Value& devices = *json::find(document, "devices");
  REQUIRE(devices.Size() == 2);
  const json::Value& blocked = devices[1];
  CHECK(text_at(blocked, "id") == "press-2");
  CHECK(json::as_int(json::find(blocked, "place")) == 1);
  CHECK(text_at(blocked, "failure") == "dps_blocked");
  CHECK(text_at(blocked, "person_does").starts_with("In IoT Central"));
  CHECK(json::as_int(json::find(blocked, "next_attempt_ms")) ==
        (site.clock.wall() + 40s).time_since_epoch().count());
  const json::Value& tag = (*json::find(blocked, "tags"))[0];
  CHECK(text_at(tag, "quality") == "good");
  CHECK(json::as_double(json::find(tag, "value")) == 1.5);
  CHECK((*json::find(blocked, "stages")).Size() == 5);
}

TEST_CASE("values that JSON or a browser cannot hold are written as text") {
  struct Row {
    const char* why;
    TagValue value;
    const char* json;
  };
  const Row rows[] = {
      {"switch", true, "true"},
      {"number", 2.5, "2.5"},
      {"negative", std::int64_t{-7}, "-7"},
      {"not a number", std::numeric_limits<double>::quiet_NaN(), "\"not a number\""},
      {"infinite", std::numeric_limits<double>::infinity(), "\"infinite\""},
      {"more than a browser counts exactly", std::uint64_t{9'007'199'254'740'993},
       "\"9007199254740993\""},
      {"the least integer", std::numeric_limits<std::int64_t>::min(), "\"-9223372036854775808\""},
      {"text with bytes that are no text", std::string("a\xff\x01"), "\"a\uFFFD \""},
      {"markup is data", std::string("<b>\"</b>"), "\"<b>\\\"</b>\""},
  };
  for (const auto& row : rows) {
    BoardFixture site(1);
    site.read(0, row.value);
    site.publish(0);
    CAPTURE(row.why);
    const auto document = parsed(status_json(site.board));
    const json::Value& tag = (*json::find((*json::find(document, "devices"))[0], "tags"))[0];
    CHECK(json::to_text(*json::find(tag, "value")) == row.json);
  }
}

TEST_CASE("a long text value is cut") {
  BoardFixture site(1);
  site.read(0, std::string(100'000, 'x'));
  site.publish(0);
  CHECK(status_json(site.board).size() < 10'000);
}

TEST_CASE("a bad value has a reason instead of a number") {
  BoardFixture site(1);
  auto& status = site.deliver(0);
  status.tags[0].last->quality = Quality::Bad;
  status.tags[0].last->code = ErrorCode::ModbusException;
  site.publish(0);
  const auto document = parsed(status_json(site.board));
  const json::Value& tag = (*json::find((*json::find(document, "devices"))[0], "tags"))[0];
  CHECK(text_at(tag, "quality") == "bad");
  CHECK(text_at(tag, "why") == "Device refused the request");
  CHECK(json::find(tag, "value") == nullptr);

  status.tags[0].last->code = ErrorCode::NoValue;
  status.tags[0].last->detail = "0x8000 stands for \"no value\"";
  site.publish(0);
  const auto later = parsed(status_json(site.board));
  CHECK(text_at((*json::find((*json::find(later, "devices"))[0], "tags"))[0], "why") ==
        "Device has no value: 0x8000 stands for \"no value\"");
}

TEST_CASE("one device's document has its trends, events and bad input, and nobody else's") {
  BoardFixture site(2);
  site.deliver(0);
  site.board.event({site.clock.wall(), DeviceIndex{0}, "mine", "Mine."});
  site.board.event({site.clock.wall(), DeviceIndex{1}, "other", "Other."});
  BadInput input{DeviceIndex{0}, "topic\x1b", ErrorCode::BadPayload, {}};
  for (const char c : std::string_view("{\"a\":\xff")) {
    input.sample.push_back(static_cast<std::byte>(c));
  }
  site.board.bad_input(input);
  input.device = DeviceIndex{1};
  site.board.bad_input(input);
  const auto document = parsed(device_json(site.board, DeviceIndex{0}));
  CHECK((*json::find(document, "trends"))[0].Size() == 1);
  REQUIRE((*json::find(document, "events")).Size() == 1);
  CHECK(text_at((*json::find(document, "events"))[0], "text") == "Mine.");
  REQUIRE((*json::find(document, "bad_inputs")).Size() == 1);
  const json::Value& sample = (*json::find(document, "bad_inputs"))[0];
  CHECK(text_at(sample, "hex") == "7b 22 61 22 3a ff");
  CHECK(text_at(sample, "text") == "{\"a\":\uFFFD");
  CHECK(text_at(sample, "source") == "topic ");
  CHECK((*json::find(parsed(bad_inputs_json(site.board)), "bad_inputs")).Size() == 2);
  CHECK(device_json(site.board, DeviceIndex{9}) == "{}");
}

TEST_CASE("the status names a wrong clock, how wrong it is and what a person does") {
  BoardFixture site(1);
  site.deliver(0);
  auto document = parsed(status_json(site.board));
  const json::Value* plant = json::find(document, "site");
  CHECK(text_at(*plant, "severity") == "normal");
  CHECK(text_at(*json::find(*plant, "clock"), "trust") == "held_over");
  CHECK(json::find(*json::find(*plant, "clock"), "cloud_ahead_s") == nullptr);

  ClockState state;
  state.trust = ClockTrust::Wrong;
  state.why = "this computer's clock is 3 h behind the cloud's";
  state.cloud_ahead = 3h;
  state.times_set = 2;
  site.board.set_clock_state(state);
  document = parsed(status_json(site.board));
  plant = json::find(document, "site");
  const json::Value& clock = *json::find(*plant, "clock");
  CHECK(text_at(*plant, "sentence").find("This computer's clock is 3 h behind the cloud's") !=
        std::string_view::npos);
  CHECK(text_at(*plant, "severity") == "warning");
  CHECK(text_at(clock, "trust") == "wrong");
  CHECK(text_at(clock, "why") == state.why);
  CHECK(text_at(clock, "person_does").find("NTP") != std::string_view::npos);
  CHECK(json::as_int(json::find(clock, "cloud_ahead_s")) == 10800);
  CHECK(json::as_int(json::find(clock, "times_set")) == 2);
}
