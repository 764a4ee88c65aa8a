#include "tests/sim/proxy/rule.h"

#include <doctest/doctest.h>

#include <vector>

namespace hubward::simproxy {
namespace {

const std::vector<std::string> kTargets{"hub-1", "dps"};

Result<Rule> parsed(std::string_view text) { return parse_rule(*json::parse(text), kTargets); }

TEST_CASE("every kind of rule is read with its members") {
  const auto delay =
      parsed(R"({"kind":"delay","target":"hub-1","direction":"up","delay_ms":300,"jitter_ms":50})");
  REQUIRE(delay);
  CHECK(delay->kind == Kind::Delay);
  CHECK(delay->target == "hub-1");
  CHECK(delay->direction == Direction::Up);
  CHECK(delay->delay == std::chrono::milliseconds(300));
  CHECK(delay->jitter == std::chrono::milliseconds(50));

  const auto cut = parsed(
      R"({"kind":"cut","after":10,"after_max":20,"how":"fin","times":3,"connections":"new"})");
  REQUIRE(cut);
  CHECK(cut->kind == Kind::Cut);
  CHECK(cut->target.empty());
  CHECK_FALSE(cut->direction.has_value());
  CHECK(cut->after == 10);
  CHECK(cut->after_max == 20);
  CHECK(cut->ending == Ending::Goodbye);
  CHECK(cut->times == 3U);
  CHECK(cut->which == Which::New);

  CHECK(parsed(R"({"kind":"stall","duration_ms":60000,"connection":4})")->connection == 4U);
  CHECK(parsed(R"({"kind":"swallow","connections":"open"})")->which == Which::Open);
  CHECK(parsed(R"({"kind":"dribble","bytes":1,"every_ms":20})")->bytes == 1);
  CHECK(parsed(R"({"kind":"refuse"})")->kind == Kind::Refuse);
  CHECK(parsed(R"({"kind":"hang"})")->kind == Kind::Hang);
}

TEST_CASE("a rate becomes small pieces, and a slow one single bytes") {
  const auto fast = parsed(R"({"kind":"rate","bytes_per_s":10000})");
  REQUIRE(fast);
  CHECK(fast->bytes == 200);
  CHECK(fast->every == std::chrono::milliseconds(20));
  const auto slow = parsed(R"({"kind":"rate","bytes_per_s":4})");
  REQUIRE(slow);
  CHECK(slow->bytes == 1);
  CHECK(slow->every == std::chrono::milliseconds(250));
}

TEST_CASE("a rule that makes no sense is refused with what would be right") {
  struct Row {
    std::string_view text, complaint;
  };
  const Row rows[] = {
      {R"({"kind":"explode"})", "kind is"},
      {R"({})", "kind is"},
      {R"([])", "a rule is an object"},
      {R"({"kind":"stall","target":"hub-7"})", "no target is named hub-7"},
      {R"({"kind":"stall","direction":"left"})", "direction is up or down"},
      {R"({"kind":"stall","delay":3})", "a rule has no delay"},
      {R"({"kind":"delay"})", "a delay needs"},
      {R"({"kind":"delay","delay_ms":-1})", "delay_ms is a whole number"},
      {R"({"kind":"delay","delay_ms":"3"})", "delay_ms is a whole number"},
      {R"({"kind":"dribble","bytes":1})", "a dribble needs"},
      {R"({"kind":"rate"})", "a rate needs"},
      {R"({"kind":"rate","bytes_per_s":0})", "bytes_per_s is a whole number from 1"},
      {R"({"kind":"cut","after":9,"after_max":8})", "after_max is below after"},
      {R"({"kind":"cut","how":"softly"})", "how is rst or fin"},
      {R"({"kind":"stall","connections":"some"})", "connections are"},
      {R"({"kind":"stall","times":0})", "times is a whole number from 1"},
      {R"({"kind":"refuse","times":2})", "refuse closes the door"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto rule = parsed(row.text);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().context.find(row.complaint) != std::string::npos);
  }
}

}  // namespace
}  // namespace hubward::simproxy
