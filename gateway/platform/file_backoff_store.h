#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/api/backoff_store.h"
#include "gateway/api/clock.h"
#include "gateway/platform/state_file.h"

namespace hubward::platform {

// How far recoveries have come, in memory and in one JSON file. Without the file every device
// begins as if nothing had failed yet.
class FileBackoffStore final : public BackoffStore {
 public:
  static constexpr std::size_t kFileBytesMax = 16 * 1024 * 1024;
  // No pause is longer; what a file says beyond it was not written by us.
  static constexpr std::chrono::hours kPauseMax{1};

  // `boot_id`: of this start of the machine. Pauses of the same start are carried over as they are;
  // of an earlier one, less the time that has passed if both wall clocks were trusted, else whole.
  // Reads the file: before the loops run. `clock` and `log` outlive the store.
  FileBackoffStore(std::string path, std::uint64_t boot_id, const Clock& clock, Log& log);

  [[nodiscard]] std::optional<BackoffRecord> load(
      const std::string& registration_id) const override;
  [[nodiscard]] std::vector<GateRecord> load_gates() const override;
  void save(const std::string& registration_id, const BackoffRecord& record) override;
  void save_gates(std::vector<GateRecord> gates) override;

 private:
  [[nodiscard]] bool parse(const std::string& text);
  [[nodiscard]] std::string as_json() const;

  const std::uint64_t boot_id_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, BackoffRecord> by_registration_;  // guarded by mutex_
  std::vector<GateRecord> gates_;                         // guarded by mutex_
  StateFile file_;                                        // last: its thread uses the rest
};

}  // namespace hubward::platform
