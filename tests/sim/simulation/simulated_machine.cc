#include "tests/sim/simulation/simulated_machine.h"

#include <utility>

namespace hubward::simulation {

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
  by_registration_id_[assignment.registration_id] = assignment;
}

std::optional<BackoffRecord> RememberedBackoffs::load(const std::string& registration_id) const {
  const auto found = by_registration_id_.find(registration_id);
  if (found == by_registration_id_.end()) return std::nullopt;
  return found->second;
}

void RememberedBackoffs::save(const std::string& registration_id, const BackoffRecord& record) {
  if (record.failures == 0) {
    by_registration_id_.erase(registration_id);
  } else {
    by_registration_id_[registration_id] = record;
  }
}

SimulatedMachine::SimulatedMachine(std::uint64_t seed, RandomSource& random)
    : random_(random), epoch_seed_(seed) {}

std::unique_ptr<Outbox> SimulatedMachine::start_outbox(Loop& loop) {
  test::SimulatedOutbox::Options options;
  options.store.path = "/outbox.db";
  options.store.vfs = disk_.vfs();
  options.store.boot_id = boot_id_;
  options.store.epoch_bits = [this] { return ++epoch_seed_ * 0x9E3779B97F4A7C15U; };
  options.store.rename = [this](const std::string& from, const std::string& to) {
    return disk_.rename(from, to);
  };
  options.sync_window = sync_window();
  auto outbox = std::make_unique<test::SimulatedOutbox>(std::move(options), loop);
  running_ = outbox.get();
  return outbox;
}

void SimulatedMachine::die(bool power) {
  if (power) {
    disk_.power_cut(random_);
    ++boot_id_;
  } else {
    disk_.kill_process();
  }
  running_->die();
}

}  // namespace hubward::simulation
