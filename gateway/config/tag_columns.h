// What the columns of a tag list are called, here and in other tools.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hubward::config {

enum class ColumnKind : std::uint8_t {
  Text,
  Number,
  Truth,
  RawNumbers,  // "0x8000 -1"
  Address,
  Type,
  Order,   // ABCD, CDAB, BADC, DCBA
  Access,  // R/W
  RawLow,  // linear scaling: four columns for one scale and one offset
  RawHigh,
  ScaledLow,
  ScaledHigh,
  Scaling,      // which kind those four describe
  OnlyInFiles,  // a key of a tag that is more than a field can say
  Ignored,
};

struct TagColumn {
  std::string_view heading;  // letters_and_digits() of it
  const char* key;           // of the configuration
  ColumnKind kind;
};

// In lower case, and nothing else of it.
[[nodiscard]] std::string letters_and_digits(std::string_view text);

// nullptr: nobody knows it.
[[nodiscard]] const TagColumn* find_tag_column(std::string_view heading);
// The configuration's word for a type; nullptr: there is none, or it may be of several sizes.
[[nodiscard]] const char* find_type(std::string_view name);

}  // namespace hubward::config
