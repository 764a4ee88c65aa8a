// The SQL of the outbox: one open store file, its schema and prepared statements. It decides
// nothing; OutboxStore does. FORMAT.md describes the tables. One thread at a time; every int is
// SQLite's result code.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/outbox.h"
#include "gateway/outbox/database.h"
#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/row_entry.h"

namespace hubward::outbox {

// 2: counts per device what was dropped for its age. 3: checksums say whose a row is. FORMAT.md,
// "Versions".
inline constexpr std::int64_t kSchemaVersion = 3;
inline constexpr std::int64_t kApplicationId = 0x68776f62;  // "hwob"

struct FileDevice {
  std::int64_t id = 0;
  std::string name;
  std::int64_t epoch = 0;  // the epoch that last_sequence belongs to
  std::uint64_t last_sequence = 0;
  std::uint64_t dropped = 0;  // over bytes
  std::uint64_t quarantined = 0;
  std::uint64_t expired = 0;  // over age
};

struct FileEpoch {
  std::int64_t id = 0;
  std::string name;
};

// A message row without its text.
struct FileRow {
  RowId row = 0;
  std::int64_t device = 0;
  std::int64_t epoch = 0;
  std::uint64_t sequence = 0;
  Priority priority = Priority::Normal;
  std::uint64_t bytes = 0;
  WallTime created{};
  std::chrono::nanoseconds since_boot{0};
  std::uint64_t boot_id = 0;
  bool clock_trusted = false;
};

struct FileQuarantined {
  RowId row = 0;
  std::int64_t device = 0;
  std::int64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::string why;  // a label of failure_words.h
  WallTime since;
  OutboxMessage message;
};

class StoreFile {
 public:
  struct Options {
    std::string path;
    std::string vfs;
    bool sync_every_commit = false;
  };
  // What open() found; New: the file was empty and has the schema now. A file of an earlier version
  // is converted.
  enum class Found : std::uint8_t { New, Ours, Foreign, OtherVersion };
  int open(const Options& options, Found& found);

  int each_epoch(const std::function<void(FileEpoch)>& visit);
  int each_device(const std::function<void(FileDevice)>& visit);
  // All message rows, ascending. Reads the whole table once.
  int each_row(const std::function<void(const FileRow&)>& visit);
  // The same from the newest down to the one after `after`: what can be read behind a damaged page.
  int each_row_backwards(RowId after, const std::function<void(const FileRow&)>& visit);
  // Rows of `priority` after `after`, ascending, until `visit` answers false.
  int each_row_of(Priority priority, RowId after, const std::function<bool(const FileRow&)>& visit);
  // Oldest first: id and charged bytes of every quarantined row.
  int each_quarantined(
      const std::function<void(RowId, std::int64_t epoch, std::uint64_t bytes)>& visit);
  int meta(std::string_view key, std::int64_t& value);  // unchanged if absent

  int begin() { return begin_.run(); }
  int commit() { return commit_.run(); }
  void rollback();

  int set_meta(std::string_view key, std::int64_t value);
  int add_epoch(const std::string& name, std::int64_t& id);
  int remove_epoch(std::int64_t id);
  int add_device(const std::string& name, std::int64_t& id);
  int save_device(const FileDevice& device);
  // `device`: the name behind row.device.
  int insert(const FileRow& row, std::string_view device, const OutboxMessage& message);
  int remove(RowId row);
  int quarantine(RowId row, std::string_view why, WallTime since);
  int remove_quarantined(RowId row);
  // All of them up to `newest`.
  int remove_quarantined_until(RowId newest);
  // Nothing in `message`: no such row, or it is damaged, or another one than this.
  int read(RowId row, const RowIdentity& identity, std::optional<OutboxMessage>& message);
  int read_quarantined(std::size_t count_max, std::vector<FileQuarantined>& into);

  int sync() { return database_.sync_wal(); }
  int checkpoint(bool truncate) { return database_.checkpoint(truncate); }
  [[nodiscard]] int wal_pages() const { return database_.wal_pages(); }
  [[nodiscard]] std::string message() const { return database_.message(); }
  // It stood on a read-only disk when it was opened, and must be opened anew before it is written.
  [[nodiscard]] bool is_read_only() const { return database_.is_read_only(); }

 private:
  int configure(const Options& options);
  int create_schema();
  int convert(std::int64_t from);
  int change_schema(const std::string& sql);
  int prepare_all();

  Database database_;  // before the statements, which must go first
  Statement begin_, commit_, rollback_;
  Statement set_meta_, add_epoch_, remove_epoch_, add_device_, save_device_;
  Statement insert_, remove_, read_, scan_priority_;
  Statement quarantine_, remove_quarantined_;
  std::string encoded_properties_;  // kept for its capacity
};

}  // namespace hubward::outbox
