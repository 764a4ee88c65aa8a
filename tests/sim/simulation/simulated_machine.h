// What survives the death of the gateway's process: the disk with the outbox, and the cached
// assignments.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "gateway/api/assignment_store.h"
#include "gateway/api/backoff_store.h"
#include "gateway/api/outbox.h"
#include "tests/support/faulty_disk/faulty_disk.h"
#include "tests/support/simulated_outbox.h"

namespace hubward::simulation {

class RememberedAssignments final : public AssignmentStore {
 public:
  [[nodiscard]] std::optional<Assignment> load(const std::string& id_scope,
                                               const std::string& registration_id,
                                               const std::string& credential) const override;
  void save(const Assignment& assignment) override;

 private:
  std::map<std::string, Assignment> by_registration_id_;
};

// Written at once. Instants need no carrying over: the simulated steady clock knows no restart.
class RememberedBackoffs final : public BackoffStore {
 public:
  [[nodiscard]] std::optional<BackoffRecord> load(
      const std::string& registration_id) const override;
  [[nodiscard]] std::vector<GateRecord> load_gates() const override { return gates_; }
  void save(const std::string& registration_id, const BackoffRecord& record) override;
  void save_gates(std::vector<GateRecord> gates) override { gates_ = std::move(gates); }

 private:
  std::map<std::string, BackoffRecord> by_registration_id_;
  std::vector<GateRecord> gates_;
};

class SimulatedMachine {
 public:
  SimulatedMachine(std::uint64_t seed, RandomSource& random);

  // The outbox of a new process; the one before it must have died.
  std::unique_ptr<Outbox> start_outbox(Loop& loop);
  // The process ends here, or the power does.
  void die(bool power);

  [[nodiscard]] RememberedAssignments& assignments() { return assignments_; }
  [[nodiscard]] RememberedBackoffs& backoffs() { return backoffs_; }
  [[nodiscard]] std::uint64_t boot_id() const { return boot_id_; }
  [[nodiscard]] static std::chrono::milliseconds sync_window() {
    return std::chrono::milliseconds(50);
  }

 private:
  RandomSource& random_;
  std::uint64_t epoch_seed_;
  std::uint64_t boot_id_ = 1;
  test::FaultyDisk disk_;
  RememberedAssignments assignments_;
  RememberedBackoffs backoffs_;
  test::SimulatedOutbox* running_ = nullptr;  // of the process that lives, if one does
};

}  // namespace hubward::simulation
