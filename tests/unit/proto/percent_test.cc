#include "proto/percent.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;

TEST_CASE("everything that a topic or query could misread is encoded") {
  CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
  CHECK(percent_encode("$.ct") == "%24.ct");
  CHECK(percent_encode("application/json;charset=utf-8") == "application%2Fjson%3Bcharset%3Dutf-8");
  CHECK(percent_encode("a b+c#d%") == "a%20b%2Bc%23d%25");
  CHECK(percent_encode("\xc3\xa4") == "%C3%A4");
  CHECK(percent_encode(std::string("\0", 1)) == "%00");
}

TEST_CASE("every byte survives encoding and decoding") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(percent_decode(percent_encode(all)) == all);
}

TEST_CASE("decoding takes both cases of digits and leaves a plus alone") {
  CHECK(percent_decode("%2f%2F+") == "//+");
}

TEST_CASE("a percent sign without two digits is refused") {
  for (const char* text : {"%", "a%2", "%zz", "%2g", "%%41"}) {
    CAPTURE(text);
    const auto decoded = percent_decode(text);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ErrorCode::Malformed);
  }
}

TEST_CASE("a bag tells a key without a value from one with an empty value") {
  const auto bag = parse_bag("%24.mid=m%201&plain&empty=&twice=a=b&&last=1");
  REQUIRE(bag);
  REQUIRE(bag->size() == 5);
  CHECK((*bag)[0] == BagPair{"$.mid", "m 1"});
  CHECK((*bag)[1] == BagPair{"plain", std::nullopt});
  CHECK((*bag)[2] == BagPair{"empty", ""});
  CHECK((*bag)[3] == BagPair{"twice", "a=b"});
  CHECK((*bag)[4] == BagPair{"last", "1"});
  CHECK(parse_bag("")->empty());
}

TEST_CASE("a bag has a limit and is refused when it cannot be decoded") {
  std::string many;
  for (std::size_t i = 0; i < kMaxBagPairs; ++i) many += "k=v&";
  CHECK(parse_bag(many)->size() == kMaxBagPairs);
  const auto over = parse_bag(many + "k=v");
  REQUIRE_FALSE(over);
  CHECK(over.error().code == ErrorCode::LimitExceeded);
  CHECK_FALSE(parse_bag("%=v"));
  CHECK_FALSE(parse_bag("k=%"));
}

TEST_CASE("decimal numbers are digits and nothing else") {
  CHECK(parse_decimal("0") == 0);
  CHECK(parse_decimal("0042") == 42);
  CHECK(parse_decimal("9223372036854775807") == INT64_MAX);
  for (const char* text : {"", "-1", "-0", "+1", " 1", "1 ", "1.5", "0x1", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_decimal(text));
  }
}
