#include "adapters/mqtt/write_exchange.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/manual_clock.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::chrono_literals;

namespace {

using Outcome = WriteResult::Outcome;

struct Fixture {
  SteadyTime now{1h};
  WallTime wall = test::ManualClock::kStart;
  DeviceSettings device;
  WriteExchange exchange;
  std::vector<WriteResult> results;

  explicit Fixture(bool with_answer) {
    device.device = DeviceIndex{3};
    device.tags = {{TagIndex{0}, JsonMember{"/valve"},
                    WriteSettings{"plant/v1/set", R"({"valve":{value},"id":"{id}"})"}}};
    if (with_answer) device.answer = AnswerSettings{"plant/v1/answer", "/id", "/error"};
  }
  std::optional<WriteExchange::Begun> write(TagValue value, SteadyTime::duration left = 10s) {
    return exchange.begin(
        device, device.tags[0], {DeviceIndex{3}, TagIndex{0}, std::move(value), now + left},
        [this](WriteResult result) { results.push_back(std::move(result)); }, now, wall);
  }
  std::string answer(const std::string& id, const std::string& more) {
    return R"({"id":")" + id + "\"" + more + "}";
  }
  void hear(TagValue value, Quality quality = Quality::Good,
            std::optional<WallTime> measured = std::nullopt) {
    exchange.on_readings(DeviceIndex{3}, {{TagIndex{0}, std::move(value), quality}}, measured);
  }
};

}  // namespace

TEST_CASE("placeholders are filled in as JSON, as plain text, and with the write's name") {
  struct Row {
    std::string_view text;
    TagValue value;
    std::string filled;
  };
  const Row rows[] = {
      {"{value}", 21.5, "21.5"},
      {"{value}", true, "true"},
      {"{value}", std::int64_t{-7}, "-7"},
      {"{value}", std::uint64_t{18446744073709551615U}, "18446744073709551615"},
      {R"({"mode":{value}})", std::string("a\"b"), R"({"mode":"a\"b"})"},
      {"MODE={text};", std::string("auto"), "MODE=auto;"},
      {"{text}", 3.0, "3.0"},
      {"{text}", std::string("a\"b"), "a\"b"},
      {R"({"cmd":"mode {text}"})", std::string("x\",\"open\":\"1"),
       R"({"cmd":"mode x\",\"open\":\"1"})"},
      {R"({"a\"b":"{text}","n":{text}})", std::int64_t{7}, R"({"a\"b":"7","n":7})"},
      {R"({"id":"{id}","{other}":1})", true, R"({"id":"x-1","{other}":1})"},
  };
  for (const Row& row : rows) CHECK(fill_in(row.text, row.value, "x-1") == row.filled);
}

TEST_CASE("a device that answers says itself what it did") {
  Fixture f(true);
  const auto begun = f.write(true);
  REQUIRE(begun);
  CHECK(begun->publish.topic == "plant/v1/set");
  CHECK(begun->publish.payload == R"({"valve":true,"id":")" + begun->id + R"("})");
  f.exchange.on_published(begun->id, BrokerTook{}, true);
  f.hear(true);  // its word counts, not what is seen
  CHECK(f.results.empty());
  SUBCASE("it did it") {
    CHECK(f.exchange.on_answer(f.device, {"a", f.answer(begun->id, R"(,"error":null)")}));
    REQUIRE(f.results.size() == 1);
    CHECK(f.results[0].outcome == Outcome::Written);
  }
  SUBCASE("it did not") {
    CHECK(f.exchange.on_answer(f.device,
                               {"a", f.answer(begun->id, R"(,"error":"valve is locked")")}));
    REQUIRE(f.results.size() == 1);
    CHECK(f.results[0].outcome == Outcome::Refused);
    CHECK(f.results[0].code == ErrorCode::WriteRefused);
    CHECK(f.results[0].detail == "the device says: valve is locked");
  }
  SUBCASE("it says nothing: nobody knows") {
    f.now += 5s;
    CHECK(f.exchange.deadline() == f.now);
    f.exchange.on_timer(f.now);
    REQUIRE(f.results.size() == 1);
    CHECK(f.results[0].outcome == Outcome::Unknown);
    CHECK_FALSE(f.exchange.on_answer(f.device, {"a", f.answer(begun->id, "")}));
  }
  SUBCASE("answers to something else, or none at all, answer nothing") {
    DeviceSettings other = f.device;
    CHECK_FALSE(f.exchange.on_answer(f.device, {"a", f.answer("1-1", "")}));
    CHECK_FALSE(f.exchange.on_answer(f.device, {"a", "{}"}));
    CHECK_FALSE(f.exchange.on_answer(f.device, {"a", "not JSON"}));
    CHECK_FALSE(f.exchange.on_answer(other, {"a", f.answer(begun->id, "")}));
    CHECK(f.results.empty());
  }
}

