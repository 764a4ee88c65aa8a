#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "gateway/api/assignment_store.h"
#include "gateway/api/log.h"

namespace hubward::platform {

// All assignments in memory and in one JSON file, written by a thread of its own a moment after a
// change, so that a whole plant that is provisioned at once costs a few writes.
//
// Nothing in the file is needed: a file that cannot be read is set aside (".unreadable"), said so
// in the log, and the devices ask DPS again. A disk that cannot be written is tried again.
class FileAssignmentStore final : public AssignmentStore {
 public:
  static constexpr std::size_t kFileBytesMax = 16 * 1024 * 1024;  // 5,000 devices need 1.5 MB
  static constexpr std::chrono::milliseconds kWriteDelay{300};
  static constexpr std::chrono::seconds kRetryAfter{10};

  // Reads the file: before the loops run. `log` outlives the store.
  FileAssignmentStore(std::string path, Log& log);
  ~FileAssignmentStore() override;  // writes what is not written yet
  FileAssignmentStore(const FileAssignmentStore&) = delete;
  FileAssignmentStore& operator=(const FileAssignmentStore&) = delete;

  [[nodiscard]] std::optional<Assignment> load(const std::string& id_scope,
                                               const std::string& registration_id,
                                               const std::string& credential) const override;
  void save(const Assignment& assignment) override;

 private:
  void read();
  void write_changes(const std::stop_token& stop) noexcept;
  [[nodiscard]] std::string as_json() const;  // with mutex_ held

  const std::string path_;
  Log& log_;
  mutable std::mutex mutex_;  // guards the next three
  std::condition_variable_any changed_;
  std::map<std::string, Assignment> by_registration_;
  bool unwritten_ = false;
  std::jthread writer_;  // last: it uses the rest
};

}  // namespace hubward::platform
