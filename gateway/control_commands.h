// What the running gateway answers on its control socket: one JSON object in, one out.
//   {"command":"status"}
//   {"command":"maintenance","paused":true}     without "paused": only tells
//   {"command":"quarantine"}                    the messages that were set aside, for export
#pragma once

#include <functional>
#include <string>

#include "gateway/api/log.h"
#include "gateway/device/write_gate.h"
#include "gateway/observe/status_board.h"
#include "gateway/outbox/outbox_writer.h"
#include "proto/json.h"

namespace hubward {

// On the devices' loop. Everything given outlives it.
class ControlCommands {
 public:
  using Answer = std::function<void(std::string line)>;

  // `marker_path`: a file that stands there while writes are paused, so that a restart in the
  // middle of somebody's work on a machine does not let commands through again.
  ControlCommands(observe::StatusBoard& board, outbox::OutboxWriter& outbox,
                  device::WriteGate& writes, Loop& loop, Log& log, std::string marker_path);

  // `answer` runs once, on the loop, possibly before this returns.
  void handle(const std::string& request, const Answer& answer);

 private:
  std::string maintenance(const json::Value& request);
  void list_quarantine(const Answer& answer);

  observe::StatusBoard& board_;
  outbox::OutboxWriter& outbox_;
  device::WriteGate& writes_;
  Loop& loop_;
  Log& log_;
  const std::string marker_path_;
};

}  // namespace hubward
