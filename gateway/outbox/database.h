// A thin owner of one SQLite connection and its statements. Used only inside this folder. Every
// call answers SQLite's own result code; 0 is fine. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace hubward::outbox {

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Places are counted from 1. Text and blobs must live until the statement is reset.
  Statement& bind(int place, std::int64_t value);
  Statement& bind_text(int place, std::string_view text);
  Statement& bind_blob(int place, std::string_view bytes);

  // True while there is a row; afterwards rc() tells whether the end or an error was reached.
  bool step();
  // For statements without rows: steps once and resets.
  int run();
  void reset();
  [[nodiscard]] int rc() const { return rc_; }

  // Columns are counted from 0. Views are valid until the next step or reset.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
  int rc_ = 0;
};

class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  int open(const std::string& path, const std::string& vfs);
  // Without SQLite's locks, which a read-only disk does not give: for an owner who is known to be
  // alone. Nothing can be written.
  int open_read_only(const std::string& path);
  int exec(const std::string& sql);
  int prepare(std::string_view sql, Statement& into);
  // The single integer that `sql` answers, e.g. of a pragma.
  int query(std::string_view sql, std::int64_t& into);
  // Flushes the write-ahead log to the disk.
  int sync_wal();
  // Moves the write-ahead log's pages into the file (syncing both). `truncate`: and empties the
  // log.
  int checkpoint(bool truncate);
  // Pages in the write-ahead log after the last commit.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }
  [[nodiscard]] bool in_transaction() const;
  // The file was opened for reading only.
  [[nodiscard]] bool is_read_only() const;
  // What went wrong last, in SQLite's words.
  [[nodiscard]] std::string message() const;

 private:
  int open(const std::string& path, int flags, const char* vfs);
  sqlite3* handle_ = nullptr;
  int wal_pages_ = 0;
};

}  // namespace hubward::outbox
