#pragma once

#include <cstddef>

#include "gateway/observe/status_board.h"
#include "proto/json.h"

namespace hubward::observe {

// How many of the busiest are told; the others are counted.
struct LineLimits {
  std::size_t lines = SIZE_MAX;
  std::size_t devices = SIZE_MAX;  // of each line
  bool counts = true;              // of requests, which change all the time
};

// [{"place", "used_percent", "needed_percent", "fits", "late_polls", "more_devices", "devices":
// [{"id", "name", "used_percent", "needed_percent", "turnaround_us", "requests", "unanswered",
// "late_polls"}]}]: what each line is used for and what is asked of it, the busiest first.
void write_lines(json::Writer& out, const StatusBoard& board, const LineLimits& limits);

}  // namespace hubward::observe
