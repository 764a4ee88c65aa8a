// The register lens: the same registers read as everything they could be, so that a wrong type or
// order is seen and not guessed.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "gateway/config/addresses.h"

namespace hubward::cli {

// A table with one line for each type and order, and a column for each of three places: at the
// address, one before and one after it, because manuals count from 0 or 1. `registers` begins at
// `first`; what does not lie in it is shown as a dash. Of coils only one line.
[[nodiscard]] std::string lens_text(const config::RegisterAddress& address, std::uint16_t first,
                                    std::span<const std::uint16_t> registers);

}  // namespace hubward::cli
