// What became of one seed, or of many together.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace hubward::simulation {

// Plain numbers, so that they pass through a pipe as they are.
struct Figures {
  std::uint64_t acknowledged = 0;  // readings that the gateway said it had stored
  std::uint64_t received = 0;      // of those, at the cloud
  std::uint64_t lost_in_power_cut = 0, lost_with_store = 0, lost_in_memory = 0;
  std::uint64_t dropped = 0, quarantined = 0, repeated = 0;
  std::uint64_t late = 0;  // behind a newer one, as order_judge.h allows
  std::uint64_t crashes = 0, power_cuts = 0, faults = 0;
  std::uint64_t dps_conversations = 0, logins = 0;
  std::uint64_t simulated_hours = 0;
  std::chrono::seconds longest_return{0};  // from the last fault's end to the last device's return

  void add(const Figures& other) {
    acknowledged += other.acknowledged;
    received += other.received;
    lost_in_power_cut += other.lost_in_power_cut;
    lost_with_store += other.lost_with_store;
    lost_in_memory += other.lost_in_memory;
    dropped += other.dropped;
    quarantined += other.quarantined;
    repeated += other.repeated;
    late += other.late;
    crashes += other.crashes;
    power_cuts += other.power_cuts;
    faults += other.faults;
    dps_conversations += other.dps_conversations;
    logins += other.logins;
    simulated_hours += other.simulated_hours;
    longest_return = std::max(longest_return, other.longest_return);
  }
};

struct Outcome {
  Figures figures;
  std::vector<std::string> violations;  // empty unless hubward is at fault
};

}  // namespace hubward::simulation
