#include "adapters/mqtt/payload_extractor.h"

#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <string>

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::chrono_literals;

namespace {

DeviceSettings device_with(const std::vector<std::string>& pointers) {
  DeviceSettings device;
  for (const std::string& pointer : pointers) {
    device.tags.push_back(
        {TagIndex{static_cast<std::uint16_t>(device.tags.size())}, JsonMember{pointer}});
  }
  return device;
}

Result<std::vector<Sample>> samples_of(const DeviceSettings& device, std::string_view payload) {
  const auto made = PayloadExtractor::make(device);
  REQUIRE(made);
  return made->extract(payload);
}

// Of a payload that is one sample.
Result<std::vector<TagReading>> readings_of(const std::vector<std::string>& pointers,
                                            std::string_view payload) {
  auto samples = samples_of(device_with(pointers), payload);
  if (!samples) return tl::unexpected(samples.error());
  REQUIRE(samples->size() == 1);
  return std::move(samples->front().readings);
}

}  // namespace

TEST_CASE("each pointer finds its value with its type") {
  struct Row {
    const char* why;
    std::string pointer;
    std::string payload;
    TagValue value;
  };
  const Row rows[] = {
      {"nested", "/a/b/c", R"({"a":{"b":{"c":21.5}}})", 21.5},
      {"into an array", "/axes/1", R"({"axes":[1,2.5]})", 2.5},
      {"whole payload", "", "17", std::int64_t{17}},
      {"negative", "/v", R"({"v":-3})", std::int64_t{-3}},
      {"over int64", "/v", R"({"v":18446744073709551615})",
       std::numeric_limits<std::uint64_t>::max()},
      {"over uint64: no longer exact", "/v", R"({"v":18446744073709551616})",
       18446744073709551616.0},
      {"a fraction of zero stays a float", "/v", R"({"v":3.0})", 3.0},
      {"bool", "/v", R"({"v":true})", true},
      {"text", "/v", R"({"v":"läuft"})", std::string("läuft")},
      {"text with a NUL", "/v", R"({"v":"a\u0000b"})", std::string("a\0b", 3)},
      {"slash in a name", "/a~1b", R"({"a/b":1})", std::int64_t{1}},
      {"tilde in a name", "/a~0b", R"({"a~b":1})", std::int64_t{1}},
      {"empty name", "/", R"({"":1})", std::int64_t{1}},
      {"name that looks like an index", "/7", R"({"7":1})", std::int64_t{1}},
      {"blank around", "/v", " {\"v\" : 1}\r\n", std::int64_t{1}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto readings = readings_of({row.pointer}, row.payload);
    REQUIRE(readings);
    REQUIRE(readings->size() == 1);
    CHECK(readings->front().quality == Quality::Good);
    CHECK(readings->front().value.index() == row.value.index());
    CHECK((readings->front().value == row.value));
  }
}

TEST_CASE("a partial message gives readings to the tags it has, in the order of the tags") {
  const auto readings = readings_of({"/x", "/y", "/z"}, R"({"z":3,"x":1})");
  REQUIRE(readings);
  REQUIRE(readings->size() == 2);
  CHECK((*readings)[0].tag == TagIndex{0});
  CHECK((*readings)[1].tag == TagIndex{2});
}

TEST_CASE("null, an object and an array are bad values of their own tag only") {
  const auto readings = readings_of({"/n", "/o", "/a", "/v"}, R"({"n":null,"o":{},"a":[1],"v":1})");
  REQUIRE(readings);
  REQUIRE(readings->size() == 4);
  const char* const came[] = {"came: null", "came: {}", "came: [1]"};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK((*readings)[i].quality == Quality::Bad);
    CHECK((*readings)[i].code == ErrorCode::BadValue);
    CHECK((*readings)[i].detail == came[i]);  // a technician compares it with the tag's type
  }
  CHECK((*readings)[3].quality == Quality::Good);
}

