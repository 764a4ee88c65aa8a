#include "proto/extract/place.h"

#include <doctest/doctest.h>

using namespace hubward::extract;

TEST_CASE("a column's text is found, alone or with those behind it") {
  const std::vector<std::string> line{"ST", "4807.038", "N", ""};
  struct Row {
    const char* why;
    std::size_t first;
    std::size_t columns;
    std::optional<std::string> text;
  };
  const Row rows[] = {
      {"the first", 0, 1, "ST"},          {"two of them", 1, 2, "4807.038,N"},
      {"an empty one", 3, 1, ""},         {"behind the end", 4, 1, std::nullopt},
      {"half of it", 3, 2, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(text_at(line, row.first, {.columns = row.columns}, ',') == row.text);
  }
}

TEST_CASE("characters are counted from 1, and what is not all there is not there") {
  CHECK(text_at("T=021.5C", {3, 5}) == "021.5");
  CHECK(text_at("T=021.5C", {8, 1}) == "C");
  CHECK_FALSE(text_at("T=021.5C", {8, 2}));
  CHECK_FALSE(text_at("T", {3, 5}));
}
