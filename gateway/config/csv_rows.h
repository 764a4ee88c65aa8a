// Rows of a table as spreadsheets write them (RFC 4180, also with semicolons or tabs): bounded, and
// every row that is not well-formed named by its line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hubward::config {

struct CsvRow {
  std::size_t line = 0;             // from 1, where it begins
  std::vector<std::string> fields;  // without white space at their ends, unless in quotes
};
struct CsvProblem {
  std::size_t line = 0;
  std::string text;
};
struct CsvTable {
  char separator = ',';
  std::vector<CsvRow>
      rows;  // the header first; without empty rows and those that begin with # outside quotes
  std::vector<CsvProblem> problems;
};

inline constexpr std::size_t kCsvColumnsMax = 64;
inline constexpr std::size_t kCsvFieldBytesMax = 1024;
// Rows that are not well-formed and named; a file that is no table need not name each of its lines.
inline constexpr std::size_t kCsvProblemsMax = 100;

// A byte order mark is skipped. The separator is the one of ; , and tab that the first row has most
// of.
[[nodiscard]] CsvTable read_csv(std::string_view text);

}  // namespace hubward::config
