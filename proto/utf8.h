// Text that everything takes: JSON, MQTT (3.1.1, section 1.5.3), terminals.
#pragma once

#include <string_view>

namespace hubward {

// Well-formed UTF-8 (no surrogates, no overlong forms, nothing past U+10FFFF) without U+0000.
[[nodiscard]] bool is_valid_text(std::string_view text);

}  // namespace hubward
