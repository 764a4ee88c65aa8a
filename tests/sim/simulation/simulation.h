// A gateway with real resilience, sessions and outbox, on simulated time: plant, network, disk and
// cloud fail as one seed decides, and what must never happen is checked all the way.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/cloud/model.h"
#include "tests/sim/simulation/simulated_network.h"
#include "tests/support/manual_loop.h"
#include "tests/support/scripted_random.h"

namespace hubward::simulation {

struct SimulationSettings {
  std::uint64_t seed = 1;
  std::size_t devices = 20;
  std::size_t hubs = 3;
  std::chrono::minutes faults_for{90};
  // Mean pause between two faults. Each lasts from seconds to twenty minutes.
  std::chrono::seconds between_faults{90};
  // Mean pause between two readings of a device.
  std::chrono::seconds between_readings{8};
  // After the last fault has ended every device must be connected within this time. The longest
  // back-off (5 min), a `retry-after` of DPS, a conversation with two minutes of `assigning`, and
  // the turns at both gates fit in it.
  std::chrono::minutes back_within{10};
  bool narrate = false;  // prints what happens, for a person who looks into a seed
};

// What became of one run. `violations` is empty unless hubward is at fault.
struct Outcome {
  std::vector<std::string> violations;
  std::uint64_t acknowledged = 0;  // readings that the gateway said it had stored
  std::uint64_t received = 0;      // of those, at the cloud
  std::uint64_t lost_in_power_cut = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t repeated = 0;
  std::uint64_t crashes = 0, power_cuts = 0, failovers = 0, faults = 0;
  std::uint64_t dps_conversations = 0, hub_connects = 0;
  std::chrono::seconds longest_return{0};  // from the last fault's end to the last device's return
};

class Gateway;
class SimulatedMachine;

class Simulation {
 public:
  explicit Simulation(SimulationSettings settings);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  [[nodiscard]] Outcome run();

 private:
  struct Plant {
    std::uint64_t counter = 0;
    std::set<std::uint64_t> acknowledged;
    std::map<std::uint64_t, SteadyTime> acknowledged_at;  // until it is synced for sure
    std::set<std::uint64_t> at_risk;  // acknowledged less than a sync window before a power cut
  };

  void run_until(SteadyTime end);
  void start_gateway();
  void crash(bool power);
  void schedule_reading(std::size_t device);
  void read(std::size_t device);
  void schedule_fault();
  void begin_fault();
  void check_admission();
  [[nodiscard]] bool everybody_is_online() const;
  void judge(Outcome& outcome);
  void narrate_order();
  void say(const std::string& what) const;
  SteadyTime in(double seconds_min, double seconds_max);
  std::string some_device();
  simcloud::Place some_hub();
  simcloud::Now now() const;

  SimulationSettings settings_;
  test::SeededRandom random_;
  test::ManualClock clock_;
  test::ManualLoop world_{clock_};
  std::unique_ptr<simcloud::CloudModel> cloud_;
  std::unique_ptr<SimulatedNetwork> network_;
  std::unique_ptr<SimulatedMachine> machine_;  // what survives a crash
  std::unique_ptr<Gateway> gateway_;           // absent while it is down
  std::vector<Plant> plants_;
  bool faults_on_ = true;
  bool plant_runs_ = true;
  std::map<std::string, std::uint64_t> order_violations_;  // as narrated
  Outcome outcome_;
};

}  // namespace hubward::simulation
