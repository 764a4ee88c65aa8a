#include "gateway/control/line_question.h"

#include "tests/unit/gateway/control/control_fixture.h"

using namespace hubward;
using namespace hubward::control;
using namespace hubward::control::test;

namespace {

// Says what it was asked; answers when told.
struct ScriptedLine final : AsksLine {
  explicit ScriptedLine(std::string at) : place(std::move(at)) {}
  [[nodiscard]] std::string line_place() const override { return place; }
  [[nodiscard]] std::string line_speed() const override { return "9600 baud, parity none"; }
  [[nodiscard]] std::optional<std::uint8_t> unit_of(DeviceIndex device) const override {
    return device.value == 0 ? std::optional<std::uint8_t>(7) : std::nullopt;
  }
  [[nodiscard]] std::vector<LineTag> tags_written_by(const LineAsk& ask) const override {
    const bool writes = ask.unit == 7 && ask.request.at(0) == std::byte{6};
    return writes ? std::vector{LineTag{DeviceIndex{0}, TagIndex{0}}} : std::vector<LineTag>{};
  }
  [[nodiscard]] std::string words_for_answer(std::span<const std::byte> answer) const override {
    return answer[0] == std::byte{0x86} ? "exception 2" : "answered";
  }
  void ask(LineAsks asks, LineAnswered answered) override {
    asked = std::move(asks);
    done = std::move(answered);
  }
  std::string place;
  LineAsks asked;
  LineAnswered done;
};

struct Fixture : ControlFixture {
  ScriptedLine tcp{"10.0.0.5:502"};
  ScriptedLine zero{"/dev/zero"};
  std::vector<AsksLine*> lines{&tcp, &zero};
  LineQuestions questions{board, lines, writes, loop, log};

  void ask(const std::string& request, Answered& answer) {
    const auto document = json::parse(request);
    REQUIRE(document);
    questions.ask(*document, answer.taker());
  }
};

}  // namespace

TEST_CASE("a line is found by its place, whatever name of the port is used, or not at all") {
  Fixture f;
  for (const char* place : {"10.0.0.5:502", "/dev/zero", "/dev/./zero"}) {
    CAPTURE(place);
    Answered answer;
    f.ask(R"({"line":")" + std::string(place) + "\"}", answer);
    CHECK(answer.text("speed") == "9600 baud, parity none");
  }
  for (const char* place : {"10.0.0.5:1502", "/dev/null", "/dev/none", ""}) {
    CAPTURE(place);
    Answered answer;
    f.ask(R"({"line":")" + std::string(place) + "\"}", answer);
    CHECK(answer.line == R"({"no_line":true})");
  }
}

TEST_CASE("requests go to the line with their bounds, and answers and errors come back in order") {
  Fixture f;
  Answered answer;
  f.ask(R"({"line":"10.0.0.5:502","answer_ms":300,"within_ms":5000,
            "asks":[{"unit":7,"request":"AwAAAAE="},{"unit":9,"request":"AwAAAAE="}]})",
        answer);
  CHECK_FALSE(answer.line);
  REQUIRE(f.tcp.asked.asks.size() == 2);
  CHECK(f.tcp.asked.asks[1].unit == 9);
  CHECK(f.tcp.asked.asks[0].request.size() == 5);
  CHECK(f.tcp.asked.answer_time == 300ms);
  CHECK(f.tcp.asked.deadline == f.clock.steady() + 5s);
  CHECK_FALSE(f.tcp.asked.may_write);
  f.tcp.done({LineAnswer(std::vector{std::byte{3}}),
              failure(ErrorCode::NoAnswer, ErrorKind::Transient, "no answer")});
  CHECK(answer.line ==
        R"({"line":"10.0.0.5:502","speed":"9600 baud, parity none","answers":[{"answer":"Aw=="},)"
        R"({"code":"no_answer","detail":"no answer"}]})");
  CHECK(f.log.events.empty());
}

TEST_CASE("times are bounded, whatever is asked for") {
  Fixture f;
  Answered answer;
  f.ask(R"({"line":"10.0.0.5:502","answer_ms":99999999,"within_ms":-5,
            "asks":[{"unit":7,"request":"AwAAAAE="}]})",
        answer);
  CHECK(f.tcp.asked.answer_time == LineQuestions::kAnswerTimeMax);
  CHECK(f.tcp.asked.deadline == f.clock.steady() + 1ms);
}

