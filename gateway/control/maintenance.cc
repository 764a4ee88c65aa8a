#include "gateway/control/maintenance.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "gateway/control/answers.h"

namespace hubward::control {

Maintenance::Maintenance(observe::StatusBoard& board, device::WriteGate& writes,
                         const std::vector<QueuesWrites*>& queues, Loop& loop, Log& log,
                         std::string marker_path)
    : board_(board),
      writes_(writes),
      queues_(queues),
      loop_(loop),
      log_(log),
      marker_path_(std::move(marker_path)) {
  std::error_code ignored;
  writes_.paused = std::filesystem::exists(marker_path_, ignored);
  board_.set_writes_paused(writes_.paused);
}

std::string Maintenance::set(std::optional<bool> paused) {
  if (paused && *paused != writes_.paused) {
    std::error_code failed;
    if (*paused) {
      if (!std::ofstream(marker_path_)) failed = std::make_error_code(std::errc::io_error);
    } else {
      std::filesystem::remove(marker_path_, failed);
    }
    // Pausing takes effect even if it cannot be remembered; letting writes through again does not.
    if (failed && !*paused) return error_json("cannot remove " + marker_path_);
    writes_.paused = *paused;
    if (*paused) {
      for (QueuesWrites* queue : queues_) queue->withdraw_writes();
    }
    board_.set_writes_paused(*paused);
    log_.write(LogLevel::Warn, *paused ? "maintenance_on" : "maintenance_off",
               {{"remembered", failed ? "no" : "yes"}});
    board_.event({loop_.clock().wall(), std::nullopt,
                  *paused ? "maintenance_on" : "maintenance_off",
                  *paused ? "Writing to the plant is paused for maintenance."
                          : "Maintenance is over; commands reach the plant again."});
  }
  return writes_.paused ? R"({"paused":true})" : R"({"paused":false})";
}

}  // namespace hubward::control
