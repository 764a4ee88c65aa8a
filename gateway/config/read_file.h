#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "proto/result.h"

namespace hubward::config {

struct FileContent {
  std::string text;
  mode_t mode = 0;  // of the file that was read, not of one that took its place since
};

// A whole regular file. Errors: LimitExceeded, or ConfigInvalid with the system's words. A pipe or
// a device is refused, because reading it could wait for ever.
[[nodiscard]] Result<FileContent> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace hubward::config
