#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/api/loop.h"
#include "gateway/api/marker.h"
#include "gateway/api/queues_writes.h"
#include "gateway/device/write_gate.h"
#include "gateway/observe/status_board.h"

namespace hubward::control {

// Pauses all writes to the plant, or lets them through again. On the devices' loop.
class Maintenance {
 public:
  using Answer = std::function<void(std::string line)>;

  // `marker` stands while writes are paused, so that a restart in the middle of somebody's work on
  // a machine does not let commands through again. `queues`: what waits there when a pause begins
  // must not reach the plant in the middle of it; they may come later.
  Maintenance(observe::StatusBoard& board, device::WriteGate& writes,
              const std::vector<QueuesWrites*>& queues, Loop& loop, Log& log, Marker& marker);
  ~Maintenance() { *alive_ = false; }

  // Nothing wished: only tells. {"paused": true or false}, or an error; a pause that could not be
  // written down says why in "not_remembered", also later, until it is wished again and the disk
  // takes it. A pause takes effect before this returns, its end when the disk has it.
  void set(std::optional<bool> paused, const Answer& answer);

 private:
  void pause(const Answer& answer);
  void let_through(const Answer& answer);
  void put(std::function<void()> done);
  [[nodiscard]] std::string state() const;
  void begin();
  void end();
  void tell(const char* event, std::string text);

  observe::StatusBoard& board_;
  device::WriteGate& writes_;
  const std::vector<QueuesWrites*>& queues_;
  Loop& loop_;
  Log& log_;
  Marker& marker_;
  bool wished_;
  bool stands_;             // the marker, for sure
  Status remembered_;       // why it does not
  std::uint64_t last_ = 0;  // the newest request to let writes through
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hubward::control