TEST_CASE("an answer with the write's correlation data says by its payload what the device did") {
  struct Row {
    const char* why;
    std::vector<std::string> done;
    std::string error_pointer;
    std::string payload;
    Outcome outcome;
    std::string detail;
  };
  const Row rows[] = {
      {"nothing: it did it", {}, "/error", "", Outcome::Written, ""},
      {"JSON without an error", {}, "/error", R"({"ok":true})", Outcome::Written, ""},
      {"JSON with an error",
       {},
       "/error",
       R"({"error":"locked"})",
       Outcome::Refused,
       "the device says: locked"},
      {"words that nobody explains",
       {},
       "/error",
       "ERR 5",
       Outcome::Unknown,
       "the device answered what the configuration does not explain: ERR 5"},
      {"a truth value that nobody explains",
       {},
       "/error",
       "false",
       Outcome::Unknown,
       "the device answered what the configuration does not explain: false"},
      {"the word for done", {"OK", "1"}, "/error", "OK", Outcome::Written, ""},
      {"another word", {"OK", "1"}, "/error", "ERR 5", Outcome::Refused, "the device says: ERR 5"},
      {"nothing, where a word is expected",
       {"OK"},
       "/error",
       "",
       Outcome::Unknown,
       "the device answered without a word"},
      {"bytes that are no text",
       {},
       "/error",
       "\xFF\x06",
       Outcome::Unknown,
       "the device answered what the configuration does not explain: ? "},
      {"more text than is passed on, cut between characters",
       {"OK"},
       "/error",
       std::string(199, 'x') + "\u00e4\u00e4",
       Outcome::Refused,
       "the device says: " + std::string(199, 'x')},
      {"text in UTF-8 on several lines",
       {"OK"},
       "/error",
       "gest\u00f6rt\r\nE5",
       Outcome::Refused,
       "the device says: gest\u00f6rt  E5"},
      {"an error in JSON, cut between characters",
       {},
       "/error",
       R"({"error":")" + std::string(199, 'x') + "\u00e4\"}",
       Outcome::Refused,
       "the device says: " + std::string(199, 'x')},
      {"nothing, where that is the word", {""}, "/error", "", Outcome::Written, ""},
      {"the whole payload is the error: none", {}, "", "0", Outcome::Written, ""},
      {"the whole payload is the error",
       {},
       "",
       "\"locked\"",
       Outcome::Refused,
       "the device says: locked"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Fixture f(true);
    f.device.answer->done = row.done;
    f.device.answer->error_pointer = row.error_pointer;
    const auto begun = f.write(true);
    REQUIRE(begun);
    BrokerMessage answer{"plant/v1/answer", row.payload};
    answer.correlation = "another's";
    CHECK_FALSE(f.exchange.on_answer(f.device, answer));
    answer.correlation = begun->id;
    CHECK_FALSE(f.exchange.on_answer(DeviceSettings(f.device), answer));  // another device
    CHECK(f.exchange.on_answer(f.device, answer));
    REQUIRE(f.results.size() == 1);
    CHECK(f.results[0].outcome == row.outcome);
    CHECK(f.results[0].detail == row.detail);
  }
}

TEST_CASE(
    "a write asks for its answer where the device has a topic for it, and does not outlive it") {
  SUBCASE("with an answer topic") {
    Fixture f(true);
    f.device.answer->response_topic = "plant/v1/answer";
    const auto begun = f.write(true);
    REQUIRE(begun);
    CHECK(begun->publish.response_topic == "plant/v1/answer");
    CHECK(begun->publish.correlation == begun->id);
    CHECK(begun->publish.expires_after == 4900ms);  // answer_timeout: nobody waits any longer
  }
  SUBCASE("without") {
    Fixture f(false);
    const auto begun = f.write(true, 1500ms);
    REQUIRE(begun);
    CHECK(begun->publish.response_topic.empty());
    CHECK(begun->publish.correlation.empty());
    CHECK(begun->publish.expires_after == 1400ms);
  }
  SUBCASE("at the last moment") {
    Fixture f(false);
    CHECK(f.write(true, 50ms)->publish.expires_after == 1ms);
  }
}

