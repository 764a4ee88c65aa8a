#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/tag_csv.h"

namespace hubward::config {

struct ImportedTags {
  std::string json;  // {"tags": [...]}, a tag a line; empty with problems
  std::size_t count = 0;
  std::vector<CsvProblem> problems;  // every line that is wrong, and why
  std::vector<CsvProblem> warnings;  // what the check of a device's file would warn of
  std::vector<std::string> notes;
};

// A table of tags as the "tags" of a Modbus device's file: bound and checked as that file would be.
// Pure.
[[nodiscard]] ImportedTags import_tags(std::string_view csv, const TagCsvOptions& options);

}  // namespace hubward::config
