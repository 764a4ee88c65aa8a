#pragma once

#include <optional>
#include <string>

#include "gateway/cli/colour.h"
#include "proto/json.h"

namespace hubward::cli {

// Devices that wait to be approved, as a table with what to say next; empty: none waits. `at_most`
// of them, the others counted.
[[nodiscard]] std::string newcomers_text(const json::Value& newcomers,
                                         std::optional<std::int64_t> now_ms, std::size_t at_most,
                                         const Paint& paint);

}  // namespace hubward::cli
