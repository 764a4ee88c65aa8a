// What came on a serial line, for people.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "proto/time.h"

namespace hubward::cli {

// Rows of sixteen bytes: time and pause in front of the first, hexadecimal digits, characters.
//   17:03:22.123    +1.002 s  53 20 49 0D 0A                                   S I..
[[nodiscard]] std::string bytes_text(WallTime at, std::optional<std::chrono::nanoseconds> pause,
                                     std::string_view bytes);

// One line: how many bytes a frame has, or why bytes are none, and the bytes with escapes.
//   frame of 5 bytes: S I\r\n
[[nodiscard]] std::string frame_text(std::string_view what, std::string_view bytes);

}  // namespace hubward::cli
