#include "gateway/outbox/store_file.h"

#include <sqlite3.h>

#include "gateway/outbox/row_codec.h"

namespace hubward::outbox {
namespace {

constexpr char kSchema[] = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE epoch(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE device(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL, dropped INTEGER NOT NULL, quarantined INTEGER NOT NULL,
  expired INTEGER NOT NULL DEFAULT 0);
CREATE TABLE message(
  id INTEGER PRIMARY KEY, device INTEGER NOT NULL, epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL, priority INTEGER NOT NULL, bytes INTEGER NOT NULL,
  created INTEGER NOT NULL, since_boot INTEGER NOT NULL, boot INTEGER NOT NULL,
  clock_trusted INTEGER NOT NULL, checksum INTEGER NOT NULL,
  component TEXT NOT NULL, properties BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE quarantine(
  id INTEGER PRIMARY KEY, device INTEGER NOT NULL, epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL, priority INTEGER NOT NULL, bytes INTEGER NOT NULL,
  created INTEGER NOT NULL, since_boot INTEGER NOT NULL, boot INTEGER NOT NULL,
  clock_trusted INTEGER NOT NULL, checksum INTEGER NOT NULL,
  component TEXT NOT NULL, properties BLOB NOT NULL, body BLOB NOT NULL,
  why TEXT NOT NULL, since INTEGER NOT NULL);
)sql";

// The log is cut back to this after a checkpoint, should a large commit have stretched it.
constexpr std::int64_t kWalBytesKept = 8LL * 1024 * 1024;

WallTime wall(std::int64_t milliseconds) {
  return WallTime{std::chrono::milliseconds{milliseconds}};
}

Priority priority_of(std::int64_t value) {
  if (value <= 0) return Priority::Low;
  return value == 1 ? Priority::Normal : Priority::Alarm;
}

// charged_bytes() of a row, from what it holds: no checksum vouches for the column `bytes` when
// retention goes by it.
std::string charged() {
  return std::to_string(kRowOverheadBytes) +
         "+length(CAST(component AS BLOB))+length(properties)+length(body)";
}

FileRow row_of(const Statement& statement) {
  return {.row = statement.integer(0),
          .device = statement.integer(1),
          .epoch = statement.integer(2),
          .sequence = static_cast<std::uint64_t>(statement.integer(3)),
          .priority = priority_of(statement.integer(4)),
          .bytes = static_cast<std::uint64_t>(statement.integer(5)),
          .created = wall(statement.integer(6)),
          .since_boot = std::chrono::nanoseconds{statement.integer(7)},
          .boot_id = static_cast<std::uint64_t>(statement.integer(8)),
          .clock_trusted = statement.integer(9) != 0};
}

// For row_of().
std::string select_rows(std::string_view rest) {
  return "SELECT id,device,epoch,sequence,priority," + charged() +
         ",created,since_boot,boot,clock_trusted FROM message " + std::string{rest};
}

// What message_of() reads.
constexpr std::string_view kMessageColumns =
    "priority,created,since_boot,boot,clock_trusted,component,properties,body,checksum";

// Nothing if the row is damaged, or another one than this.
std::optional<OutboxMessage> message_of(const Statement& statement, const RowIdentity& identity) {
  const std::string_view encoded = statement.bytes(6);
  auto properties = decode_properties(encoded);
  if (!properties) return std::nullopt;
  OutboxMessage message{
      .priority = priority_of(statement.integer(0)),
      .created = wall(statement.integer(1)),
      .since_boot = std::chrono::nanoseconds{statement.integer(2)},
      .boot_id = static_cast<std::uint64_t>(statement.integer(3)),
      .clock_trusted = statement.integer(4) != 0,
      .component = std::string{statement.bytes(5)},
      .properties = std::move(*properties),
      .body = std::string{statement.bytes(7)},
  };
  const auto checksum = static_cast<std::uint32_t>(statement.integer(8));
  // Rows that an earlier version wrote keep their checksum until they go.
  if (checksum != row_checksum(identity, message, encoded) &&
      checksum != row_checksum_before_3(identity.sequence, message, encoded)) {
    return std::nullopt;
  }
  return message;
}

}  // namespace

int StoreFile::open(const Options& options, Found& found) {
  if (const int rc = database_.open(options.path, options.vfs); rc != SQLITE_OK) return rc;
  int configured = configure(options);
  if (configured == SQLITE_IOERR_LOCK && database_.is_read_only() && options.vfs.empty()) {
    // Whoever holds the state folder is alone with it, and here nobody writes.
    if (const int rc = database_.open_read_only(options.path); rc != SQLITE_OK) return rc;
    configured = configure(options);
  }
  if (configured != SQLITE_OK) return configured;
  std::int64_t version = 0;
  std::int64_t application = 0;
  std::int64_t tables = 0;
  if (const int rc = database_.query("PRAGMA user_version", version); rc != SQLITE_OK) return rc;
  if (const int rc = database_.query("PRAGMA application_id", application); rc != SQLITE_OK)
    return rc;
  if (const int rc = database_.query("SELECT count(*) FROM sqlite_schema", tables);
      rc != SQLITE_OK) {
    return rc;
  }
  found = Found::Ours;
  if (tables == 0 && version == 0) {
    found = Found::New;
    if (const int rc = create_schema(); rc != SQLITE_OK) return rc;
  } else if (application != kApplicationId) {
    found = Found::Foreign;
    return SQLITE_OK;
  } else if (version < 1 || version > kSchemaVersion) {
    found = Found::OtherVersion;
    return SQLITE_OK;
  } else if (version < kSchemaVersion) {
    if (const int rc = convert(version); rc != SQLITE_OK) return rc;
  }
  return prepare_all();
}

int StoreFile::configure(const Options& options) {
  // locking_mode: one process owns the store, and the log's index stays in memory without an -shm
  //   file; must precede the first access.
  // synchronous: NORMAL syncs at checkpoints only, in the order that keeps the file whole (log,
  // then
  //   file, then the log's restart); FULL also at every commit. Between checkpoints sync() flushes
  //   the log itself.
  // secure_delete: Debian's default writes every freed page once more, full of zeros.
  // cache_size: rows come at one end and go at the other, so that few pages are used again; of
  //   SQLite's own 2 MB most would only fill up over hours. A whole transaction fits.
  // wal_autocheckpoint: off, because its errors would go unseen; the store checkpoints itself.
  const std::string pragmas =
      std::string{"PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous="} +
      (options.sync_every_commit ? "FULL" : "NORMAL") +
      "; PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-1024;"
      " PRAGMA journal_size_limit=" +
      std::to_string(kWalBytesKept) + ";";
  return database_.exec(pragmas);
}

int StoreFile::create_schema() {
  return change_schema(std::string{kSchema} +
                       "PRAGMA application_id=" + std::to_string(kApplicationId) + ";");
}

int StoreFile::convert(std::int64_t from) {
  std::string sql;
  if (from < 2) sql += "ALTER TABLE device ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;";
  // 3 changes what is written from now on.
  return change_schema(sql);
}

// Whole or not at all, also when the power fails meanwhile.
int StoreFile::change_schema(const std::string& sql) {
  const int rc = database_.exec("BEGIN IMMEDIATE;" + sql + "PRAGMA user_version=" +
                                std::to_string(kSchemaVersion) + "; COMMIT;");
  if (rc != SQLITE_OK && database_.in_transaction()) database_.exec("ROLLBACK");
  return rc;
}

int StoreFile::prepare_all() {
  struct Entry {
    Statement& into;
    std::string_view sql;
  };
  const std::string read = "SELECT " + std::string{kMessageColumns} + " FROM message WHERE id=?";
  const std::string scan_priority = select_rows("WHERE id>? AND priority=? ORDER BY id");
  const Entry entries[] = {
      {begin_, "BEGIN IMMEDIATE"},
      {commit_, "COMMIT"},
      {rollback_, "ROLLBACK"},
      {set_meta_, "INSERT OR REPLACE INTO meta(key,value) VALUES(?,?)"},
      {add_epoch_, "INSERT INTO epoch(name) VALUES(?) RETURNING id"},
      {remove_epoch_, "DELETE FROM epoch WHERE id=?"},
      {add_device_,
       "INSERT INTO device(name,epoch,last_sequence,dropped,quarantined) VALUES(?,0,0,0,0)"
       " RETURNING id"},
      {save_device_,
       "UPDATE device SET epoch=?,last_sequence=?,dropped=?,quarantined=?,expired=? WHERE id=?"},
      {insert_, "INSERT INTO message VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
      {remove_, "DELETE FROM message WHERE id=?"},
      {read_, read},
      {scan_priority_, scan_priority},
      // A quarantined row gets an id of its own: message ids may be used again.
      {quarantine_,
       "INSERT INTO quarantine SELECT NULL,device,epoch,sequence,priority,bytes,created,since_boot,"
       "boot,clock_trusted,checksum,component,properties,body,?,? FROM message WHERE id=?"},
      {remove_quarantined_, "DELETE FROM quarantine WHERE id=?"},
  };
  for (const Entry& entry : entries) {
    if (const int rc = database_.prepare(entry.sql, entry.into); rc != SQLITE_OK) return rc;
  }
  return SQLITE_OK;
}

int StoreFile::each_epoch(const std::function<void(FileEpoch)>& visit) {
  Statement scan;
  if (const int rc = database_.prepare("SELECT id,name FROM epoch ORDER BY id", scan)) return rc;
  while (scan.step()) visit({scan.integer(0), std::string{scan.bytes(1)}});
  return scan.rc();
}

int StoreFile::each_device(const std::function<void(FileDevice)>& visit) {
  Statement scan;
  if (const int rc = database_.prepare(
          "SELECT id,name,epoch,last_sequence,dropped,quarantined,expired FROM device ORDER BY id",
          scan)) {
    return rc;
  }
  while (scan.step()) {
    visit({.id = scan.integer(0),
           .name = std::string{scan.bytes(1)},
           .epoch = scan.integer(2),
           .last_sequence = static_cast<std::uint64_t>(scan.integer(3)),
           .dropped = static_cast<std::uint64_t>(scan.integer(4)),
           .quarantined = static_cast<std::uint64_t>(scan.integer(5)),
           .expired = static_cast<std::uint64_t>(scan.integer(6))});
  }
  return scan.rc();
}

int StoreFile::each_row(const std::function<void(const FileRow&)>& visit) {
  Statement scan;
  if (const int rc = database_.prepare(select_rows("ORDER BY id"), scan)) return rc;
  while (scan.step()) visit(row_of(scan));
  return scan.rc();
}

int StoreFile::each_row_backwards(RowId after, const std::function<void(const FileRow&)>& visit) {
  Statement scan;
  if (const int rc = database_.prepare(select_rows("WHERE id>? ORDER BY id DESC"), scan)) {
    return rc;
  }
  scan.bind(1, after);
  while (scan.step()) visit(row_of(scan));
  return scan.rc();
}

int StoreFile::each_row_of(Priority priority, RowId after,
                           const std::function<bool(const FileRow&)>& visit) {
  scan_priority_.bind(1, after).bind(2, static_cast<std::int64_t>(priority));
  while (scan_priority_.step()) {
    if (!visit(row_of(scan_priority_))) break;
  }
  const int rc = scan_priority_.rc() == SQLITE_ROW ? SQLITE_OK : scan_priority_.rc();
  scan_priority_.reset();
  return rc;
}

int StoreFile::each_quarantined(
    const std::function<void(RowId, std::int64_t, std::uint64_t)>& visit) {
  Statement scan;
  const std::string sql = "SELECT id,epoch," + charged() + " FROM quarantine ORDER BY id";
  if (const int rc = database_.prepare(sql, scan)) return rc;
  while (scan.step()) {
    visit(scan.integer(0), scan.integer(1), static_cast<std::uint64_t>(scan.integer(2)));
  }
  return scan.rc();
}

int StoreFile::meta(std::string_view key, std::int64_t& value) {
  Statement select;
  if (const int rc = database_.prepare("SELECT value FROM meta WHERE key=?", select)) return rc;
  select.bind_text(1, key);
  if (select.step()) {
    value = select.integer(0);
    return SQLITE_OK;
  }
  return select.rc();
}

void StoreFile::rollback() {
  // Some errors (disk full, I/O) have rolled back already.
  if (database_.in_transaction()) rollback_.run();
}

int StoreFile::set_meta(std::string_view key, std::int64_t value) {
  return set_meta_.bind_text(1, key).bind(2, value).run();
}

int StoreFile::add_epoch(const std::string& name, std::int64_t& id) {
  add_epoch_.bind_text(1, name);
  if (add_epoch_.step()) id = add_epoch_.integer(0);
  const int rc = add_epoch_.rc() == SQLITE_ROW ? SQLITE_OK : add_epoch_.rc();
  add_epoch_.reset();
  return rc;
}

int StoreFile::remove_epoch(std::int64_t id) { return remove_epoch_.bind(1, id).run(); }

int StoreFile::add_device(const std::string& name, std::int64_t& id) {
  add_device_.bind_text(1, name);
  if (add_device_.step()) id = add_device_.integer(0);
  const int rc = add_device_.rc() == SQLITE_ROW ? SQLITE_OK : add_device_.rc();
  add_device_.reset();
  return rc;
}

int StoreFile::save_device(const FileDevice& device) {
  return save_device_.bind(1, device.epoch)
      .bind(2, static_cast<std::int64_t>(device.last_sequence))
      .bind(3, static_cast<std::int64_t>(device.dropped))
      .bind(4, static_cast<std::int64_t>(device.quarantined))
      .bind(5, static_cast<std::int64_t>(device.expired))
      .bind(6, device.id)
      .run();
}

int StoreFile::insert(const FileRow& row, std::string_view device, const OutboxMessage& message) {
  encoded_properties_.clear();
  encode_properties(message.properties, encoded_properties_);
  return insert_.bind(1, row.row)
      .bind(2, row.device)
      .bind(3, row.epoch)
      .bind(4, static_cast<std::int64_t>(row.sequence))
      .bind(5, static_cast<std::int64_t>(row.priority))
      .bind(6, static_cast<std::int64_t>(row.bytes))
      .bind(7, message.created.time_since_epoch().count())
      .bind(8, message.since_boot.count())
      .bind(9, static_cast<std::int64_t>(message.boot_id))
      .bind(10, message.clock_trusted ? 1 : 0)
      .bind(11, row_checksum({device, row.epoch, row.sequence}, message, encoded_properties_))
      .bind_text(12, message.component)
      .bind_blob(13, encoded_properties_)
      .bind_blob(14, message.body)
      .run();
}

int StoreFile::remove(RowId row) { return remove_.bind(1, row).run(); }

int StoreFile::quarantine(RowId row, std::string_view why, WallTime since) {
  const int rc =
      quarantine_.bind_text(1, why).bind(2, since.time_since_epoch().count()).bind(3, row).run();
  return rc == SQLITE_OK ? remove(row) : rc;
}

int StoreFile::remove_quarantined(RowId row) { return remove_quarantined_.bind(1, row).run(); }

int StoreFile::remove_quarantined_until(RowId newest) {
  Statement remove;
  if (const int rc = database_.prepare("DELETE FROM quarantine WHERE id<=?", remove)) return rc;
  return remove.bind(1, newest).run();
}

int StoreFile::read(RowId row, const RowIdentity& identity, std::optional<OutboxMessage>& message) {
  message.reset();
  read_.bind(1, row);
  if (read_.step()) message = message_of(read_, identity);
  const int rc = read_.rc() == SQLITE_ROW ? SQLITE_OK : read_.rc();
  read_.reset();
  return rc;
}

int StoreFile::read_quarantined(std::size_t count_max, std::vector<FileQuarantined>& into) {
  Statement scan;
  const std::string sql = "SELECT " + std::string{kMessageColumns} +
                          ",sequence,epoch,id,device,why,since,(SELECT name FROM device WHERE "
                          "device.id=quarantine.device)"
                          " FROM quarantine ORDER BY id LIMIT ?";
  if (const int rc = database_.prepare(sql, scan)) return rc;
  scan.bind(1, static_cast<std::int64_t>(count_max));
  while (scan.step()) {
    FileQuarantined& row = into.emplace_back();
    row.sequence = static_cast<std::uint64_t>(scan.integer(9));
    row.epoch = scan.integer(10);
    row.row = scan.integer(11);
    row.device = scan.integer(12);
    row.why = scan.bytes(13);
    row.since = wall(scan.integer(14));
    const RowIdentity identity{scan.bytes(15), row.epoch, row.sequence};
    // A damaged row is listed with what can be said about it.
    if (auto message = message_of(scan, identity)) row.message = std::move(*message);
  }
  return scan.rc();
}

}  // namespace hubward::outbox
