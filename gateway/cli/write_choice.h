#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/cli/modbus_target.h"
#include "gateway/config/addresses.h"

namespace hubward::cli {

// What a write to an address is: the write of a tag, with all that its configuration says; a write
// that nobody listed; or nothing, for the reason given as a sentence.
struct WriteChoice {
  const KnownTag* tag = nullptr;
  std::string refusal{};
};
// What is to be written.
struct WriteSpan {
  config::RegisterAddress address;
  std::uint16_t width = 1;  // coils or registers
  bool has_format = false;  // the command line says of which type it is
  bool unlisted = false;    // and that it means what no writable tag covers
};
[[nodiscard]] WriteChoice choose_write(const std::vector<KnownTag>& tags, const WriteSpan& span);
// The same for a write to all units of a line; `tags` are those of all devices there.
[[nodiscard]] WriteChoice choose_write_to_all(const std::vector<KnownTag>& tags,
                                              const WriteSpan& span);

}  // namespace hubward::cli
