// Numbers, durations and foreign text in the form people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/api/duration_words.h"

namespace hubward::observe {

// 41200 -> "41,200".
[[nodiscard]] std::string count_words(std::uint64_t count);

// "1 message", "41,200 messages".
// For the middle of a sentence; abbreviations ("TLS ...") keep their capitals.
[[nodiscard]] std::string lower_first(std::string text);
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

using hubward::duration_words;

// Wire text made safe for JSON, WebSocket and terminals: bytes that are no UTF-8 become U+FFFD,
// control characters a space. Browsers close a WebSocket that carries invalid UTF-8.
[[nodiscard]] std::string shown_text(std::string_view foreign);

}  // namespace hubward::observe
