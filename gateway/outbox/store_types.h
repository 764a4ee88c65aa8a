// What goes into and comes out of OutboxStore.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "gateway/api/outbox.h"

namespace hubward::outbox {

// A device's place in one OutboxStore object.
struct StoreDevice {
  std::uint32_t value = 0;
  friend auto operator<=>(StoreDevice, StoreDevice) = default;
};

// What one device may keep, within what the whole store may keep.
struct DeviceLimits {
  std::optional<std::uint64_t> bytes_max;
  std::optional<std::chrono::seconds> age_max;
};

struct StoreLimits {
  enum class WhenFull : std::uint8_t { DropOldest, RefuseNew };
  // Waiting messages, as charged_bytes() counts them. 512 MiB: a day of 20 messages/s of 300 bytes.
  std::uint64_t bytes_max = 512ULL * 1024 * 1024;
  // Older messages are dropped, whatever their priority, as far as their age is known; see
  // RowClock.
  std::optional<std::chrono::seconds> age_max;
  WhenFull when_full = WhenFull::DropOldest;  // by bytes, of the store and of each device
  std::map<std::string, DeviceLimits, std::less<>> devices;  // by registration id
  // What is kept in memory only while the disk takes nothing; 0: messages are refused then.
  std::uint64_t memory_bytes_max = 0;
  // Enough to look at; quarantine is for finding a fault, not for storage.
  std::uint64_t quarantine_rows_max = 1000;
  std::uint64_t quarantine_bytes_max = 16ULL * 1024 * 1024;
};

// The hub takes 256 KB; anything over this is a mistake and would only fill the store.
inline constexpr std::uint64_t kMessageBytesMax = 1024 * 1024;
// One fetch answers at most this much (and at least one row), so that memory stays bounded.
inline constexpr std::uint64_t kFetchBytesMax = 4 * 1024 * 1024;
// More damage than this in one run is not the files' fault; the store stays unavailable then,
// rather than filling the disk with files set aside.
inline constexpr int kSetAsideMax = 10;

struct StoreOptions {
  std::string path;
  std::string vfs;  // SQLite VFS by name; empty: the system's
  StoreLimits limits;
  // Every commit synced (window 0). Otherwise the owner calls sync() in time.
  bool sync_every_commit = false;
  // Pages of 4 KiB in the write-ahead log at which they are moved into the file.
  int checkpoint_pages = 1000;
  // Of this start of the machine; 0: unknown. Tells whether a row's monotonic time means anything.
  std::uint64_t boot_id = 0;
  // 64 random bits for a new epoch. Called on the thread that uses the store.
  std::function<std::uint64_t()> epoch_bits;
  // Moves a file that is set aside; empty: the file system's rename. False: not done.
  std::function<bool(const std::string& from, const std::string& to)> rename;
};

struct StoreState {
  StoreHealth health = StoreHealth::Unavailable;
  std::string detail;  // in SQLite's words
  friend bool operator==(const StoreState&, const StoreState&) = default;
};

// A store that could not be used and was moved out of the way. Told once more, with `rescued`, if
// the one in its place could not be made at once.
struct SetAside {
  std::string path;  // where it is now
  std::string why;
  std::uint64_t rescued = 0;      // messages that could be read and are in the new store
  std::uint64_t left_behind = 0;  // that were found and are not; nobody can count the others
};

struct NewMessage {
  StoreDevice device;
  OutboxMessage message;
};

}  // namespace hubward::outbox
