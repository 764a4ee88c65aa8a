#include "tests/sim/cloud/twin.h"

#include <doctest/doctest.h>

#include "tests/sim/cloud/types.h"

using namespace hubward;
using namespace hubward::simcloud;

TEST_CASE("a new twin is empty and of version 1") {
  CHECK(Twin().to_text() == R"({"desired":{"$version":1},"reported":{"$version":1}})");
}

TEST_CASE("patches merge, null removes, versions grow on their own sides") {
  Twin twin;
  CHECK(twin.patch_reported(R"({"a":{"b":1,"c":2},"d":[1,2]})").value() == 2);
  CHECK(twin.patch_reported(R"({"a":{"b":null,"e":{"f":null}},"d":3,"$version":99})").value() == 3);
  CHECK(twin.patch_desired(R"({"speed":5})").value() == 2);
  CHECK(
      twin.to_text() ==
      R"({"desired":{"speed":5,"$version":2},"reported":{"a":{"c":2,"e":{}},"d":3,"$version":3}})");
}

TEST_CASE("a bad patch changes nothing") {
  struct Row {
    const char* why;
    std::string patch;
    ErrorCode code;
  };
  const Row rows[] = {
      {"no JSON", "{", ErrorCode::Malformed},
      {"no object", "[1]", ErrorCode::Malformed},
      {"too large", R"({"a":")" + std::string(kTwinBytesMax, 'x') + "\"}",
       ErrorCode::LimitExceeded},
      {"too deep", std::string(R"({"a":)") + std::string(12, '[') + std::string(12, ']') + "}",
       ErrorCode::LimitExceeded},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Twin twin;
    const auto version = twin.patch_reported(row.patch);
    REQUIRE_FALSE(version);
    CHECK(version.error().code == row.code);
    CHECK(twin.reported_version() == 1);
    CHECK(twin.to_text() == Twin().to_text());
  }
}

TEST_CASE("a desired change carries its version at the root") {
  CHECK(with_version(R"({"a":{"b":1}})", 7) == R"({"a":{"b":1},"$version":7})");
}
