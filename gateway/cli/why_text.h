#pragma once

#include <string>
#include <string_view>

#include "gateway/cli/colour.h"
#include "proto/result.h"

namespace hubward::cli {

// The answer to `hubward why` for people: one line for each step, then what is wrong, what to do,
// and what must be open. Error Malformed: not such an answer.
[[nodiscard]] Result<std::string> why_text(std::string_view why_json, const Paint& paint);

struct DrillText {
  std::string text;
  bool fine = false;  // all that had to arrive was acknowledged
};
// The answer to `hubward drill failover` for people.
[[nodiscard]] Result<DrillText> drill_text(std::string_view drill_json, const Paint& paint);

}  // namespace hubward::cli
