#include "adapters/mqtt/payload_extractor.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace hubward;
using namespace hubward::mqtt;

namespace {

PayloadExtractor extractor(const std::vector<std::string>& pointers) {
  std::vector<TagSettings> tags;
  for (const std::string& pointer : pointers) {
    tags.push_back({TagIndex{static_cast<std::uint16_t>(tags.size())}, pointer});
  }
  auto made = PayloadExtractor::make(tags);
  REQUIRE(made);
  return std::move(*made);
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
    const auto readings = extractor({row.pointer}).extract(row.payload);
    REQUIRE(readings);
    REQUIRE(readings->size() == 1);
    CHECK(readings->front().quality == Quality::Good);
    CHECK(readings->front().value.index() == row.value.index());
    CHECK((readings->front().value == row.value));
  }
}

TEST_CASE("a partial message gives readings to the tags it has, in the order of the tags") {
  const auto readings = extractor({"/x", "/y", "/z"}).extract(R"({"z":3,"x":1})");
  REQUIRE(readings);
  REQUIRE(readings->size() == 2);
  CHECK((*readings)[0].tag == TagIndex{0});
  CHECK((*readings)[1].tag == TagIndex{2});
}

TEST_CASE("null, an object and an array are bad values of their own tag only") {
  const auto readings =
      extractor({"/n", "/o", "/a", "/v"}).extract(R"({"n":null,"o":{},"a":[1],"v":1})");
  REQUIRE(readings);
  REQUIRE(readings->size() == 4);
  for (int i = 0; i < 3; ++i) {
    CHECK((*readings)[static_cast<std::size_t>(i)].quality == Quality::Bad);
    CHECK((*readings)[static_cast<std::size_t>(i)].code == ErrorCode::BadValue);
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
    const auto readings = extractor({"/v"}).extract(row.payload);
    REQUIRE(!readings);
    CHECK(readings.error().code == row.code);
    CHECK(readings.error().context.size() < 300);
  }
}

TEST_CASE("a pointer that is none is refused with what would be right") {
  for (const char* pointer : {"v", "#/v", "/a~", "/a~2"}) {
    CAPTURE(pointer);
    const auto made = PayloadExtractor::make({{TagIndex{0}, pointer}});
    REQUIRE(!made);
    CHECK(made.error().code == ErrorCode::ConfigInvalid);
    CHECK(made.error().context.find(pointer) != std::string::npos);
  }
}
