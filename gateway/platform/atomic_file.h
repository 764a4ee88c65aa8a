#pragma once

#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::platform {

// Replaces a file as a whole, mode 0600: whoever reads it, also after a power cut, finds the old
// text or the new one. Waits for the disk: not on a loop. Error StoreFailed.
[[nodiscard]] Status write_atomically(const std::string& path, std::string_view text);

// A file that was not there, mode 0644, whole or not at all, also after a power cut. Never replaces
// one. Waits for the disk: not on a loop. Errors: ConfigInvalid (there is one already),
// StoreFailed.
[[nodiscard]] Status create_file(const std::string& path, std::string_view text);

// For good, also after a power cut; fine where there is none. Waits for the disk: not on a loop.
// Error StoreFailed.
[[nodiscard]] Status remove_file(const std::string& path);

// The whole file. Errors: StoreFailed (with errno's words; `missing` tells a file that is not
// there), LimitExceeded past `bytes_max`.
struct FileText {
  std::string text;
  bool missing = false;
};
[[nodiscard]] Result<FileText> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace hubward::platform
