#include "adapters/serial/frame_extractor.h"

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
                  {{.tag = {0}, .where = PatternGroup{"weight"}},
                   {.tag = {1}, .where = PatternGroup{"status"}, .type = TagSettings::Type::Text},
                   {.tag = {2}, .where = PatternGroup{"seq"}, .type = TagSettings::Type::Integer}});
}

}  // namespace

TEST_CASE("a line becomes one reading for each tag") {
  auto extractor = FrameExtractor::make(scale());
  REQUIRE(extractor);
  const auto readings = extractor->extract("ST,GS,-  012.345kg,#00000123");
  REQUIRE(readings);
  REQUIRE(readings->size() == 3);
  CHECK(std::get<double>((*readings)[0].value) == doctest::Approx(-12.345));
  CHECK(std::get<std::string>((*readings)[1].value) == "ST");
  CHECK(std::get<std::int64_t>((*readings)[2].value) == 123);
}

TEST_CASE("the pattern must match the whole line") {
  auto extractor = FrameExtractor::make(scale());
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
  auto extractor = FrameExtractor::make(settings(
      R"((?<t>.*))", {{.tag = {4}, .where = PatternGroup{"t"}, .scale = 0.1, .offset = -40}}));
  REQUIRE(extractor);
  const auto readings = extractor->extract("615");
  REQUIRE(readings);
  CHECK(std::get<double>(readings->front().value) == doctest::Approx(21.5));
  CHECK(readings->front().tag == TagIndex{4});
}

TEST_CASE("a field that is no number makes its own tag bad and leaves the others good") {
  auto extractor = FrameExtractor::make(
      settings(R"((?<a>[^;]*);(?<b>[^;]*);(?<c>[^;]*))",
               {{.tag = {0}, .where = PatternGroup{"a"}},
                {.tag = {1}, .where = PatternGroup{"b"}, .type = TagSettings::Type::Integer},
                {.tag = {2}, .where = PatternGroup{"c"}, .scale = 1e300}}));
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
  auto extractor = FrameExtractor::make(settings(
      R"(W=(?<w>\d+)(?:;T=(?<t>\d+))?)",
      {{.tag = {0}, .where = PatternGroup{"w"}}, {.tag = {1}, .where = PatternGroup{"t"}}}));
  REQUIRE(extractor);
  const auto readings = extractor->extract("W=7");
  REQUIRE(readings);
  CHECK(readings->size() == 1);
}

TEST_CASE("a line that matches and gives no tag anything is bad input") {
  auto extractor = FrameExtractor::make(
      settings(R"((?:(?<w>\d+)|-+))", {{.tag = {0}, .where = PatternGroup{"w"}}}));
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
    const auto extractor =
        FrameExtractor::make(settings(row.pattern, {{.tag = {0}, .where = PatternGroup{"w"}}}));
    REQUIRE(!extractor);
    CHECK(extractor.error().code == ErrorCode::ConfigInvalid);
    CAPTURE(extractor.error().context);
    CHECK(extractor.error().context.find(row.expected) != std::string::npos);
  }
}

TEST_CASE("a pattern that backtracks without end is given up soon, and the next line is read") {
  auto extractor = FrameExtractor::make(
      settings(R"((?<w>(?:\d+)*)kg)", {{.tag = {0}, .where = PatternGroup{"w"}}}));
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
  auto extractor = FrameExtractor::make(
      settings(R"((?<w>(?:a|b)*))", {{.tag = {0}, .where = PatternGroup{"w"}}}));
  REQUIRE(extractor);
  (void)extractor->extract(std::string(1'000'000, 'a'));
  CHECK(extractor->extract("abab"));
}

namespace {

using Type = TagSettings::Type;

// What the readings say, each as text: "12.5", "true", "bad"; a tag without a reading is left out.
std::string words(const Result<std::vector<TagReading>>& readings) {
  if (!readings) return "refused";
  std::string out;
  for (const TagReading& reading : *readings) {
    out += (out.empty() ? "" : " ") + std::to_string(reading.tag.value) + ":";
    if (reading.quality == Quality::Bad) {
      out += "bad";
    } else if (const auto* text = std::get_if<std::string>(&reading.value)) {
      out += *text;
    } else if (const auto* flag = std::get_if<bool>(&reading.value)) {
      out += *flag ? "true" : "false";
    } else if (const auto* number = std::get_if<double>(&reading.value)) {
      out += std::to_string(*number).substr(0, 7);
    } else if (const auto* whole = std::get_if<std::int64_t>(&reading.value)) {
      out += std::to_string(*whole);
    } else {
      out += std::to_string(std::get<std::uint64_t>(reading.value)) + "u";
    }
  }
  return out;
}

}  // namespace

