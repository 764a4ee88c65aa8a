#include "adapters/mqtt/json_members.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::mqtt;

namespace {

// "name=value" of each member, or the error's code.
std::string found_in(std::string_view text, std::string_view pattern) {
  const auto document = json::parse(text);
  REQUIRE(document);
  const auto members = JsonMembers::parse(pattern);
  REQUIRE(members);
  const auto found = members->in(*document, 3);
  if (!found) return found.error().code == ErrorCode::InputTooLong ? "too many" : "bad";
  std::string all;
  for (const auto& one : *found) {
    all += (all.empty() ? "" : " ") + std::string(one.name) + "=" + json::to_text(*one.value);
  }
  return all;
}

}  // namespace

TEST_CASE("a star stands for every member of an array or object") {
  struct Row {
    const char* why;
    std::string_view pattern;
    std::string_view payload;
    const char* found;
  };
  const Row rows[] = {
      {"members of an array", "/s/*", R"({"s":[1,2]})", "=1 =2"},
      {"members of an object have names", "/s/*", R"({"s":{"a":1,"b":2}})", "a=1 b=2"},
      {"the star may be left out at the end", "/s", R"({"s":{"a":1}})", "a=1"},
      {"of the whole payload", "", "[1,2]", "=1 =2"},
      {"of the whole payload, written out", "/*", R"({"a":1})", "a=1"},
      {"behind the star", "/*/v", R"({"a":{"v":1},"b":{"w":2},"c":{"v":3}})", "a=1 c=3"},
      {"two of them: the last one's name", "/g/*/s/*", R"({"g":{"x":{"s":{"a":1}},"y":{"s":[2]}}})",
       "a=1 =2"},
      {"through an index", "/g/0/*", R"({"g":[[1,2],[3]]})", "=1 =2"},
      {"nowhere", "/t/*", R"({"s":[1]})", ""},
      {"an empty array", "/s", R"({"s":[]})", ""},
      {"no members where they must be", "/s", R"({"s":1})", "bad"},
      {"no members where some are", "/*/*", R"({"a":1,"b":[2]})", "=2"},
      {"more than may be", "/s", R"({"s":[1,2,3,4]})", "too many"},
      {"a name that only begins with a star", "/*a/*", R"({"*a":[1]})", "=1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(found_in(row.payload, row.pattern) == row.found);
  }
}

TEST_CASE("a pattern that is no JSON Pointer but for its stars is refused") {
  for (const char* pattern : {"s/*", "#/s", "/a~2/*", "*"}) {
    CAPTURE(pattern);
    const auto made = JsonMembers::parse(pattern);
    REQUIRE(!made);
    CHECK(made.error().code == ErrorCode::ConfigInvalid);
  }
}
