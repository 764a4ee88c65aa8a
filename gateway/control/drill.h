#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gateway/api/log.h"
#include "gateway/api/loop.h"
#include "gateway/device/roster.h"
#include "gateway/observe/status_board.h"

namespace hubward::control {

// Rehearses the failover of one device while everything else runs, and tells what it showed. On the
// devices' loop.
class Drills {
 public:
  using Answer = std::function<void(std::string line)>;

  static constexpr std::chrono::seconds kDrillMax{100};
  // A device that has nothing to say: the login is what there is to show.
  static constexpr std::chrono::seconds kQuietMax{30};
  static constexpr std::chrono::milliseconds kLookEvery{100};

  // All outlive the drills.
  Drills(observe::StatusBoard& board, device::DeviceRoster& devices, Loop& loop, Log& log);
  ~Drills();
  Drills(const Drills&) = delete;
  Drills& operator=(const Drills&) = delete;

  // `answer` runs once, within kDrillMax. One drill at a time, of a device that is online.
  void start(const std::string& device_id, Answer answer);

 private:
  struct Drill;
  void step(const std::shared_ptr<Drill>& drill);
  void finish(const std::shared_ptr<Drill>& drill, const device::DrillReport& report);

  observe::StatusBoard& board_;
  device::DeviceRoster& devices_;
  Loop& loop_;
  Log& log_;
  bool running_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with the drill under way
};

}  // namespace hubward::control
