#include "gateway/config/document.h"

#include <doctest/doctest.h>

using namespace hubward::config;

namespace {

Position place_of(std::string_view text, std::string_view pointer) {
  const auto document = parse_document(text);
  REQUIRE(document.root.has_value());
  const Node* node = resolve(*document.root, pointer);
  REQUIRE(node != nullptr);
  return position_of(text, node->offset);
}

}  // namespace

TEST_CASE("every value knows its line and column, whatever stands between the tokens") {
  const std::string_view text =
      "// begin {\n"
      "{ \"a\" /* : */ : /* \"b\" */ 1,\n"
      "  \"list\": [true, null,\n"
      "    \"text, with : and // inside\" , -2.5e3, {}, [ ] ,\n"
      "    { \"deep\": false, }, ],\n"
      "  \"\\u00e9scaped\\\"\" : \"x\",  // end\n"
      "  \"last\":\t{\"k\":[]}}\n";
  struct Row {
    const char* why;
    const char* pointer;
    Position position;
  };
  const Row rows[] = {
      {"the root", "", {2, 1}},
      {"after two comments", "/a", {2, 27}},
      {"a list", "/list", {3, 11}},
      {"its first item", "/list/0", {3, 12}},
      {"a null", "/list/1", {3, 18}},
      {"a text that looks like structure", "/list/2", {4, 5}},
      {"a number", "/list/3", {4, 36}},
      {"an empty object", "/list/4", {4, 44}},
      {"an empty list", "/list/5", {4, 48}},
      {"an object after them", "/list/6", {5, 5}},
      {"inside that", "/list/6/deep", {5, 15}},
      {"after an escaped key", "/\u00e9scaped\"", {6, 22}},
      {"after a tab", "/last", {7, 11}},
      {"without spaces", "/last/k", {7, 16}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto place = place_of(text, row.pointer);
    CHECK(place.line == row.position.line);
    CHECK(place.column == row.position.column);
  }
}

TEST_CASE("keys know their place, too") {
  const std::string_view text = "{\n  \"a\": 1,\n\t\"b\" : 2}";
  const auto document = parse_document(text);
  REQUIRE(document.root);
  CHECK(position_of(text, document.root->members[0].key_offset) == Position{2, 3});
  CHECK(position_of(text, document.root->members[1].key_offset) == Position{3, 2});
}

TEST_CASE("columns count characters, and a byte order mark is none") {
  CHECK(place_of("{\"\u00e4\u6f22\": 1}", "/\u00e4\u6f22") == Position{1, 8});
  CHECK(place_of("\xEF\xBB\xBF{\"a\": 1}", "/a") == Position{1, 7});
  CHECK(place_of("\xEF\xBB\xBF\n{\"a\": 1}", "/a") == Position{2, 7});
  CHECK(place_of("{\r\n\"a\": 1}", "/a") == Position{2, 6});
}

TEST_CASE("pointers escape what RFC 6901 asks for, and find it again") {
  CHECK(pointer_step("a/b~c") == "/a~1b~0c");
  const auto document = parse_document(R"({"a/b~c": [5], "": 6})");
  REQUIRE(document.root);
  REQUIRE(resolve(*document.root, "/a~1b~0c/0") != nullptr);
  CHECK(resolve(*document.root, "/a~1b~0c/0")->text == "5");
  CHECK(resolve(*document.root, "/")->text == "6");
  CHECK(resolve(*document.root, "/a~1b~0c/1") == nullptr);
  CHECK(resolve(*document.root, "/b") == nullptr);
  CHECK(resolve(*document.root, "") == &*document.root);
}

TEST_CASE("a repeated key is a problem at the second, however deep, and parsing goes on") {
  const std::string_view text =
      "{\"a\": [1, {\"b\": 1,\n \"b\": 2, \"c\": {}, \"c\": 3}], \"a\": 2}";
  const auto document = parse_document(text);
  REQUIRE(document.root);
  REQUIRE(document.problems.size() == 3);
  CHECK(document.problems[0].pointer == "/a/1/b");
  CHECK(position_of(text, document.problems[0].offset) == Position{2, 2});
  CHECK(document.problems[1].pointer == "/a/1/c");
  CHECK(document.problems[2].pointer == "/a");
  CHECK(resolve(*document.root, "/a/1/b")->text == "1");
}

TEST_CASE("input over a limit is refused, and input at the limit is not") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_document(nested(kDepthMax)).root.has_value());
  CHECK(parse_document(nested(kDepthMax + 1)).problems.at(0).rule == "too-deep");
  CHECK(parse_document(nested(100'000)).problems.at(0).rule == "too-deep");
  const std::string spaces(kFileBytesMax - 2, ' ');
  CHECK(parse_document("{}" + spaces).root.has_value());
  CHECK(parse_document("{} " + spaces).problems.at(0).rule == "too-large");
}

TEST_CASE("a file full of repeated keys costs little") {
  std::string text = "{";
  while (text.size() < kFileBytesMax - 10) text += "\"\":1,";
  text += "}";
  const auto document = parse_document(text);
  CHECK(document.root.has_value());
  CHECK(document.problems.size() == 100);
}
