// Text that everything takes: JSON, MQTT (3.1.1, section 1.5.3), terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hubward {

// Well-formed UTF-8 (no surrogates, no overlong forms, nothing past U+10FFFF) without U+0000.
[[nodiscard]] bool is_valid_text(std::string_view text);

// What a foreign device or server says, for people: of `bytes_max` bytes at most, not cut within a
// character and on one line. Bytes that are no text become '?', control characters blanks.
[[nodiscard]] std::string quoted_text(std::string_view said, std::size_t bytes_max);

}  // namespace hubward
