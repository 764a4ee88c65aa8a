// Looks at this computer's clocks once a second and carries out what follows: what ClockWatch
// decides is told to the devices, to the page and to the log.
#pragma once

#include <chrono>
#include <cstdint>

#include "gateway/api/log.h"
#include "gateway/api/loop.h"
#include "gateway/device/roster.h"
#include "gateway/observe/status_board.h"
#include "gateway/platform/system_clock.h"
#include "gateway/resilience/clock_watch.h"

namespace hubward {

struct ClockRoundsSettings {
  std::uint64_t boot_id = 0;           // of this start of the machine
  double connections_per_second = 20;  // at which tokens may be made anew
};

// On the devices' loop. Everything given outlives it.
class ClockRounds {
 public:
  ClockRounds(ClockRoundsSettings settings, platform::SystemClock& clock,
              resilience::ClockWatch& watch, Loop& loop, device::DeviceRoster& roster,
              observe::StatusBoard& board, Log& log);
  ~ClockRounds();

  // The first look, and then one a second. Before the first reading is taken.
  void begin();

 private:
  void look();
  void tell(const resilience::ClockChange& change);
  void tell_devices(const resilience::ClockChange& change);
  void event(const char* word, std::string text);

  const ClockRoundsSettings settings_;
  platform::SystemClock& clock_;
  resilience::ClockWatch& watch_;
  Loop& loop_;
  device::DeviceRoster& roster_;
  observe::StatusBoard& board_;
  Log& log_;
  resilience::ClockCorrection told_;  // to the devices
  TimerId timer_;
};

}  // namespace hubward
