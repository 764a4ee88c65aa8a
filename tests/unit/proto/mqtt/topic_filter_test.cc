#include "proto/mqtt/topic_filter.h"

#include <doctest/doctest.h>

#include <string>

#include "proto/utf8.h"

using namespace hubward::mqtt;
using namespace std::string_view_literals;

TEST_CASE("filters match the topics that section 4.7 says they match") {
  struct Row {
    std::string_view filter;
    std::string_view topic;
    bool match;
  };
  const Row rows[] = {
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/tennis/player1/#", "sport/tennis/player10", false},
      {"#", "sport", true},
      {"#", "/finance", true},
      {"#", "$SYS/x", false},
      {"+", "sport", true},
      {"+", "/finance", false},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+/monitor/Clients", "$SYS/monitor/Clients", false},
      {"$SYS/#", "$SYS/x/y", true},
      {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"sport/+/player1", "sport/tennis/player1", true},
      {"sport/+", "sport/tennis/player1", false},
      {"a/b", "a/b", true},
      {"a/b", "a/b/c", false},
      {"a/b/c", "a/b", false},
      {"A", "a", false},
      {"/a", "a", false},
      {"a", "a/", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.filter);
    CAPTURE(row.topic);
    REQUIRE(is_valid_filter(row.filter));
    REQUIRE(is_valid_topic(row.topic));
    CHECK(matches(row.filter, row.topic) == row.match);
  }
}

TEST_CASE("wildcards stand only where section 4.7.1 allows them") {
  struct Row {
    std::string filter;
    bool valid;
  };
  const Row rows[] = {
      {"#", true},
      {"+", true},
      {"+/tennis/#", true},
      {"/", true},
      {"a//b", true},
      {"sport/tennis#", false},
      {"sport/#/ranking", false},
      {"sport+", false},
      {"+a/b", false},
      {"", false},
      {std::string("a\0b", 3), false},
      {std::string(65'535, 'a'), true},
      {std::string(65'536, 'a'), false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.filter.substr(0, 40));
    CHECK(is_valid_filter(row.filter) == row.valid);
  }
  CHECK_FALSE(is_valid_topic("a/+"));
  CHECK_FALSE(is_valid_topic("#"));
  CHECK_FALSE(is_valid_topic(""));
}

TEST_CASE("text is UTF-8 without NUL, surrogates and overlong forms") {
  struct Row {
    const char* why;
    std::string_view text;
    bool valid;
  };
  const Row rows[] = {
      {"plain", "abc", true},
      {"two bytes", "\xC3\xA4"sv, true},
      {"three bytes", "\xE2\x82\xAC"sv, true},
      {"four bytes", "\xF0\x9F\x98\x80"sv, true},
      {"last code point", "\xF4\x8F\xBF\xBF"sv, true},
      {"NUL", "\0"sv, false},
      {"lone continuation", "\x80"sv, false},
      {"overlong slash", "\xC0\xAF"sv, false},
      {"overlong three bytes", "\xE0\x80\xAF"sv, false},
      {"surrogate", "\xED\xA0\x80"sv, false},
      {"past the last code point", "\xF4\x90\x80\x80"sv, false},
      {"cut in the middle", "\xE2\x82"sv, false},
      {"bad third byte", "\xE2\x82\x20"sv, false},
      {"byte that never occurs", "\xFE"sv, false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(hubward::is_valid_text(row.text) == row.valid);
  }
}