TEST_CASE("columns, places, JSON members and bytes give readings, each tag by itself") {
  struct Row {
    std::string why;
    TagSettings tag;
    std::string content;
    std::string words;
  };
  const BinaryField status{.offset = 1, .type = BinaryType::Uint8, .bit = 1};
  const Row rows[] = {
      {"column", {.where = CsvColumn{2}}, "x,12.5", "0:12.5000"},
      {"an empty column is bad: what was measured is not known",
       {.where = CsvColumn{2}},
       "x,,y",
       "0:bad"},
      {"a column that is not there", {.where = CsvColumn{3}}, "x,12.5", "0:bad"},
      {"two columns together",
       {.where = CsvColumn{1, "", 2}, .type = Type::DegreesMinutes},
       "3730.0000,S,1",
       "0:-37.500"},
      {"no columns at all", {.where = CsvColumn{1}}, "\"x", "refused"},
      {"place", {.where = FixedColumns{3, 4}}, "ab12.5cd", "0:12.5000"},
      {"place up to the end", {.where = FixedColumns{3, 4}, .type = Type::Text}, "ab  cd", "0:cd"},
      {"the line ends before it", {.where = FixedColumns{3, 4}}, "ab12.", "0:bad"},
      {"JSON", {.where = JsonMember{"/a/1"}}, R"({"a": [1, 2.5]})", "0:2.50000"},
      {"JSON text that is a number",
       {.where = JsonMember{"/a"}, .form = {.unit = "kg"}},
       R"({"a": "2.5 kg"})",
       "0:2.50000"},
      {"JSON truth",
       {.where = JsonMember{"/a"}, .type = Type::Boolean},
       R"({"a": true})",
       "0:true"},
      {"JSON of another type", {.where = JsonMember{"/a"}}, R"({"a": [1]})", "0:bad"},
      {"truth is no number", {.where = JsonMember{"/a"}}, R"({"a": true})", "0:bad"},
      {"JSON member that is not there", {.where = JsonMember{"/b"}}, R"({"a": 1})", "refused"},
      {"no JSON", {.where = JsonMember{"/a"}}, "a: 1", "refused"},
      {"JSON number as text",
       {.where = JsonMember{"/a"}, .type = Type::Text},
       R"({"a": 12})",
       "0:12"},
      {"bytes", {.where = BinaryField{.offset = 1}}, "x\x12\x34", "0:4660u"},
      {"bytes, scaled",
       {.where = BinaryField{.offset = 1}, .scale = 0.1},
       "x\x12\x34",
       "0:466.000"},
      {"a bit", {.where = status}, "x\x02", "0:true"},
      {"the frame ends before the bytes",
       {.where = BinaryField{.offset = 2}},
       "x\x12\x34",
       "0:bad"},
      {"hex", {.where = CsvColumn{1}, .type = Type::Hex}, "1F,2", "0:31"},
      {"the beginning fits", {.where = CsvColumn{2}, .when = "..GGA,"}, "GPGGA,7", "0:7.00000"},
      {"it does not", {.where = CsvColumn{2}, .when = "..GGA,"}, "GPRMC,7", "refused"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    auto extractor = FrameExtractor::make(settings("", {row.tag}));
    REQUIRE(extractor);
    CHECK(words(extractor->extract(row.content)) == row.words);
  }
}

TEST_CASE("columns are found by their names in the last header line") {
  DeviceSettings device = settings("", {{.tag = {0}, .where = CsvColumn{0, "Temp"}},
                                        {.tag = {1}, .where = CsvColumn{0, "Flow"}}});
  device.csv.separator = ';';
  auto extractor = FrameExtractor::make(device);
  REQUIRE(extractor);
  CHECK(words(extractor->extract("1;2;3")) == "refused");  // which is which?
  CHECK(words(extractor->extract("Time; Temp ;Flow")).empty());
  CHECK(words(extractor->extract("1;2;3")) == "0:2.00000 1:3.00000");
  CHECK(words(extractor->extract("Flow;Temp")).empty());
  CHECK(words(extractor->extract("1;2")) == "0:2.00000 1:1.00000");
  CHECK(words(extractor->extract("Flow;Pressure")) == "0:bad 1:bad");
}

TEST_CASE("what is to be ignored is no bad input, and values in it count all the same") {
  DeviceSettings device = settings(R"(S S +(?<w>[0-9.]+) g)", {{.where = PatternGroup{"w"}}});
  device.ignore = "S .*";
  auto extractor = FrameExtractor::make(device);
  REQUIRE(extractor);
  CHECK(words(extractor->extract("S S  12.5 g")) == "0:12.5000");
  CHECK(words(extractor->extract("S I")).empty());
  CHECK(words(extractor->extract("ES")) == "refused");
}

TEST_CASE("tags of all kinds live side by side, and one that fails leaves the others good") {
  DeviceSettings device = settings(R"((?<a>\d+),.*)", {{.tag = {0}, .where = PatternGroup{"a"}},
                                                       {.tag = {1}, .where = CsvColumn{2}},
                                                       {.tag = {2}, .where = FixedColumns{1, 1}},
                                                       {.tag = {3}, .where = JsonMember{"/a"}}});
  auto extractor = FrameExtractor::make(device);
  REQUIRE(extractor);
  CHECK(words(extractor->extract("12,3.5")) == "0:12.0000 1:3.50000 2:1.00000");
  CHECK(words(extractor->extract("x,3.5")) == "1:3.50000 2:bad");
}
