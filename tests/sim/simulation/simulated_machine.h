// What survives the death of the gateway's process: the machine with its disk, its clocks, and the
// cached assignments. The world has clocks of its own, which are right.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/api/assignment_store.h"
#include "gateway/api/backoff_store.h"
#include "tests/sim/simulation/scale.h"
#include "tests/support/faulty_disk/faulty_disk.h"
#include "tests/support/manual_clock.h"
#include "tests/support/simulated_outbox.h"

namespace hubward::simulation {

// Both are written at once, by a process that lives: what its objects say while they are taken down
// after its death reaches nothing.
class RememberedAssignments final : public AssignmentStore {
 public:
  explicit RememberedAssignments(const bool& process_lives) : process_lives_(process_lives) {}
  [[nodiscard]] std::optional<Assignment> load(const std::string& id_scope,
                                               const std::string& registration_id,
                                               const std::string& credential) const override;
  void save(const Assignment& assignment) override;
  [[nodiscard]] bool knows(const std::string& registration_id) const {
    return by_registration_id_.contains(registration_id);
  }

 private:
  const bool& process_lives_;
  std::map<std::string, Assignment> by_registration_id_;
};

// Instants are kept in the world's time: the machine's steady clock begins anew with each boot.
class RememberedBackoffs final : public BackoffStore {
 public:
  // How far the machine's steady clock is behind the world's; outlives this.
  RememberedBackoffs(const bool& process_lives, const SteadyTime::duration& behind)
      : process_lives_(process_lives), behind_(behind) {}

  [[nodiscard]] std::optional<BackoffRecord> load(
      const std::string& registration_id) const override;
  [[nodiscard]] std::vector<GateRecord> load_gates() const override;
  void save(const std::string& registration_id, const BackoffRecord& record) override;
  void save_gates(std::vector<GateRecord> gates) override;

 private:
  const bool& process_lives_;
  const SteadyTime::duration& behind_;
  std::map<std::string, BackoffRecord> by_registration_id_;
  std::vector<GateRecord> gates_;
};

class SimulatedMachine {
 public:
  // `world` is the true time; it outlives the machine.
  SimulatedMachine(const Scale& scale, const Clock& world, RandomSource& random);

  // The outbox of a new process; the one before it must have died. `after_step` runs after each
  // transaction, before anybody hears of it.
  std::unique_ptr<test::SimulatedOutbox> start_outbox(Loop& loop, std::function<void()> after_step);
  // The process ends here; `outbox` is its outbox.
  void die(Death death, test::SimulatedOutbox& outbox);

  // --- Clocks. The machine's steady clock begins anew with each boot; it never steps.
  [[nodiscard]] test::ManualClock& clock() { return clock_; }
  [[nodiscard]] SteadyTime to_world(SteadyTime machine) const { return machine + boot_; }
  [[nodiscard]] SteadyTime from_world(SteadyTime world) const { return world - boot_; }
  // Moves on with the world; `now` is the world's.
  void follow(SteadyTime now);
  void step_wall_clock(std::chrono::milliseconds by);
  // NTP answers: the wall clock is right again, and trusted.
  void set_wall_clock();
  [[nodiscard]] bool wall_clock_is_right() const;

  // --- Disk.
  [[nodiscard]] test::FaultyDisk& disk() { return disk_; }
  // How long a transaction takes.
  void set_commit_delay(std::chrono::nanoseconds delay) { *commit_delay_ = delay; }

  [[nodiscard]] RememberedAssignments& assignments() { return assignments_; }
  [[nodiscard]] RememberedBackoffs& backoffs() { return backoffs_; }
  [[nodiscard]] std::uint64_t boot_id() const { return boot_id_; }
  [[nodiscard]] static std::chrono::milliseconds sync_window() {
    return std::chrono::milliseconds(50);
  }
  [[nodiscard]] static std::string store_path() { return "/outbox.db"; }

 private:
  void boot();

  const Scale& scale_;
  const Clock& world_;
  RandomSource& random_;
  std::uint64_t epoch_seed_;
  std::uint64_t boot_id_ = 0;
  SteadyTime::duration boot_{0};  // the machine's steady clock is this far behind the world's
  test::ManualClock clock_;
  test::FaultyDisk disk_;
  // Read by the outbox of whichever process lives.
  std::shared_ptr<std::chrono::nanoseconds> commit_delay_ =
      std::make_shared<std::chrono::nanoseconds>(std::chrono::milliseconds(2));
  bool process_lives_ = false;
  RememberedAssignments assignments_{process_lives_};
  RememberedBackoffs backoffs_{process_lives_, boot_};
};

}  // namespace hubward::simulation
