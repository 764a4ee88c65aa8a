#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "gateway/cli/colour.h"
#include "proto/result.h"

namespace hubward::cli {

// The gateway's status document (gateway/observe/status_json.h) as a table for people. What a newer
// or older gateway leaves out is shown as a dash; control characters never reach the terminal.
// Error Malformed: no such document.
[[nodiscard]] Result<std::string> status_text(std::string_view status_json, const Paint& paint);

// The two largest units: "40 s", "3 h 12 min", "6 d 4 h".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

}  // namespace hubward::cli
