#include "proto/json.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;

TEST_CASE("numbers arrive exactly, whatever their size") {
  const auto document = json::parse(R"({"a":-5,"b":18446744073709551615,"c":0.1,"d":1e3})");
  REQUIRE(document);
  CHECK(json::as_int(json::find(*document, "a")) == -5);
  CHECK(json::find(*document, "b")->GetUint64() == 18446744073709551615U);
  CHECK(json::as_double(json::find(*document, "c")) == 0.1);
  CHECK(json::as_int(json::find(*document, "d")) == 1000);
}

TEST_CASE("a string of digits stays a string") {
  const auto document = json::parse(R"({"serial":"0042"})");
  REQUIRE(document);
  CHECK(json::as_string(json::find(*document, "serial")) == "0042");
  CHECK_FALSE(json::as_int(json::find(*document, "serial")));
}

TEST_CASE("hostile text costs an error and nothing else") {
  struct Row {
    const char* why;
    std::string text;
    ErrorCode code;
  };
  const Row rows[] = {
      {"empty", "", ErrorCode::Malformed},
      {"cut off", R"({"a":)", ErrorCode::Malformed},
      {"two roots", "1 2", ErrorCode::Malformed},
      {"a million levels", std::string(1000000, '['), ErrorCode::LimitExceeded},
      {"one level over the limit", std::string(33, '[') + std::string(33, ']'),
       ErrorCode::LimitExceeded},
      {"exponent that overflows", "1e400", ErrorCode::Malformed},
      {"exponent digits without end", "1E-" + std::string(5000, '9'), ErrorCode::Malformed},
      {"invalid UTF-8", "\"\xff\"", ErrorCode::Malformed},
      {"NUL byte in the middle", std::string("[1\0]", 4), ErrorCode::Malformed},
      {"repeated key", R"({"a":1,"a":2})", ErrorCode::Malformed},
      {"over the size limit", std::string(1024 * 1024 + 1, ' '), ErrorCode::LimitExceeded},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto document = json::parse(row.text);
    REQUIRE_FALSE(document);
    CHECK(document.error().code == row.code);
  }
}

TEST_CASE("a value asked for as another type is absent, not a crash") {
  const auto document = json::parse(R"([1,"x",true,null,{}])");
  REQUIRE(document);
  CHECK(json::find(*document, "a") == nullptr);
  CHECK_FALSE(json::as_string(&(*document)[0]));
  CHECK_FALSE(json::as_bool(&(*document)[1]));
  CHECK_FALSE(json::as_double(&(*document)[3]));
  CHECK_FALSE(json::as_int(nullptr));
}

TEST_CASE("text survives a round trip") {
  const std::string text = R"({"a":[1,2.5,"x\u0001",null,true]})";
  const auto document = json::parse(text);
  REQUIRE(document);
  CHECK(json::to_text(*document) == text);
}
