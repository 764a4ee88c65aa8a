#pragma once

#include <filesystem>
#include <string>

#include "proto/result.h"
#include "proto/time.h"

namespace hubward::platform {

// The folder for everything that outlives a run, held by one process at a time.
class StateFolder {
 public:
  // Creates it (mode 0700) where it is missing. On a disk that is read-only it must have been in
  // use before. Errors: StateFolderBusy (names the process that holds it), StoreFailed,
  // ConfigInvalid (everybody may write to it).
  [[nodiscard]] static Result<StateFolder> open(const std::string& path);
  StateFolder(StateFolder&& other) noexcept;
  StateFolder& operator=(StateFolder&&) = delete;
  ~StateFolder();  // lets go of it

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

  // The disk was read-only when it was opened.
  [[nodiscard]] bool is_read_only() const { return read_only_; }
  // When a former run wrote here last, a time that has surely passed; the epoch if there is
  // nothing.
  [[nodiscard]] WallTime newest_file_time() const { return newest_file_time_; }

 private:
  StateFolder(std::filesystem::path path, int lock);
  std::filesystem::path path_;
  int lock_;
  bool read_only_ = false;
  WallTime newest_file_time_;
};

}  // namespace hubward::platform
