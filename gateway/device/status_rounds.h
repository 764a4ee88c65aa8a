// Brings the devices' states to whoever shows them, for all devices together.
#pragma once

#include <cstddef>
#include <vector>

#include "gateway/api/loop.h"
#include "gateway/api/status.h"

namespace hubward::device {

class Device;

// The page shows no more than four changes a second, and no device sends more to it. One timer for
// all: with thousands of devices a timer each would wake the loop for every message. On the
// devices' loop.
class StatusRounds {
 public:
  // Both outlive it.
  StatusRounds(Loop& loop, StatusSink& sink) : loop_(loop), sink_(sink) {}
  ~StatusRounds();
  StatusRounds(const StatusRounds&) = delete;
  StatusRounds& operator=(const StatusRounds&) = delete;

  // The device's state has changed; it is asked for it within the interval. It says so once, until
  // it is asked, and is forgotten before it goes.
  void soon(Device& device);
  void forget(Device& device);
  [[nodiscard]] StatusSink& sink() { return sink_; }

 private:
  void start_round();
  void go_on();

  Loop& loop_;
  StatusSink& sink_;
  std::vector<Device*> changed_;  // since the round began
  std::vector<Device*> round_;    // still to be asked; null: forgotten
  std::size_t asked_ = 0;         // of round_
  TimerId timer_;
};

}  // namespace hubward::device
