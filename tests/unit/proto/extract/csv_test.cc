#include "proto/extract/csv.h"

#include <doctest/doctest.h>

#include <optional>

using namespace hubward;
using namespace hubward::extract;

TEST_CASE("a line is split at its separators, and quoted ones are content") {
  using Columns = std::vector<std::string>;
  struct Row {
    std::string why;
    std::string line;
    CsvForm form;
    std::optional<Columns> columns;
  };
  const Row rows[] = {
      {"plain", "a,b,c", {}, Columns{"a", "b", "c"}},
      {"empty columns count", ",a,,", {}, Columns{"", "a", "", ""}},
      {"an empty line is one empty column", "", {}, Columns{""}},
      {"semicolons", "1,5;2", {.separator = ';'}, Columns{"1,5", "2"}},
      {"quoted separator", "\"a,b\",c", {}, Columns{"a,b", "c"}},
      {"quoted quotation mark", "\"say \"\"x\"\"\"", {}, Columns{"say \"x\""}},
      {"an inner quotation mark is one", "5\" pipe,2", {}, Columns{"5\" pipe", "2"}},
      {"quotation marks as characters", "\"a,b\"", {.quotes = false}, Columns{"\"a", "b\""}},
      {"left open", "\"a,b", {}, std::nullopt},
      {"something behind", "\"a\"b,c", {}, std::nullopt},
      {"right number", "a,b", {.columns = 2}, Columns{"a", "b"}},
      {"a column short: part of the line is missing", "a,b", {.columns = 3}, std::nullopt},
      {"most columns", std::string(999, ','), {}, Columns(1000)},
      {"more", std::string(1000, ','), {}, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto columns = split_csv(row.line, row.form);
    REQUIRE(columns.has_value() == row.columns.has_value());
    if (columns) CHECK(*columns == *row.columns);
    if (!columns) CHECK(columns.error().code == ErrorCode::BadPayload);
  }
}
