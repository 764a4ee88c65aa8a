// A gateway with real resilience, sessions and outbox, on simulated time: plant, network, disk,
// clock and cloud fail as one seed decides, and what must never happen is checked all the way.
// README.md says what that is.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/cloud/model.h"
#include "tests/sim/simulation/bookkeeper.h"
#include "tests/sim/simulation/fault_script.h"
#include "tests/sim/simulation/gateway_process.h"
#include "tests/sim/simulation/outcome.h"
#include "tests/sim/simulation/referee.h"
#include "tests/sim/simulation/scale.h"
#include "tests/support/manual_loop.h"
#include "tests/support/scripted_random.h"

namespace hubward::simulation {

class Simulation final : private GatewayControl {
 public:
  // `narrate` prints what happens, for a person who looks into a seed.
  Simulation(Scale scale, bool narrate);
  ~Simulation() override;
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Once.
  [[nodiscard]] Outcome run();

 private:
  void crash(Death death) override;
  void restart_without(std::set<std::size_t> devices) override;
  void say(const std::string& what) override;

  void run_until(SteadyTime end);
  void start_gateway();
  void stop_gateway();
  void schedule_reading(std::size_t device);
  void read(std::size_t device);
  void look_at_bounds();
  void make_peace();
  [[nodiscard]] bool all_is_well() const;
  void judge();
  void judge_device(std::size_t device);
  void complain(const std::string& what);
  void narrate_order();
  SteadyTime in(double seconds_min, double seconds_max);
  [[nodiscard]] simcloud::Now now() const { return {clock_.steady(), clock_.wall()}; }

  const Scale scale_;
  const bool narrate_;
  test::SeededRandom random_;
  test::ManualClock clock_;  // the world's: right
  test::ManualLoop world_{clock_};
  simcloud::CloudModel cloud_;
  Bookkeeper books_;
  Referee referee_;
  SimulatedNetwork network_;
  SimulatedMachine machine_;
  FaultScript faults_;
  std::unique_ptr<GatewayProcess> gateway_;  // absent while it is down
  std::set<std::size_t> removed_;            // not in the configuration now
  std::vector<std::uint64_t> counters_;      // of the plant, by device
  bool plant_runs_ = true;
  std::map<std::string, std::uint64_t> order_violations_;  // as narrated
  Outcome outcome_;
};

}  // namespace hubward::simulation
