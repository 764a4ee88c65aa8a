// The site's numbers in the Prometheus text format, version 0.0.4.
#pragma once

#include <string>

#include "gateway/observe/status_board.h"

namespace hubward::observe {

// One series a device and number, none a tag: the label sets are bounded by the configuration.
// The label `reason` is FailureWords::label, `state` a fixed word.
[[nodiscard]] std::string metrics_text(const StatusBoard& board);

}  // namespace hubward::observe
