// Carries what can still be read of a damaged store over to the one that takes its place.
#pragma once

#include <cstdint>
#include <vector>

#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

// Copies the waiting messages with their ids, in their order: from the oldest up to the damage, and
// from the newest down to it. Rows whose checksum is wrong are left behind. `fresh` is open, empty
// and without a transaction. `released`, sorted, are rows that need not be sent any more. Answers
// how many were copied; what was not stays in the damaged file.
std::uint64_t rescue_rows(StoreFile& damaged, StoreFile& fresh, const std::vector<RowId>& released);

}  // namespace hubward::outbox