TEST_CASE("a write is let through, logged and shown; during maintenance it is refused") {
  Fixture f;
  const std::string request =
      R"({"line":"10.0.0.5:502","write":"holding:30 = 5","asks":[{"unit":7,"request":"BgAeAAU="}]})";
  Answered answer;
  f.ask(request, answer);
  CHECK(f.tcp.asked.may_write);
  f.tcp.done({LineAnswer(std::vector{std::byte{6}})});
  CHECK(f.log.events == std::vector<std::string>{"plant_write"});
  const auto events = f.board.device_events(DeviceIndex{0});
  REQUIRE(events.size() == 1);
  CHECK(events[0].text.find("holding:30 = 5 at unit 7 on 10.0.0.5:502") == 0);
  f.writes.paused = true;
  f.tcp.asked = {};
  Answered refused;
  f.ask(request, refused);
  REQUIRE(refused.line);
  CHECK(refused.line->find("writes_paused") != std::string::npos);
  CHECK(f.tcp.asked.asks.empty());
}

TEST_CASE("requests of another form are refused with a sentence") {
  Fixture f;
  std::string many = R"({"line":"10.0.0.5:502","asks":[)";
  for (std::size_t i = 0; i <= AsksLine::kAsksMax; ++i) {
    many += std::string(i == 0 ? "" : ",") + R"({"unit":1,"request":"AwAAAAE="})";
  }
  for (const std::string& request :
       {std::string(R"({"line":"10.0.0.5:502","asks":7})"),
        std::string(R"({"line":"10.0.0.5:502","asks":[7]})"),
        std::string(R"({"line":"10.0.0.5:502","asks":[{"unit":256,"request":"AwAAAAE="}]})"),
        std::string(R"({"line":"10.0.0.5:502","asks":[{"unit":1,"request":"not base64"}]})"),
        many + "]}"}) {
    CAPTURE(request);
    Answered answer;
    f.ask(request, answer);
    CHECK_FALSE(answer.text("error").empty());
  }
}

TEST_CASE("what a writable tag stands for is not written past it, whoever asks") {
  Fixture f;
  f.descriptions[0].tags[0].writable = true;
  observe::StatusBoard board{{"plant", "1", f.descriptions}, f.clock};
  LineQuestions questions{board, f.lines, f.writes, f.loop, f.log};
  const auto document = json::parse(
      R"({"line":"10.0.0.5:502","write":"x","asks":[{"unit":7,"request":"AwAAAAE="},
          {"unit":7,"request":"BgAeAAU="}]})");
  Answered answer;
  questions.ask(*document, answer.taker());
  REQUIRE(answer.line);
  CHECK(answer.line->find("not_writable") != std::string::npos);
  CHECK(answer.line->find("pressure of press-07") != std::string::npos);
  CHECK(f.tcp.asked.asks.empty());
}

TEST_CASE("of a write and the reads around it what is the same is said once") {
  Fixture f;
  Answered answer;
  const std::string ask = R"({"unit":7,"request":"BgAeAAU="})";
  f.ask(R"({"line":"10.0.0.5:502","write":"x","asks":[)" + ask + "," + ask + "," + ask + "]}",
        answer);
  const LineAnswer refused(std::vector{std::byte{0x86}, std::byte{2}});
  const LineAnswer fine(std::vector{std::byte{6}});
  SUBCASE("all refused") {
    f.tcp.done({refused, refused, refused});
    const auto events = f.board.device_events(DeviceIndex{0});
    REQUIRE(events.size() == 1);
    CHECK(events[0].text.find("configuration: exception 2.") != std::string::npos);
  }
  SUBCASE("only the write") {
    f.tcp.done({fine, refused, fine});
    const auto events = f.board.device_events(DeviceIndex{0});
    REQUIRE(events.size() == 1);
    CHECK(events[0].text.find("configuration: answered, then exception 2, then answered.") !=
          std::string::npos);
  }
}

TEST_CASE("a write that the equipment refused is told as refused, each unit on its own") {
  Fixture f;
  Answered answer;
  f.ask(R"({"line":"10.0.0.5:502","write":"x","asks":[{"unit":7,"request":"BgAeAAU="},
            {"unit":9,"request":"BgAeAAU="}]})",
        answer);
  f.tcp.done({LineAnswer(std::vector{std::byte{0x86}, std::byte{2}}),
              LineAnswer(std::vector{std::byte{6}})});
  CHECK(f.log.events == std::vector<std::string>{"plant_write", "plant_write"});
  const auto events = f.board.device_events(DeviceIndex{0});
  REQUIRE(events.size() == 1);
  CHECK(events[0].text.find("unit 7") != std::string::npos);
  CHECK(events[0].text.find("configuration: exception 2.") != std::string::npos);
}