TEST_CASE("payloads that are no JSON, or the wrong JSON, are refused by name") {
  struct Row {
    const char* why;
    std::string payload;
    ErrorCode code;
  };
  const Row rows[] = {
      {"empty", "", ErrorCode::BadPayload},
      {"text", "temperature=21.5;humidity=48", ErrorCode::BadPayload},
      {"cut", R"({"v":1)", ErrorCode::BadPayload},
      {"binary", std::string("\x00\xff\xfe{}\x01", 6), ErrorCode::BadPayload},
      {"two texts", R"({"v":1}{"v":2})", ErrorCode::BadPayload},
      {"repeated key", R"({"v":1,"v":2})", ErrorCode::BadPayload},
      {"bad UTF-8", "{\"v\":\"\xc3\x28\"}", ErrorCode::BadPayload},
      {"hostile number", R"({"v":1)" + std::string(400, '0') + "e-99999999999}",
       ErrorCode::BadPayload},
      {"NaN", R"({"v":NaN})", ErrorCode::BadPayload},
      {"too deep", std::string(100'000, '['), ErrorCode::BadPayload},
      {"too long", R"({"v":")" + std::string(300'000, 'x') + R"("})", ErrorCode::InputTooLong},
      {"none of the tags", R"({"hello":"world"})", ErrorCode::BadPayload},
      {"another shape", "[1,2,3]", ErrorCode::BadPayload},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto readings = readings_of({"/v"}, row.payload);
    REQUIRE(!readings);
    CHECK(readings.error().code == row.code);
    CHECK(readings.error().context.size() < 300);
  }
}

TEST_CASE("a pointer that is none is refused with what would be right") {
  for (const char* pointer : {"v", "#/v", "/a~", "/a~2"}) {
    CAPTURE(pointer);
    const auto made = PayloadExtractor::make(device_with({pointer}));
    REQUIRE(!made);
    CHECK(made.error().code == ErrorCode::ConfigInvalid);
    CHECK(made.error().context.find(pointer) != std::string::npos);
  }
}

TEST_CASE("each member of an array or object is a sample of its own, with its own time") {
  DeviceSettings device = device_with({"/v"});
  device.each = "/samples";
  device.time = {JsonMember{"/t"}, TimeFormat::UnixSeconds};
  const auto samples = samples_of(
      device, R"({"samples":[{"v":1,"t":1767225600},{"x":2},{"v":3,"t":1767225601.5},{"v":4}]})");
  REQUIRE(samples);
  REQUIRE(samples->size() == 3);
  CHECK((*samples)[0].at == WallTime{1767225600s});
  CHECK((*samples)[1].at == WallTime{1767225601500ms});
  CHECK_FALSE((*samples)[2].at);
  CHECK(std::get<std::int64_t>((*samples)[1].readings[0].value) == 3);

  const auto members = samples_of(device, R"({"samples":{"a":{"v":1},"b":{"v":2}}})");
  REQUIRE(members);
  CHECK(members->size() == 2);
  CHECK(samples_of(device, R"({"samples":17})").error().code == ErrorCode::BadPayload);
  CHECK(samples_of(device, R"({"samples":[]})").error().code == ErrorCode::BadPayload);
  CHECK(samples_of(device, R"({"v":1})").error().code == ErrorCode::BadPayload);
  std::string many = R"({"samples":[{"v":1})";
  for (std::size_t i = 0; i < PayloadExtractor::kSamplesMax; ++i) many += R"(,{"v":1})";
  CHECK(samples_of(device, many + "]}").error().code == ErrorCode::InputTooLong);
}

TEST_CASE("a time is read as its format says, and one that makes no sense is none") {
  struct Row {
    const char* why;
    TimeFormat format;
    std::string text;
    std::optional<WallTime> at;
  };
  const WallTime at{1767225600125ms};
  const Row rows[] = {
      {"ISO 8601", TimeFormat::Iso8601, R"("2026-01-01T00:00:00.125Z")", at},
      {"ISO 8601 that is none", TimeFormat::Iso8601, R"("yesterday")", std::nullopt},
      {"a number where a text should be", TimeFormat::Iso8601, "1767225600", std::nullopt},
      {"seconds", TimeFormat::UnixSeconds, "1767225600.125", at},
      {"milliseconds", TimeFormat::UnixMilliseconds, "1767225600125", at},
      {"microseconds", TimeFormat::UnixMicroseconds, "1767225600125000", at},
      {"milliseconds taken for seconds", TimeFormat::UnixSeconds, "1767225600125", std::nullopt},
      {"seconds taken for milliseconds: 1970", TimeFormat::UnixMilliseconds, "1767225600",
       std::nullopt},
      {"a clock that was never set", TimeFormat::UnixSeconds, "17", std::nullopt},
      {"far beyond any range", TimeFormat::UnixSeconds, "1e300", std::nullopt},
      {"null", TimeFormat::UnixSeconds, "null", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    DeviceSettings device = device_with({"/v"});
    device.time = {JsonMember{"/t"}, row.format};
    const auto samples = samples_of(device, R"({"v":1,"t":)" + row.text + "}");
    REQUIRE(samples);
    CHECK(samples->front().at == row.at);
  }
}

TEST_CASE("a sample that does not call itself good is bad, all of it") {
  DeviceSettings device = device_with({"/v"});
  device.quality = {JsonMember{"/q"}, {"good", "192"}};
  struct Row {
    std::string quality;
    bool good;
  };
  const Row rows[] = {
      {R"("good")", true}, {"192", true}, {"0", false}, {R"("bad")", false}, {"null", false}};
  for (const Row& row : rows) {
    CAPTURE(row.quality);
    const auto samples = samples_of(device, R"({"v":1,"q":)" + row.quality + "}");
    REQUIRE(samples);
    CHECK((samples->front().readings[0].quality == Quality::Good) == row.good);
  }
  CHECK(samples_of(device, R"({"v":1})")->front().readings[0].quality == Quality::Bad);
}
