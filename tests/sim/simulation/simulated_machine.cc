#include "tests/sim/simulation/simulated_machine.h"

#include <utility>

namespace hubward::simulation {
namespace {

// The kernel is up and starts services.
constexpr std::chrono::seconds kBootTakes{8};

}  // namespace

std::optional<Assignment> RememberedAssignments::load(const std::string& id_scope,
                                                      const std::string& registration_id,
                                                      const std::string& credential) const {
  const auto found = by_registration_id_.find(registration_id);
  if (found == by_registration_id_.end() || found->second.id_scope != id_scope ||
      found->second.credential != credential) {
    return std::nullopt;
  }
  return found->second;
}

void RememberedAssignments::save(const Assignment& assignment) {
  if (!process_lives_) return;
  by_registration_id_[assignment.registration_id] = assignment;
}

std::optional<BackoffRecord> RememberedBackoffs::load(const std::string& registration_id) const {
  const auto found = by_registration_id_.find(registration_id);
  if (found == by_registration_id_.end()) return std::nullopt;
  BackoffRecord record = found->second;
  record.not_before -= behind_;
  record.dps_not_before -= behind_;
  return record;
}

std::vector<GateRecord> RememberedBackoffs::load_gates() const {
  std::vector<GateRecord> gates = gates_;
  for (GateRecord& gate : gates) {
    gate.next_look -= behind_;
    gate.next_question -= behind_;
    gate.named -= behind_;
  }
  return gates;
}

void RememberedBackoffs::save(const std::string& registration_id, const BackoffRecord& record) {
  if (!process_lives_) return;
  if (record.failures == 0) {
    by_registration_id_.erase(registration_id);
    return;
  }
  BackoffRecord& kept = by_registration_id_[registration_id];
  kept = record;
  kept.not_before += behind_;
  kept.dps_not_before += behind_;
}

void RememberedBackoffs::save_gates(std::vector<GateRecord> gates) {
  if (!process_lives_) return;
  gates_ = std::move(gates);
  for (GateRecord& gate : gates_) {
    gate.next_look += behind_;
    gate.next_question += behind_;
    gate.named += behind_;
  }
}

SimulatedMachine::SimulatedMachine(const Scale& scale, const Clock& world, RandomSource& random)
    : scale_(scale), world_(world), random_(random), epoch_seed_(scale.seed) {
  boot();
  set_wall_clock();
}

void SimulatedMachine::boot() {
  ++boot_id_;
  clock_.set_steady(SteadyTime(kBootTakes));
  boot_ = world_.steady() - clock_.steady();
  if (scale_.battery_clock) return set_wall_clock();
  // As left by the last shutdown, at best; or the firmware's date.
  const WallTime firmware{std::chrono::hours(24 * 365 * 50)};
  clock_.step_wall((random_.unit() < 0.5 ? firmware : test::ManualClock::kStart) - clock_.wall());
  clock_.set_trusted(false);
}

void SimulatedMachine::follow(SteadyTime now) {
  if (from_world(now) > clock_.steady()) clock_.set_steady(from_world(now));
}

void SimulatedMachine::step_wall_clock(std::chrono::milliseconds by) { clock_.step_wall(by); }

void SimulatedMachine::set_wall_clock() {
  clock_.step_wall(world_.wall() - clock_.wall());
  clock_.set_trusted(true);
}

bool SimulatedMachine::wall_clock_is_right() const {
  const auto off = clock_.wall() - world_.wall();
  return clock_.wall_is_trusted() && std::chrono::abs(off) < std::chrono::seconds(2);
}

std::unique_ptr<test::SimulatedOutbox> SimulatedMachine::start_outbox(
    Loop& loop, std::function<void()> after_step) {
  process_lives_ = true;
  test::SimulatedOutbox::Options options;
  options.store.path = store_path();
  options.store.vfs = disk_.vfs();
  options.store.boot_id = boot_id_;
  options.store.limits.bytes_max = scale_.store_bytes_max;
  options.store.limits.memory_bytes_max = scale_.memory_bytes_max;
  options.store.limits.age_max = scale_.age_max;
  options.store.epoch_bits = [this] { return ++epoch_seed_ * 0x9E3779B97F4A7C15U; };
  options.store.rename = [this](const std::string& from, const std::string& to) {
    return disk_.rename(from, to);
  };
  options.sync_window = sync_window();
  options.commit_delay = commit_delay_;
  options.after_step = std::move(after_step);
  return std::make_unique<test::SimulatedOutbox>(std::move(options), loop);
}

void SimulatedMachine::die(Death death, test::SimulatedOutbox& outbox) {
  process_lives_ = false;
  if (death == Death::Process) {
    disk_.kill_process();
  } else {
    disk_.power_cut(random_);
  }
  outbox.die();
  if (death == Death::Power) boot();
}

}  // namespace hubward::simulation
