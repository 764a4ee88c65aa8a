#include "gateway/outbox/store_errors.h"

#include <sqlite3.h>

#include <algorithm>

#include "gateway/api/failure_words.h"

namespace hubward::outbox {

bool is_damage(int rc) {
  const int primary = rc & 0xFF;
  // SQLITE_ERROR comes from a table or column that is not there: our statements are fixed.
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR ||
         primary == SQLITE_SCHEMA || primary == SQLITE_CONSTRAINT;
}

StoreHealth health_of(int rc) {
  switch (rc & 0xFF) {
    case SQLITE_FULL:
      return StoreHealth::DiskFull;
    case SQLITE_READONLY:
      return StoreHealth::ReadOnly;
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return StoreHealth::Unavailable;
    default:
      return StoreHealth::IoError;
  }
}

ErrorCode code_of_label(std::string_view label) {
  const auto* found = std::find_if(kFailureWords.begin(), kFailureWords.end(),
                                   [&](const FailureWords& row) { return row.label == label; });
  return found == kFailureWords.end() ? ErrorCode::StoreCorrupt : found->code;
}

}  // namespace hubward::outbox
