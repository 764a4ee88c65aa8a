#include "tests/sim/simulation/fault_script.h"

#include <utility>

#include "tests/sim/simulation/bookkeeper.h"

namespace hubward::simulation {

using namespace std::chrono_literals;

SteadyTime FaultScript::in(double seconds_min, double seconds_max) {
  const double seconds = seconds_min + (seconds_max - seconds_min) * chance();
  return now().steady + std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::duration<double>(seconds));
}

// Seconds mostly, and now and then up to twenty minutes.
SteadyTime FaultScript::end() { return chance() < 0.15 ? in(300, 1200) : in(2, 120); }

std::string FaultScript::some_device() {
  return device_name(
      static_cast<std::size_t>(chance() * static_cast<double>(stage_.scale.devices)));
}

// A tenth to all of them.
std::set<std::string> FaultScript::some_devices() {
  const double share = 0.1 + 0.9 * chance();
  std::set<std::string> devices;
  for (std::size_t i = 0; i < stage_.scale.devices; ++i) {
    if (chance() < share) devices.insert(device_name(i));
  }
  return devices;
}

simcloud::Place FaultScript::some_hub() {
  return 1 + static_cast<simcloud::Place>(chance() * static_cast<double>(stage_.scale.hubs));
}

std::optional<std::chrono::milliseconds> FaultScript::perhaps_for_a_while() {
  if (chance() < 0.5) return std::nullopt;
  return std::chrono::seconds(60 + static_cast<int>(300 * chance()));
}

// Later, unless everything is over by then.
void FaultScript::at(SteadyTime when, std::function<void()> what) {
  stage_.world.call_at(when, [this, what = std::move(what)] {
    if (over_) return;
    what();
    stage_.network.deliver_outputs();
  });
}

void FaultScript::for_a_while(simcloud::Fault fault, SteadyTime until) {
  const auto id = stage_.cloud.add_fault(std::move(fault), now());
  at(until, [this, id] { stage_.cloud.remove_fault(id, now()); });
}

void FaultScript::schedule() {
  const double mean = static_cast<double>(stage_.scale.between_faults.count());
  at(in(0, 2 * mean), [this] {
    begin_one();
    schedule();
  });
}

void FaultScript::begin_one() {
  double total = 0;
  for (const auto& kind : kinds()) {
    if (kind.is_played(stage_.scale)) total += kind.weight;
  }
  double drawn = chance() * total;
  for (const auto& kind : kinds()) {
    if (!kind.is_played(stage_.scale)) continue;
    drawn -= kind.weight;
    if (drawn > 0) continue;
    stage_.gateway.say(kind.name);
    ++begun_[kind.name];
    (this->*kind.begin)();
    return;
  }
}

void FaultScript::on_boot() {
  if (stage_.machine.clock().wall_is_trusted()) return;
  at(in(10, 300), [this] {
    stage_.gateway.say("NTP answers");
    stage_.machine.set_wall_clock();
  });
}

void FaultScript::repair_disk() {
  auto& disk = stage_.machine.disk();
  disk.set_capacity(std::nullopt);
  disk.set_read_only(false);
  disk.set_broken(false);
  disk.fail_syncs(0);
  stage_.machine.set_commit_delay(2ms);
  stage_.books.on_disk_repaired();
}

void FaultScript::end_all() {
  over_ = true;
  holders_.clear();
  auto& [scale, world, cloud, network, machine, books, gateway, random] = stage_;
  network.set_cut(false);
  network.set_latency_factor(1);
  for (const auto& place : cloud.world().places) {
    network.set_name_unknown(place.host, false);
    network.set_black_hole(place.host, false);
  }
  cloud.clear_faults(now());
  for (const auto& [name, device] : cloud.world().devices) {
    (void)cloud.block(name, false, now());
    (void)cloud.enable(name);
  }
  (void)cloud.disable_enrollment("plant", false);
  repair_disk();
  machine.set_wall_clock();
  network.deliver_outputs();
}

}  // namespace hubward::simulation
