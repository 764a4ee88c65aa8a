// The trouble of one seed: which fault begins when, whom it hits, when it ends.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/sim/simulation/second_holder.h"
#include "tests/sim/simulation/simulated_machine.h"
#include "tests/sim/simulation/simulated_network.h"

namespace hubward::simulation {

class Bookkeeper;

// What the script may do to the gateway itself.
class GatewayControl {
 public:
  virtual ~GatewayControl() = default;
  virtual void crash(Death death) = 0;  // and starts again some time later
  // Stops it and starts it again without these devices in its configuration.
  virtual void restart_without(std::set<std::size_t> devices) = 0;
  virtual void say(const std::string& what) = 0;
};

class FaultScript {
 public:
  struct Stage {
    const Scale& scale;
    test::ManualLoop& world;
    simcloud::CloudModel& cloud;
    SimulatedNetwork& network;
    SimulatedMachine& machine;
    Bookkeeper& books;
    GatewayControl& gateway;
    RandomSource& random;
  };
  explicit FaultScript(Stage stage) : stage_(stage) {}

  void start() { schedule(); }
  // Every fault ends, for good.
  void end_all();
  // After the power came back, without a battery clock: NTP answers some time later.
  void on_boot();

  // How often each fault began, by its name.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& begun() const { return begun_; }

 private:
  struct Kind {
    const char* name;
    double weight;
    void (FaultScript::*begin)();
    bool (*is_played)(const Scale&);
  };
  static const std::vector<Kind>& kinds();

  void schedule();
  void begin_one();
  [[nodiscard]] double chance() { return stage_.random.unit(); }
  [[nodiscard]] SteadyTime in(double seconds_min, double seconds_max);
  [[nodiscard]] SteadyTime end();
  [[nodiscard]] std::string some_device();
  [[nodiscard]] std::set<std::string> some_devices();
  [[nodiscard]] simcloud::Place some_hub();
  [[nodiscard]] std::optional<std::chrono::milliseconds> perhaps_for_a_while();
  [[nodiscard]] simcloud::Now now() const { return stage_.network.now(); }
  void at(SteadyTime when, std::function<void()> what);
  void for_a_while(simcloud::Fault fault, SteadyTime until);
  void repair_disk();

  // fault_kinds.cc, in the order of the table there.
  void fail_over_device();
  void fail_over_devices();
  void fail_over_hub();
  void block_device();
  void disable_device();
  void delete_device();
  void disable_enrollment();
  void cut_network();
  void slow_network();
  void lose_name();
  void black_hole();
  void half_open();
  void hub_down();
  void hub_silent();
  void hub_busy();
  void quota_loop();
  void throttle_logins();
  void throttle_sends();
  void withhold_pubacks();
  void delay_pubacks();
  void cut_inside_message();
  void drop_everybody();
  void twin_status();
  void second_holder();
  void dps_down();
  void dps_status();
  void dps_verdict();
  void kill_gateway();
  void mount_anew();
  void cut_power();
  void remove_devices();
  void step_clock();
  void disk_full();
  void disk_read_only();
  void disk_broken();
  void disk_sync_fails();
  void disk_slow();
  void disk_damaged();

  Stage stage_;
  bool over_ = false;
  std::map<std::string, std::uint64_t> begun_;
  std::map<std::string, std::unique_ptr<SecondHolder>> holders_;  // by device
};

}  // namespace hubward::simulation
