#include "gateway/control/why_view.h"
#include "tests/unit/gateway/control/control_fixture.h"

using namespace hubward;
using namespace hubward::control;
using namespace hubward::control::test;

TEST_CASE("a device that is online is told of, and left alone") {
  ControlFixture f;
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(1min);
  const auto connects = f.link("hub-a.example").connects.size();
  Answered answer;
  f.why.ask("press-07", answer.taker());
  f.loop.run_for(1s);
  REQUIRE(answer.line);
  CHECK(answer.text("verdict") ==
        "press-07 is online at hub-a.example for 1 min; nothing is wrong.");
  CHECK(f.link("hub-a.example").connects.size() == connects);
  CHECK(f.link("hub-a.example").disconnects == 0);
  CHECK(f.links.to("dps.example") == nullptr);
  CHECK(f.ways.probes == 2);
}

TEST_CASE("a device that waits tries now, and the answer is that attempt's outcome") {
  ControlFixture f;
  f.start();
  for (int i = 0; i < 3; ++i) {
    f.refuse("hub-a.example", 3);
    f.loop.run_until(*f.roster.at(DeviceIndex{0}).cloud().view().next_attempt + 100ms);
  }
  f.refuse("hub-a.example", 3);
  CHECK(f.links.to("hub-a.example") == nullptr);
  Answered answer;
  f.why.ask("press-07", answer.taker());
  f.loop.run_for(1s);
  CHECK_FALSE(answer.line);  // CONNACK is awaited
  f.refuse("hub-a.example", 3);
  f.loop.run_for(200ms);
  REQUIRE(answer.line);
  CHECK(answer.text("verdict").starts_with("The hub says it is not available now"));
  CHECK(answer.line->find("tried just now") != std::string::npos);
  // Again at once: the same outcome, without another attempt.
  Answered again;
  f.why.ask("press-07", again.taker());
  f.loop.run_for(200ms);
  REQUIRE(again.line);
  CHECK(f.links.to("hub-a.example") == nullptr);
}

TEST_CASE("an attempt that nobody answers does not hold the answer up for ever") {
  ControlFixture f;
  f.start();  // CONNECT is on its way, and stays so
  Answered answer;
  f.why.ask("press-07", answer.taker());
  f.loop.run_for(WhyQuestions::kAttemptMax - 1s);
  CHECK_FALSE(answer.line);
  f.loop.run_for(2s);
  REQUIRE(answer.line);
  CHECK(answer.line->find("an attempt is still under way") != std::string::npos);
}

TEST_CASE("questions are bounded, and those that are answered make room") {
  ControlFixture f;
  f.start();  // nobody answers the CONNECT
  std::size_t answered = 0;
  for (std::size_t i = 0; i < WhyQuestions::kQuestionsMax; ++i) {
    f.why.ask("press-07", [&](const std::string&) { ++answered; });
  }
  Answered refused;
  f.why.ask("press-07", refused.taker());
  CHECK(refused.text("error").starts_with("too many questions"));
  f.loop.run_for(WhyQuestions::kAttemptMax + 1s);
  CHECK(answered == WhyQuestions::kQuestionsMax);
  Answered again;
  f.why.ask("press-07", again.taker());
  f.loop.run_for(WhyQuestions::kAttemptMax + 1s);
  CHECK(again.line);
}

TEST_CASE("an unknown device is refused with those that exist") {
  ControlFixture f;
  Answered answer;
  f.why.ask("pres-07", answer.taker());
  CHECK(answer.text("error") == "there is no device \"pres-07\"; there are press-07, scale-2");
}

TEST_CASE("the page sees what is known at once, and looks at the hosts once in ten seconds") {
  ControlFixture f;
  f.start();
  f.loop.run_for(1s);
  const observe::CloudHost dps{"dps.example", 8883};
  const auto look = [&] { return why_view(f.board, f.paths, dps, DeviceIndex{0}); };
  for (int i = 0; i < 20; ++i) CHECK(look().find("\"looking\":true") != std::string::npos);
  f.loop.run_for(0s);
  CHECK(f.ways.probes == 2);
  for (int i = 0; i < 20; ++i) CHECK(look().find("\"looking\":false") != std::string::npos);
  f.loop.run_for(9s);
  CHECK(f.ways.probes == 2);
  (void)look();
  f.loop.run_for(2s);
  (void)look();
  f.loop.run_for(0s);
  CHECK(f.ways.probes == 4);
  CHECK(f.link("hub-a.example").connects.size() == 1);  // nobody was made to try
  CHECK(f.links.to("dps.example") == nullptr);
}
