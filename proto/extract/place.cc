#include "proto/extract/place.h"

namespace hubward::extract {

std::optional<std::string> text_at(const std::vector<std::string>& columns, std::size_t first,
                                   const CsvColumn& where, char separator) {
  if (first >= columns.size() || columns.size() - first < where.columns) return std::nullopt;
  std::string text = columns[first];
  for (std::size_t i = 1; i < where.columns; ++i) text += separator + columns[first + i];
  return text;
}

std::optional<std::string_view> text_at(std::string_view content, const FixedColumns& where) {
  const std::size_t begin = where.from - 1;
  if (content.size() < where.width || content.size() - where.width < begin) return std::nullopt;
  return content.substr(begin, where.width);
}

}  // namespace hubward::extract
