#include "proto/utf8.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace std::string_view_literals;

TEST_CASE("what others say is quoted as text on one line, and not cut within a character") {
  struct Row {
    const char* why;
    std::string_view said;
    std::size_t bytes_max;
    std::string_view quoted;
  };
  const Row rows[] = {
      {"text", "gest\u00f6rt", 20, "gest\u00f6rt"},
      {"lines", "a\r\nb\x7F", 20, "a  b "},
      {"no text", "\xFF\x06\x00x"sv, 20, "? ?x"},
      {"an overlong form", "\xC0\x80", 20, "??"},
      {"cut by its sender", "ab\xC3", 20, "ab?"},
      {"too long", "abcd", 3, "abc"},
      {"too long by half a character", "ab\u00f6", 3, "ab"},
      {"just long enough", "ab\u00f6", 4, "ab\u00f6"},
      {"nothing", "", 4, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const std::string quoted = quoted_text(row.said, row.bytes_max);
    CHECK(quoted == row.quoted);
    CHECK(is_valid_text(quoted));
  }
}
