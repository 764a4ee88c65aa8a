// The only place of simcloud that reads clocks.
#pragma once

#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

[[nodiscard]] inline Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::time_point_cast<std::chrono::milliseconds>(
                                                std::chrono::system_clock::now())};
}

}  // namespace hubward::simcloud
