// A tag list that another tool or a spreadsheet made, as a list of tags of a Modbus device's file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/csv_rows.h"

namespace hubward::config {

struct TagCsvOptions {
  // Of tags without a column for it.
  std::optional<std::chrono::milliseconds> interval{};
  // Believe columns that say who may write ("Client Access": R/W). Other tools mark everything so,
  // and here a write is allowed tag by tag.
  bool take_access = false;
};

// One tag as the file shall hold it, and the line it came from.
struct TagRow {
  std::size_t line = 0;
  std::string json;  // {"name": "pressure", "address": "holding:4", ...}
};
struct TagCsv {
  std::vector<TagRow> tags;
  std::vector<CsvProblem> problems;  // in the order of lines
  std::vector<std::string> notes;    // what was left out, and what else somebody should know
  bool is_for_line = false;          // some are written to all units of a serial line
};

// Column names may be written in any case, with blanks, dashes or underscores: those of the
// configuration, and those of Kepware and Neuron. Addresses: "holding:12", "manual:40013", or 40013
// and 400013 as manuals number them; a number that says no table is refused, so that counting from
// 0 and from 1 are never confused. Only what a row says is looked at here, not whether it makes
// sense (see import_tags()).
[[nodiscard]] TagCsv read_tag_csv(std::string_view text, const TagCsvOptions& options);

}  // namespace hubward::config
