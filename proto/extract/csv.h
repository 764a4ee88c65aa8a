// A line of separated columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"

namespace hubward::extract {

struct CsvForm {
  char separator = ',';
  bool quotes = true;       // RFC 4180: "a,b" is one column, and "" within it a quotation mark
  std::size_t columns = 0;  // a line has exactly so many; 0: any number
};

inline constexpr std::size_t kCsvColumnsMax = 1000;

// Never empty; what stands between separators, without its quotation marks. Error BadPayload: a
// quotation mark is left open or in the wrong place, or the number of columns is wrong or over the
// limit.
[[nodiscard]] Result<std::vector<std::string>> split_csv(std::string_view line,
                                                         const CsvForm& form);

}  // namespace hubward::extract
