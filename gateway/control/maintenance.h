#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/api/loop.h"
#include "gateway/api/queues_writes.h"
#include "gateway/device/write_gate.h"
#include "gateway/observe/status_board.h"

namespace hubward::control {

// Pauses all writes to the plant, or lets them through again. On the devices' loop.
class Maintenance {
 public:
  // `marker_path`: a file that stands there while writes are paused, so that a restart in the
  // middle of somebody's work on a machine does not let commands through again. `queues`: what
  // waits there when a pause begins must not reach the plant in the middle of it; they may come
  // later.
  Maintenance(observe::StatusBoard& board, device::WriteGate& writes,
              const std::vector<QueuesWrites*>& queues, Loop& loop, Log& log,
              std::string marker_path);

  // Nothing wished: only tells. {"paused": true or false}, or an error.
  std::string set(std::optional<bool> paused);

 private:
  observe::StatusBoard& board_;
  device::WriteGate& writes_;
  const std::vector<QueuesWrites*>& queues_;
  Loop& loop_;
  Log& log_;
  const std::string marker_path_;
};

}  // namespace hubward::control
