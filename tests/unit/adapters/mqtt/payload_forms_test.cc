// Payloads that are no JSON, and topics or members that say whose value comes.
#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "adapters/mqtt/payload_extractor.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::chrono_literals;
using namespace std::string_literals;
using extract::BinaryType;
using extract::ByteOrder;
using extract::TextType;

namespace {

using EachName = DeviceSettings::EachName;

TagSettings tag(std::uint16_t index, Place where, extract::ValueForm form = {}) {
  form.utf8 = true;
  return {.tag = TagIndex{index}, .where = std::move(where), .form = form};
}

DeviceSettings device(PayloadForm payload, std::vector<TagSettings> tags) {
  DeviceSettings made;
  made.payload = payload;
  made.tags = std::move(tags);
  return made;
}

// "0:21.5 1:bad | 0:22" for two samples, or the error's context.
std::string read(const DeviceSettings& settings, std::string_view payload,
                 const TopicNames& topic = {}) {
  const auto extractor = PayloadExtractor::make(settings);
  REQUIRE(extractor);
  const auto samples = extractor->extract(payload, topic);
  if (!samples) return samples.error().context;
  std::ostringstream all;
  for (const Sample& sample : *samples) {
    all << (&sample == samples->data() ? "" : "| ");
    if (sample.at) all << '@' << sample.at->time_since_epoch() / 1s << ' ';
    for (const TagReading& reading : sample.readings) {
      all << reading.tag.value << ':';
      if (reading.quality == Quality::Bad) {
        all << "bad";
      } else {
        std::visit([&](const auto& value) { all << std::boolalpha << value; }, reading.value);
      }
      all << ' ';
    }
  }
  std::string text = all.str();
  text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("plain text is one value, or several at fixed places") {
  struct Row {
    const char* why;
    std::vector<TagSettings> tags;
    std::string payload;
    const char* readings;
  };
  const Row rows[] = {
      {"a number", {tag(0, WholeText{})}, " 21.5\n", "0:21.5"},
      {"a number with its unit",
       {tag(0, WholeText{}, {.number = {.unit = "C"}})},
       "21.5 C",
       "0:21.5"},
      {"a number to scale", {tag(0, WholeText{}, {.scale = 0.1})}, "215", "0:21.5"},
      {"a word", {tag(0, WholeText{}, {.type = TextType::Text})}, "läuft", "0:läuft"},
      {"a word that is true", {tag(0, WholeText{}, {.type = TextType::Boolean})}, "ON", "0:true"},
      {"a word where a number should be", {tag(0, WholeText{})}, "off", "0:bad"},
      {"JSON where a number should be", {tag(0, WholeText{})}, R"({"v":1})", "0:bad"},
      {"bytes", {tag(0, WholeText{}, {.type = TextType::Text})}, "\xff\x00"s, "0:??"},
      {"nothing", {tag(0, WholeText{}, {.type = TextType::Text})}, "", "the message is empty"},
      {"places",
       {tag(0, FixedColumns{1, 4}), tag(1, FixedColumns{6, 2}), tag(2, FixedColumns{8, 1})},
       "21.5;48",
       "0:21.5 1:48 2:bad"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(read(device(PayloadForm::Text, row.tags), row.payload) == row.readings);
  }
}

TEST_CASE("each line of CSV is a sample, by number or by the header in the same message") {
  DeviceSettings by_number = device(PayloadForm::Csv, {tag(0, CsvColumn{2}), tag(1, CsvColumn{3})});
  by_number.time = {CsvColumn{1}, TimeFormat::UnixSeconds};
  DeviceSettings by_name = device(PayloadForm::Csv, {tag(0, CsvColumn{0, "T"})});
  by_name.quality = {CsvColumn{0, "state"}, {"ok"}};
  by_name.csv = {.separator = ';'};
  DeviceSettings counted = by_number;
  counted.csv.columns = 3;
  struct Row {
    const char* why;
    const DeviceSettings& device;
    std::string payload;
    const char* readings;
  };
  const Row rows[] = {
      {"one line", by_number, "1767225600,21.5,48", "@1767225600 0:21.5 1:48"},
      {"two lines, one with CR, and an empty one", by_number,
       "1767225600,21.5,48\r\n\r\n1767225601,22,49\n",
       "@1767225600 0:21.5 1:48 | @1767225601 0:22 1:49"},
      {"a short line", by_number, "1767225600,21.5", "@1767225600 0:21.5 1:bad"},
      {"no time in it", by_number, "noon,21.5,48", "0:21.5 1:48"},
      {"quotation marks", by_number, "1767225600,\"21.5\",48", "@1767225600 0:21.5 1:48"},
      {"a broken line spoils the message", by_number, "1,2,3\n1,\"2,3",
       "a quotation mark is left open"},
      {"too few columns", counted, "1767225600,21.5", "2 columns instead of 3"},
      {"a header", by_name, "state;T\nok;21.5\nstale;22", "0:21.5 | 0:bad"},
      {"another header, with more in it", by_name, "T;x;state\n21.5;1;ok", "0:21.5"},
      {"no header", by_name, "ok;21.5", "no line with the columns' names stands in front"},
      {"a header alone", by_name, "state;T\n", "none of the device's tags is in it"},
      {"nothing", by_number, "", "none of the device's tags is in it"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(read(row.device, row.payload) == row.readings);
  }
  std::string many;
  for (int i = 0; i < 1001; ++i) many += "1,2,3\n";
  CHECK(read(by_number, many) == "more than 1000 samples in one message");
}

TEST_CASE("binary fields are read by type, order and bit, of one sample or of records") {
  const std::vector<TagSettings> tags{
      tag(0, BinaryField{.offset = 0, .type = BinaryType::Int16}, {.scale = 0.1}),
      tag(1,
          BinaryField{.offset = 2, .type = BinaryType::Uint16, .byte_order = ByteOrder::LowFirst}),
      tag(2, BinaryField{.offset = 4, .type = BinaryType::Uint8, .bit = 7})};
  const DeviceSettings one = device(PayloadForm::Binary, tags);
  DeviceSettings records = one;
  records.record_bytes = 9;
  records.time = {BinaryField{.offset = 5, .type = BinaryType::Uint32}, TimeFormat::UnixSeconds};
  const std::string first = "\x00\xd7\x34\x12\x80"s, second = "\xff\x29\x00\x01\x7f"s;
  const std::string at = "\x69\x55\xb9\x00"s;  // 1767225600
  struct Row {
    const char* why;
    const DeviceSettings& device;
    std::string payload;
    const char* readings;
  };
  const Row rows[] = {
      {"one sample", one, first, "0:21.5 1:4660 2:true"},
      {"more bytes than the tags want", one, second + "\x01", "0:-21.5 1:256 2:false"},
      {"cut", one, first.substr(0, 3), "0:21.5 1:bad 2:bad"},
      {"nothing", one, "", "0 bytes are no whole number of records"},
      {"records", records, first + at + second + at,
       "@1767225600 0:21.5 1:4660 2:true | @1767225600 0:-21.5 1:256 2:false"},
      {"half a record", records, first + at + second, "14 bytes are no whole number of records"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(read(row.device, row.payload) == row.readings);
  }
}

TEST_CASE("a topic that names component or tag brings their values only") {
  DeviceSettings settings =
      device(PayloadForm::Text, {tag(0, WholeText{}), tag(1, WholeText{}), tag(2, WholeText{})});
  settings.tags[0].named = settings.tags[1].named = "rpm";
  settings.tags[0].component_named = "motor";
  settings.tags[1].component_named = "fan";
  settings.tags[2].named = "temp-1";
  struct Row {
    const char* why;
    TopicNames topic;
    const char* readings;
  };
  const Row rows[] = {
      {"tag and component", {.component = "fan", .tag = "rpm"}, "1:1"},
      {"a tag of two components", {.tag = "rpm"}, "0:1 1:1"},
      {"a tag without component", {.tag = "temp-1"}, "2:1"},
      {"a tag that is in no such component",
       {.component = "motor", .tag = "temp-1"},
       "none of the device's tags is in it"},
      {"a tag of nobody", {.tag = "noise"}, "none of the device's tags is in it"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(read(settings, "1", row.topic) == row.readings);
  }
}

TEST_CASE("a member's name may say which tag or component it is") {
  DeviceSettings tags =
      device(PayloadForm::Json, {tag(0, JsonMember{"/v"}), tag(1, JsonMember{"/v"})});
  tags.tags[0].named = "temp";
  tags.tags[1].named = "hum";
  tags.each = "/groups/*/sensors/*";
  tags.each_name = EachName::Tag;
  CHECK(read(tags, R"({"groups":[{"sensors":{"temp":{"v":21.5},"x":{"v":1}}},)"
                   R"({"sensors":{"hum":{"v":48}}}]})") == "0:21.5 | 1:48");
  DeviceSettings components = tags;
  components.tags[0].component_named = "motor";
  components.tags[1].component_named = "fan";
  components.each = "/*";
  components.each_name = EachName::Component;
  CHECK(read(components, R"({"fan":{"v":1},"motor":{"v":2}})") == "1:1 | 0:2");
}

TEST_CASE("a member that should name its tag or component and has no name is nobody's") {
  DeviceSettings settings =
      device(PayloadForm::Json, {tag(0, JsonMember{"/v"}), tag(1, JsonMember{"/v"})});
  settings.tags[0].named = "temp";
  settings.tags[1].named = "hum";
  settings.each = "/*";
  const std::string kNone = "none of the device's tags is in it";
  for (const auto by : {EachName::Tag, EachName::Component}) {
    settings.each_name = by;
    CHECK(read(settings, R"([{"v":21}])") == kNone);
    CHECK(read(settings, R"({"":{"v":21}})") == kNone);
  }
  settings.each_name = EachName::Tag;
  CHECK(read(settings, R"({"":{"v":21},"hum":{"v":48}})") == "1:48");
}

TEST_CASE("a JSON value is read as its tag's form says, if it has one") {
  struct Row {
    const char* why;
    extract::ValueForm form;
    const char* value;
    const char* readings;
  };
  const Row rows[] = {
      {"a number in a text", {}, R"("21.5")", "0:21.5"},
      {"scaled", {.scale = 0.1}, "215", "0:21.5"},
      {"with unit and comma", {.number = {true, "C"}}, R"("21,5 C")", "0:21.5"},
      {"truth as a word", {.type = TextType::Boolean}, R"("on")", "0:true"},
      {"truth where a number should be", {}, "true", "0:bad"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const DeviceSettings settings = device(PayloadForm::Json, {tag(0, JsonMember{"/v"}, row.form)});
    CHECK(read(settings, "{\"v\":" + std::string(row.value) + "}") == row.readings);
  }
}
