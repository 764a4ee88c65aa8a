#pragma once

#include <map>
#include <mutex>
#include <string>

#include "gateway/api/assignment_store.h"
#include "gateway/platform/state_file.h"

namespace hubward::platform {

// All assignments in memory and in one JSON file, so that a whole plant that is provisioned at once
// costs a few writes. Without the file the devices ask DPS again.
class FileAssignmentStore final : public AssignmentStore {
 public:
  static constexpr std::size_t kFileBytesMax = 16 * 1024 * 1024;  // 5,000 devices need 1.5 MB

  // Reads the file: before the loops run. `log` outlives the store.
  FileAssignmentStore(std::string path, Log& log);
  [[nodiscard]] std::optional<Assignment> load(const std::string& id_scope,
                                               const std::string& registration_id,
                                               const std::string& credential) const override;
  void save(const Assignment& assignment) override;

 private:
  [[nodiscard]] bool parse(const std::string& text);
  [[nodiscard]] std::string as_json() const;

  mutable std::mutex mutex_;
  std::map<std::string, Assignment> by_registration_;  // guarded by mutex_
  StateFile file_;                                     // last: its thread uses the rest
};

}  // namespace hubward::platform
