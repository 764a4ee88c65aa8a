#include "proto/extract/csv.h"

namespace hubward::extract {
namespace {

tl::unexpected<Error> refuse(std::string why) {
  return failure(ErrorCode::BadPayload, ErrorKind::Corrupt, std::move(why));
}

// Where the column behind its opening quotation mark ends, i.e. behind the closing one; npos if
// there is none.
std::size_t take_quoted(std::string_view line, std::size_t at, std::string& column) {
  for (; at < line.size(); ++at) {
    if (line[at] != '"') {
      column.push_back(line[at]);
    } else if (at + 1 < line.size() && line[at + 1] == '"') {
      column.push_back('"');
      ++at;
    } else {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string>> split_csv(std::string_view line, const CsvForm& form) {
  std::vector<std::string> columns;
  std::size_t at = 0;
  while (true) {
    if (columns.size() == kCsvColumnsMax) return refuse("more than 1000 columns");
    std::string& column = columns.emplace_back();
    if (form.quotes && at < line.size() && line[at] == '"') {
      at = take_quoted(line, at + 1, column);
      if (at == std::string_view::npos) return refuse("a quotation mark is left open");
      if (at < line.size() && line[at] != form.separator) {
        return refuse("something follows a quotation mark");
      }
    } else {
      const std::size_t end = std::min(line.find(form.separator, at), line.size());
      column = line.substr(at, end - at);
      at = end;
    }
    if (at >= line.size()) break;
    ++at;  // the separator
  }
  if (form.columns != 0 && columns.size() != form.columns) {
    return refuse(std::to_string(columns.size()) + " columns instead of " +
                  std::to_string(form.columns));
  }
  return columns;
}

}  // namespace hubward::extract
