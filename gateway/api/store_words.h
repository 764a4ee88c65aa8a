// The words for the store's states: page, log, command line and metrics take them from here.
#pragma once

#include <string_view>

#include "gateway/api/outbox.h"

namespace hubward {

struct StoreWords {
  StoreHealth health;
  std::string_view label;    // in logs and metrics
  std::string_view name;     // as a heading
  std::string_view meaning;  // one sentence for a technician
  std::string_view advice;   // what to do
};

inline constexpr StoreWords kStoreWords[] = {
    {StoreHealth::Ready, "ready", "The store works", "Messages are stored on the disk.", ""},
    {StoreHealth::DiskFull, "disk_full", "The disk is full",
     "The disk takes no more messages, because it is full.",
     "Free space on the disk of the state folder, or lower outbox.bytes_max."},
    {StoreHealth::ReadOnly, "read_only", "The disk is read-only",
     "The disk takes no messages, because it is mounted read-only.",
     "Mount it for writing again; a disk that turned read-only by itself is often about to fail: "
     "look at the machine's own log (dmesg)."},
    {StoreHealth::IoError, "io_error", "The disk reports errors",
     "The disk answers reads or writes with errors.",
     "Look at the machine's own log (dmesg) and replace the disk if it is at fault."},
    {StoreHealth::Unavailable, "unavailable", "The store cannot be opened",
     "The file of the store cannot be opened.",
     "Check who may read and write the state folder, and that no other program holds outbox.db."},
};

[[nodiscard]] constexpr const StoreWords& words_for(StoreHealth health) {
  for (const StoreWords& words : kStoreWords) {
    if (words.health == health) return words;
  }
  return kStoreWords[4];
}

}  // namespace hubward
