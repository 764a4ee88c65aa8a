#include "gateway/outbox/database.h"

#include <sqlite3.h>

#include <utility>

namespace hubward::outbox {

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int place, std::int64_t value) {
  sqlite3_bind_int64(statement_, place, value);
  return *this;
}

Statement& Statement::bind_text(int place, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  sqlite3_bind_text64(statement_, place, text.empty() ? "" : text.data(), text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int place, std::string_view bytes) {
  sqlite3_bind_blob64(statement_, place, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

bool Statement::step() {
  rc_ = sqlite3_step(statement_);
  if (rc_ == SQLITE_ROW) return true;
  if (rc_ == SQLITE_DONE) rc_ = SQLITE_OK;
  return false;
}

int Statement::run() {
  step();
  const int rc = rc_;
  reset();
  return rc;
}

void Statement::reset() { sqlite3_reset(statement_); }

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view{}
                         : std::string_view{data, static_cast<std::size_t>(size)};
}

Database::~Database() {
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
}

int Database::open(const std::string& path, const std::string& vfs) {
  return open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
              vfs.empty() ? nullptr : vfs.c_str());
}

int Database::open_read_only(const std::string& path) {
  sqlite3_close_v2(std::exchange(handle_, nullptr));
  return open(path, SQLITE_OPEN_READONLY, "unix-none");
}

int Database::open(const std::string& path, int flags, const char* vfs) {
  // Without SQLite's own mutexes: the owner is one thread.
  const int rc = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, vfs);
  if (rc != SQLITE_OK) return rc;
  sqlite3_extended_result_codes(handle_, 1);
  // Closing neither checkpoints nor deletes the log: a damaged store is set aside as it is, and an
  // object that goes without close() leaves what a killed process leaves.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Replaces SQLite's automatic checkpoint, whose errors nobody would see.
  sqlite3_wal_hook(
      handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return SQLITE_OK;
}

int Database::exec(const std::string& sql) {
  return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
}

int Database::prepare(std::string_view sql, Statement& into) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  into = Statement{statement};
  return rc;
}

int Database::query(std::string_view sql, std::int64_t& into) {
  Statement statement;
  if (const int rc = prepare(sql, statement); rc != SQLITE_OK) return rc;
  if (statement.step()) {
    into = statement.integer(0);
    return SQLITE_OK;
  }
  return statement.rc();
}

int Database::sync_wal() {
  sqlite3_file* wal = nullptr;
  const int rc = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
  if (rc != SQLITE_OK) return rc;
  // The log's file is opened with the first transaction; before that there is nothing to sync.
  if (wal == nullptr || wal->pMethods == nullptr) return SQLITE_OK;
  return wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
}

int Database::checkpoint(bool truncate) {
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  return sqlite3_wal_checkpoint_v2(handle_, "main", mode, nullptr, nullptr);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

bool Database::is_read_only() const {
  return handle_ != nullptr && sqlite3_db_readonly(handle_, "main") == 1;
}

std::string Database::message() const {
  return handle_ == nullptr ? std::string{"not open"} : std::string{sqlite3_errmsg(handle_)};
}

}  // namespace hubward::outbox