TEST_CASE("that nobody had subscribed is told when the device has not answered, and not before") {
  Fixture f(true);
  const auto begun = f.write(true);
  REQUIRE(begun);
  f.exchange.on_published(begun->id, BrokerTook{.nobody_listens = true}, true);
  SUBCASE("no answer") {
    CHECK(f.results.empty());
    f.now += 5s;
    f.exchange.on_timer(f.now);
    REQUIRE(f.results.size() == 1);
    CHECK(f.results[0].outcome == Outcome::Unknown);
    CHECK(f.results[0].detail ==
          "the device did not answer; the broker said that nobody had subscribed to the topic of "
          "the write");
  }
  SUBCASE("a bridge stood behind the broker") {
    CHECK(f.exchange.on_answer(f.device, {"a", f.answer(begun->id, "")}));
    REQUIRE(f.results.size() == 1);
    CHECK(f.results[0].outcome == Outcome::Written);
  }
}

TEST_CASE("without an answer a write is done when the device is heard with the new value") {
  Fixture f(false);
  REQUIRE(f.write(21.0));
  f.hear(20.0);
  f.hear(21.0, Quality::Bad);
  f.exchange.on_readings(DeviceIndex{4}, {{TagIndex{0}, 21.0}}, {});
  f.exchange.on_readings(DeviceIndex{3}, {{TagIndex{1}, 21.0}}, {});
  CHECK(f.results.empty());
  f.hear(std::int64_t{21});
  REQUIRE(f.results.size() == 1);
  CHECK(f.results[0].outcome == Outcome::Written);
  CHECK(f.results[0].read_back == TagValue{std::int64_t{21}});
  REQUIRE(f.write(22.0));
  f.now += 5s;
  f.exchange.on_timer(f.now);
  REQUIRE(f.results.size() == 2);
  CHECK(f.results[1].outcome == Outcome::Unknown);
  CHECK(f.results[1].detail == "the device was not heard with the new value");
}

TEST_CASE("what was measured before the write does not show that it was done") {
  Fixture f(false);
  REQUIRE(f.write(21.0));
  f.hear(21.0, Quality::Good, f.wall - 1min);  // waited at the broker
  f.hear(21.0, Quality::Good, f.wall - 3s);
  CHECK(f.results.empty());
  SUBCASE("after it") { f.hear(21.0, Quality::Good, f.wall + 1s); }
  SUBCASE("in the same second, by a clock of whole seconds that is a little late") {
    f.hear(21.0, Quality::Good, f.wall - 1500ms);
  }
  REQUIRE(f.results.size() == 1);
  CHECK(f.results[0].outcome == Outcome::Written);
}

TEST_CASE("what was not published is refused, and what may have been is unknown") {
  Fixture f(true);
  const Result<BrokerTook> failed =
      failure(ErrorCode::BrokerUnavailable, ErrorKind::Permanent, "broker: not connected");
  f.exchange.on_published(f.write(true)->id, failed, false);
  f.exchange.on_published(f.write(true)->id, failed, true);
  REQUIRE(f.results.size() == 2);
  CHECK(f.results[0].outcome == Outcome::Refused);
  CHECK(f.results[0].code == ErrorCode::BrokerUnavailable);
  CHECK(f.results[1].outcome == Outcome::Unknown);
  CHECK_FALSE(f.write(true, 0s));
  CHECK(f.results[2].outcome == Outcome::Expired);
  CHECK(f.write(true)->id != f.write(true)->id);
  f.exchange.on_published(f.write(true)->id,
                          failure(ErrorCode::CommandExpired, ErrorKind::Permanent, "too late"),
                          false);
  CHECK(f.results[3].outcome == Outcome::Expired);
  CHECK(f.results[3].code == ErrorCode::CommandExpired);
  f.exchange.stop();
  CHECK(f.results.size() == 6);
  CHECK(f.results[5].outcome == Outcome::Unknown);
}

TEST_CASE(
    "what the broker refused is told with its reason and the topic, and not as the device's") {
  Fixture f(true);
  f.exchange.on_published(
      f.write(true)->id,
      failure(ErrorCode::BrokerRefused, ErrorKind::Permanent, "broker b:1883: not allowed"), false);
  REQUIRE(f.results.size() == 1);
  CHECK(f.results[0].outcome == Outcome::Refused);
  CHECK(f.results[0].code == ErrorCode::BrokerRefused);
  CHECK(f.results[0].detail == "broker b:1883: not allowed; topic plant/v1/set");
}

TEST_CASE("values that mean the same are the same") {
  CHECK(is_same_value(1.0, std::int64_t{1}));
  CHECK(is_same_value(true, std::uint64_t{1}));
  CHECK(is_same_value(0.1 + 0.2, 0.3));
  CHECK(is_same_value(std::string("on"), std::string("on")));
  CHECK_FALSE(is_same_value(std::string("1"), 1.0));
  CHECK_FALSE(is_same_value(1.0, 1.01));
}
