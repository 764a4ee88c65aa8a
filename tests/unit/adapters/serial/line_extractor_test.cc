#include "adapters/serial/line_extractor.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace hubward;
using namespace hubward::serial;

namespace {

DeviceSettings settings(std::string pattern, std::vector<TagSettings> tags) {
  DeviceSettings device;
  device.pattern = std::move(pattern);
  device.tags = std::move(tags);
  return device;
}

DeviceSettings scale() {
  return settings(R"((?<status>ST|US),GS,(?<weight>[+-] +\d+\.\d+)kg,#(?<seq>\d+))",
                  {{.tag = {0}, .group = "weight"},
                   {.tag = {1}, .group = "status", .type = TagSettings::Type::Text},
                   {.tag = {2}, .group = "seq", .type = TagSettings::Type::Integer}});
}

}  // namespace

TEST_CASE("a line becomes one reading for each tag") {
  auto extractor = LineExtractor::make(scale());
  REQUIRE(extractor);
  const auto readings = extractor->extract("ST,GS,-  012.345kg,#00000123");
  REQUIRE(readings);
  REQUIRE(readings->size() == 3);
  CHECK(std::get<double>((*readings)[0].value) == doctest::Approx(-12.345));
  CHECK(std::get<std::string>((*readings)[1].value) == "ST");
  CHECK(std::get<std::int64_t>((*readings)[2].value) == 123);
}

TEST_CASE("the pattern must match the whole line") {
  auto extractor = LineExtractor::make(scale());
  REQUIRE(extractor);
  const char* lines[] = {
      "",
      "US,GS,+  019.5US,GS,+  019.680kg,#00000016",
      " ST,GS,-  012.345kg,#00000123",
      "ST,GS,-  012.345kg,#00000123 ",
      "ST,GS,-  012.345kg,#00000123\n",
      "ERR 07 LOAD CELL",
      "\x07\xfe\xc3\x28\xff\x80 \x01\x02",
  };
  for (const char* line : lines) {
    CAPTURE(line);
    const auto readings = extractor->extract(line);
    REQUIRE(!readings);
    CHECK(readings.error().code == ErrorCode::BadPayload);
  }
}

TEST_CASE("scale and offset are applied to numbers") {
  auto extractor = LineExtractor::make(
      settings(R"((?<t>.*))", {{.tag = {4}, .group = "t", .scale = 0.1, .offset = -40}}));
  REQUIRE(extractor);
  const auto readings = extractor->extract("615");
  REQUIRE(readings);
  CHECK(std::get<double>(readings->front().value) == doctest::Approx(21.5));
  CHECK(readings->front().tag == TagIndex{4});
}

TEST_CASE("a field that is no number makes its own tag bad and leaves the others good") {
  auto extractor =
      LineExtractor::make(settings(R"((?<a>[^;]*);(?<b>[^;]*);(?<c>[^;]*))",
                                   {{.tag = {0}, .group = "a"},
                                    {.tag = {1}, .group = "b", .type = TagSettings::Type::Integer},
                                    {.tag = {2}, .group = "c", .scale = 1e300}}));
  REQUIRE(extractor);
  const auto readings = extractor->extract("1.5;----;1e300");
  REQUIRE(readings);
  REQUIRE(readings->size() == 3);
  CHECK((*readings)[0].quality == Quality::Good);
  CHECK((*readings)[1].quality == Quality::Bad);
  CHECK((*readings)[1].code == ErrorCode::BadValue);
  CHECK((*readings)[2].quality == Quality::Bad);  // infinite after scaling
}

TEST_CASE("a group that took no part gives its tag no reading") {
  auto extractor = LineExtractor::make(settings(
      R"(W=(?<w>\d+)(?:;T=(?<t>\d+))?)", {{.tag = {0}, .group = "w"}, {.tag = {1}, .group = "t"}}));
  REQUIRE(extractor);
  const auto readings = extractor->extract("W=7");
  REQUIRE(readings);
  CHECK(readings->size() == 1);
}

TEST_CASE("a line that matches and gives no tag anything is bad input") {
  auto extractor =
      LineExtractor::make(settings(R"((?:(?<w>\d+)|-+))", {{.tag = {0}, .group = "w"}}));
  REQUIRE(extractor);
  const auto readings = extractor->extract("-----");
  REQUIRE(!readings);
  CHECK(readings.error().code == ErrorCode::BadPayload);
}

TEST_CASE("a wrong pattern is refused with the place and the reason") {
  struct Row {
    const char* why;
    std::string pattern;
    std::string expected;  // part of the message
  };
  const Row rows[] = {
      {"empty", "", "empty"},
      {"bracket left open", "(?<w>[0-9)", "at character 11: missing terminating ]"},
      {"group not there", "(?<v>\\d+)", "no group (?<w>...)"},
      {"two groups of the name", "(?J)(?<w>a)|(?<w>b)", "no group (?<w>...)"},
      {"nested beyond reason", std::string(100, '(') + std::string(100, ')'), "too deep"},
      {"too long", std::string(5000, 'a'), "over 4096 bytes"},
      {"UTF switch", "(*UTF)(?<w>.)", "using UTF is disabled"},
      {"part of a character", "(?<w>\\C)", "is disabled"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto extractor = LineExtractor::make(settings(row.pattern, {{.tag = {0}, .group = "w"}}));
    REQUIRE(!extractor);
    CHECK(extractor.error().code == ErrorCode::ConfigInvalid);
    CAPTURE(extractor.error().context);
    CHECK(extractor.error().context.find(row.expected) != std::string::npos);
  }
}

TEST_CASE("a pattern that backtracks without end is given up soon, and the next line is read") {
  auto extractor =
      LineExtractor::make(settings(R"((?<w>(?:\d+)*)kg)", {{.tag = {0}, .group = "w"}}));
  REQUIRE(extractor);
  // 18 digits take some 2^18 steps: over our limit, and far under PCRE2's own of ten million.
  for (const std::size_t digits : {18U, 1000U}) {
    const auto given_up = extractor->extract(std::string(digits, '1') + "kg or lb");
    REQUIRE(!given_up);
    CHECK(given_up.error().code == ErrorCode::LimitExceeded);
  }
  CHECK(extractor->extract("12kg"));
}

TEST_CASE("a long line through a group that repeats does not run down the stack") {
  auto extractor = LineExtractor::make(settings(R"((?<w>(?:a|b)*))", {{.tag = {0}, .group = "w"}}));
  REQUIRE(extractor);
  (void)extractor->extract(std::string(1'000'000, 'a'));
  CHECK(extractor->extract("abab"));
}
