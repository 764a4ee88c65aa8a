// What one seed plays: how many devices for how long, how well everything is dimensioned, and which
// whole families of trouble it may meet. Drawn from the seed alone, so that the seed replays it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "gateway/resilience/limits.h"

namespace hubward::simulation {

// How the gateway's process ends when nobody stops it.
enum class Death : std::uint8_t {
  Process,  // killed
  Disk,     // killed, and the disk is mounted anew: what was not synced is gone
  Power,    // of the machine
};

struct Scale {
  std::uint64_t seed = 1;
  std::size_t devices = 20;
  std::size_t hubs = 3;
  std::chrono::minutes faults_for{90};
  // Mean pause between two faults. Each lasts from seconds to twenty minutes.
  std::chrono::seconds between_faults{90};
  // Mean pause between two readings of a device.
  std::chrono::seconds between_readings{10};
  resilience::Limits limits;  // what the gateway allows itself
  // What DPS takes from everybody together.
  double registrations_per_minute = 200;
  std::uint64_t store_bytes_max = 512ULL * 1024 * 1024;  // little enough, and retention drops
  // Kept in memory while the disk takes nothing; 0: refused.
  std::uint64_t memory_bytes_max = 0;
  // Nothing that is older is sent. Nothing: only `store_bytes_max` drops.
  std::optional<std::chrono::seconds> age_max;
  // Every second device sends what comes over the present link before what has waited.
  bool fresh_first = false;
  bool disk_faults = false;
  bool disk_remounts = false;
  bool clock_faults = false;
  bool battery_clock = true;  // false: the wall clock is wrong after a power cut until NTP comes
  bool large = false;

  // After the last fault has ended every device must be connected within this time: the longest
  // back-off (5 min), a refusal, DPS, the same hub again, which the device may only try in its next
  // back-off step (5 min), a conversation with two minutes of `assigning`, and the turns at the
  // gates of the gateway and of DPS, the latter met by chance after refusals.
  [[nodiscard]] std::chrono::seconds back_within() const;
  // One line for a person.
  [[nodiscard]] std::string text() const;
};

// Every this many seeds one is large: 1,000 devices.
inline constexpr std::uint64_t kLargeEvery = 50;

[[nodiscard]] Scale scale_of(std::uint64_t seed);
[[nodiscard]] inline bool is_fresh_first(const Scale& scale, std::size_t device) {
  return scale.fresh_first && device % 2 == 1;
}

}  // namespace hubward::simulation
