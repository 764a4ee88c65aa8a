#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "proto/result.h"

namespace hubward::config {

// Where configuration files come from: the disk, or a test's memory.
class FileSource {
 public:
  virtual ~FileSource() = default;
  // The whole file. Errors: LimitExceeded beyond `bytes_max`, ConfigInvalid with the system's
  // reason in the context.
  [[nodiscard]] virtual Result<std::string> read(const std::string& path,
                                                 std::size_t bytes_max) const = 0;
  // Names (without the folder) of the entries of a folder, in any order. A folder that does not
  // exist is empty.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& folder) const = 0;
  // Can be opened for reading, e.g. the trusted roots file.
  [[nodiscard]] virtual bool readable(const std::string& path) const = 0;
  // The folder of the device models that come with hubward.
  [[nodiscard]] virtual std::string ready_made_models() const {
    return "/usr/share/hubward/models";
  }
};

// The disk of this machine.
[[nodiscard]] std::unique_ptr<FileSource> disk_files();

}  // namespace hubward::config
