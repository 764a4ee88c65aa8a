#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "gateway/api/log.h"

namespace hubward::platform {

// A value longer than this is cut: it is foreign text, and a line is for people.
inline constexpr std::size_t kLogValueBytesMax = 1000;

// `warn event=hub_disconnected device=press-07 reason="keep-alive time-out"`: one line whatever the
// values hold. Control characters, invalid UTF-8 and characters that turn the direction of writing
// (a value could make the line read as something else) come out as \xNN.
[[nodiscard]] std::string log_line(LogLevel level, std::string_view event,
                                   std::initializer_list<LogField> fields);

}  // namespace hubward::platform
