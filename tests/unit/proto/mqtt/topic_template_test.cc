#include "proto/mqtt/topic_template.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::mqtt;

TEST_CASE("a template finds the device's name in a topic, or says that the topic is another's") {
  struct Row {
    const char* why;
    std::string_view text;
    std::string_view topic;
    std::optional<std::string_view> device;
  };
  const Row rows[] = {
      {"in the middle", "plant/{device}/telemetry", "plant/sensor-01/telemetry", "sensor-01"},
      {"at the beginning", "{device}/out", "s/out", "s"},
      {"at the end", "out/{device}", "out/s", "s"},
      {"alone", "{device}", "s", "s"},
      {"no name in it", "hall/3/door", "hall/3/door", ""},
      {"with + before it", "+/{device}/t", "a/s/t", "s"},
      {"with # after it", "p/{device}/#", "p/s/a/b", "s"},
      {"# takes the level above, too", "p/{device}/#", "p/s", "s"},
      {"name with blanks and UTF-8", "p/{device}", "p/Waage Süd", "Waage Süd"},
      {"longer topic", "p/{device}", "p/s/t", std::nullopt},
      {"shorter topic", "p/{device}/t", "p/s", std::nullopt},
      {"other words", "p/{device}/t", "p/s/u", std::nullopt},
      {"level without a name", "p/{device}/t", "p//t", std::nullopt},
      {"broker's own topics", "{device}/t", "$SYS/t", std::nullopt},
      {"no topic at all", "{device}", "", std::nullopt},
      {"a wildcard is no topic", "p/{device}", "p/+", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto made = TopicTemplate::parse(row.text);
    REQUIRE(made);
    const auto names = made->match(row.topic);
    CHECK((names ? std::optional(names->device) : std::nullopt) == row.device);
  }
}

TEST_CASE("component and tag are found in any order, each at its own level") {
  struct Row {
    const char* why;
    std::string_view text;
    std::string_view topic;
    std::optional<TopicNames> names;
  };
  const Row rows[] = {
      {"all three", "p/{device}/{component}/{tag}", "p/s/motor/rpm",
       TopicNames{"s", "motor", "rpm"}},
      {"tag first", "{tag}/of/{device}", "rpm/of/s", TopicNames{"s", "", "rpm"}},
      {"tag only", "hall/{tag}", "hall/light", TopicNames{"", "", "light"}},
      {"with wildcards", "+/{component}/{device}/#", "a/motor/s/x/y", TopicNames{"s", "motor", ""}},
      {"a level without a name", "p/{device}/{tag}", "p/s/", std::nullopt},
      {"too short", "p/{device}/{tag}", "p/s", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto made = TopicTemplate::parse(row.text);
    REQUIRE(made);
    CHECK((made->match(row.topic) == row.names));
  }
}

TEST_CASE("the subscription of a template has a wildcard where the name stands") {
  CHECK(TopicTemplate::parse("plant/{device}/telemetry")->filter() == "plant/+/telemetry");
  CHECK(TopicTemplate::parse("plant/+/{device}/#")->filter() == "plant/+/+/#");
  CHECK(TopicTemplate::parse("hall/door")->filter() == "hall/door");
  CHECK(TopicTemplate::parse("p/{device}/{component}/{tag}")->filter() == "p/+/+/+");
  CHECK(TopicTemplate::parse("a/{device}/{tag}")->names_tag());
  CHECK(!TopicTemplate::parse("a/{device}/{tag}")->names_component());
  CHECK(TopicTemplate::parse("a/{device}")->names_device());
  CHECK(!TopicTemplate::parse("hall/door")->names_device());
}

TEST_CASE("a wrong template is refused with the reason") {
  for (const std::string_view text :
       {"", "p/{device}/{device}", "p/{unit}/t", "p/x{device}/t", "{tag}/{tag}", "p/{device",
        "p/{device}+", "p/#/t", "p/a+", "p/{}"}) {
    CAPTURE(text);
    const auto made = TopicTemplate::parse(text);
    REQUIRE(!made);
    CHECK(made.error().code == ErrorCode::Malformed);
    CHECK(!made.error().context.empty());
  }
}
