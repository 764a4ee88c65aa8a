// Numbers, durations and foreign text in the form people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace hubward::observe {

// 41200 -> "41,200".
[[nodiscard]] std::string count_words(std::uint64_t count);

// "1 message", "41,200 messages".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

// The two largest units: "40 s", "12 min", "3 h 12 min", "6 d 4 h". Below a second and for negative
// durations (a clock that stepped): "1 s".
[[nodiscard]] std::string duration_words(std::chrono::milliseconds duration);

// Wire text made safe for JSON, WebSocket and terminals: bytes that are no UTF-8 become U+FFFD,
// control characters a space. Browsers close a WebSocket that carries invalid UTF-8.
[[nodiscard]] std::string shown_text(std::string_view foreign);

}  // namespace hubward::observe
