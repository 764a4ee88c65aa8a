// Where a value stands in what a device says.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubward::extract {

struct CsvColumn {
  std::size_t number = 0;   // from 1; 0: by name
  std::string name{};       // as in the header line, which is the last line that has all names
  std::size_t columns = 1;  // so many columns from there on, with the separator between them
};
struct FixedColumns {
  std::size_t from = 1;  // the first character is 1
  std::size_t width = 1;
};
struct JsonMember {
  std::string pointer;  // RFC 6901
};

// Nothing: the line ends before it. `first` is the place of its first column, from 0.
[[nodiscard]] std::optional<std::string> text_at(const std::vector<std::string>& columns,
                                                 std::size_t first, const CsvColumn& where,
                                                 char separator);
[[nodiscard]] std::optional<std::string_view> text_at(std::string_view content,
                                                      const FixedColumns& where);

}  // namespace hubward::extract
