// Carries what can still be read of a damaged store over to the one that takes its place.
#pragma once

#include <cstdint>
#include <vector>

#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

// Of the rows that could be found and are still to be sent.
struct Rescued {
  std::uint64_t copied = 0;
  std::uint64_t left_behind = 0;  // damaged, or the new store did not take them
};

// Copies the waiting messages with their ids, in their order: from the oldest up to the damage, and
// from the newest down to it. `fresh` is open, empty and without a transaction. `released`, sorted,
// are rows that need not be sent any more. What is not copied stays in the damaged file.
Rescued rescue_rows(StoreFile& damaged, StoreFile& fresh, const std::vector<RowId>& released);

}  // namespace hubward::outbox
