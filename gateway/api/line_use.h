// Who uses a shared line or connection, and how much of it: the bus budget.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/reading.h"

namespace hubward {

struct LineUse {
  struct Part {
    DeviceIndex device;
    double used = 0;  // of the line's time, lately
    double needed =
        0;  // what the configured intervals need; of all together more than 1 cannot fit
    std::optional<std::chrono::nanoseconds> turnaround;  // measured: from request to answer
    std::uint64_t requests = 0;                          // since the start
    std::uint64_t unanswered = 0;                        // of these
    std::uint64_t missed_cycles = 0;  // polls that were left out because the line was busy
  };
  std::string place;  // "/dev/ttyUSB0", "10.0.0.5:502"
  std::vector<Part> parts;
};

// An adapter whose devices share a line.
class SharesLine {
 public:
  virtual ~SharesLine() = default;
  [[nodiscard]] virtual LineUse line_use() = 0;  // on the adapter's loop, about once a second
};

}  // namespace hubward
