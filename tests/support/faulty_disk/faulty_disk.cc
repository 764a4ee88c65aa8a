#include "tests/support/faulty_disk/faulty_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <new>

namespace hubward::test {
namespace {

struct Change {
  std::uint64_t offset;  // of a write, or the new size
  std::string bytes;
  bool truncation = false;
};

void carry_out(const Change& change, std::string& content) {
  if (change.truncation) {
    content.resize(change.offset);
    return;
  }
  const std::size_t end = change.offset + change.bytes.size();
  if (content.size() < end) content.resize(end);
  std::copy(change.bytes.begin(), change.bytes.end(),
            content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

struct File {
  std::string content;  // as a process sees it
  std::string durable;  // as it is after a power cut, before `unsynced`
  std::vector<Change> unsynced;
  bool entry_is_durable = false;  // its name in the folder
};

using FilePtr = std::shared_ptr<File>;  // shared by the folder and by open handles

}  // namespace

struct FaultyDisk::Contents {
  mutable std::mutex mutex;
  sqlite3_vfs vfs{};
  std::string name;
  std::map<std::string, FilePtr> folder;
  std::map<std::string, FilePtr> deleted;  // may come back with a power cut
  std::uint64_t process = 0;               // handles of an earlier one are dead
  std::uint64_t changes = 0;
  std::uint64_t changes_max = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t syncs = 0;
  std::uint64_t bytes_written = 0;
  std::optional<std::uint64_t> capacity;
  bool read_only = false;
  bool broken = false;
  int syncs_to_fail = 0;
  std::uint64_t reads_to_pass = 0;
  std::uint64_t reads_to_fail = 0;

  [[nodiscard]] std::uint64_t used() const {
    std::uint64_t bytes = 0;
    for (const auto& [path, file] : folder) bytes += file->content.size();
    return bytes;
  }
  // Counts one change and tells whether it may happen.
  bool change() {
    if (broken || changes >= changes_max) return false;
    ++changes;
    return true;
  }
  bool may_read() {
    if (reads_to_fail == 0) return true;
    if (reads_to_pass > 0) {
      --reads_to_pass;
      return true;
    }
    --reads_to_fail;
    return false;
  }
};

namespace {

using Contents = FaultyDisk::Contents;

struct Handle {
  sqlite3_file base;  // first: SQLite sees only this
  Contents* disk;
  FilePtr file;
  std::uint64_t process;
  [[nodiscard]] bool dead() const { return process != disk->process || disk->broken; }
};

Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

int file_close(sqlite3_file* file) {
  handle(file).~Handle();
  return SQLITE_OK;
}

int file_read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  Handle& self = handle(file);
  const std::lock_guard lock(self.disk->mutex);
  if (self.dead() || !self.disk->may_read()) return SQLITE_IOERR_READ;
  const std::string& content = self.file->content;
  const auto from = std::min(static_cast<std::size_t>(offset), content.size());
  const auto count = std::min(static_cast<std::size_t>(size), content.size() - from);
  std::memcpy(into, content.data() + from, count);
  if (count == static_cast<std::size_t>(size)) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + count, 0, static_cast<std::size_t>(size) - count);
  return SQLITE_IOERR_SHORT_READ;
}

int file_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  Handle& self = handle(file);
  const std::lock_guard lock(self.disk->mutex);
  if (self.dead()) return SQLITE_IOERR_WRITE;
  if (self.disk->read_only) return SQLITE_READONLY;
  const auto end = static_cast<std::uint64_t>(offset) + static_cast<std::uint64_t>(size);
  const std::uint64_t now = self.file->content.size();
  const std::uint64_t growth = end > now ? end - now : 0;
  if (growth > 0 && self.disk->capacity && self.disk->used() + growth > *self.disk->capacity) {
    return SQLITE_FULL;
  }
  Change change{static_cast<std::uint64_t>(offset),
                {static_cast<const char*>(from), static_cast<std::size_t>(size)}};
  if (!self.disk->change()) {
    // The write during which the power fails: begun, perhaps.
    if (!self.disk->broken) self.file->unsynced.push_back(std::move(change));
    return SQLITE_IOERR_WRITE;
  }
  self.disk->bytes_written += static_cast<std::uint64_t>(size);
  carry_out(change, self.file->content);
  self.file->unsynced.push_back(std::move(change));
  return SQLITE_OK;
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  Handle& self = handle(file);
  const std::lock_guard lock(self.disk->mutex);
  if (self.dead() || self.disk->read_only || !self.disk->change()) return SQLITE_IOERR_TRUNCATE;
  const Change change{static_cast<std::uint64_t>(size), {}, true};
  carry_out(change, self.file->content);
  self.file->unsynced.push_back(change);
  return SQLITE_OK;
}

int file_sync(sqlite3_file* file, int) {
  Handle& self = handle(file);
  const std::lock_guard lock(self.disk->mutex);
  if (self.dead() || !self.disk->change()) return SQLITE_IOERR_FSYNC;
  ++self.disk->syncs;
  if (self.disk->syncs_to_fail > 0) {
    --self.disk->syncs_to_fail;
    self.file->unsynced.clear();
    return SQLITE_IOERR_FSYNC;
  }
  for (const Change& change : self.file->unsynced) carry_out(change, self.file->durable);
  self.file->unsynced.clear();
  if (!self.file->entry_is_durable) {
    // SQLite syncs the folder with the first sync of a journal or log it created.
    self.file->entry_is_durable = true;
    self.disk->deleted.clear();
  }
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  Handle& self = handle(file);
  const std::lock_guard lock(self.disk->mutex);
  if (self.dead()) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(self.file->content.size());
  return SQLITE_OK;
}

int file_lock(sqlite3_file*, int) { return SQLITE_OK; }
int file_reserved(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int file_sector_size(sqlite3_file*) { return 4096; }
// As SQLite assumes of Linux: a torn write harms no byte outside of it.
int file_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

// Version 1: no shared memory, so a store must get along without it.
constexpr sqlite3_io_methods kMethods = {1,
                                         file_close,
                                         file_read,
                                         file_write,
                                         file_truncate,
                                         file_sync,
                                         file_size,
                                         file_lock,
                                         file_lock,
                                         file_reserved,
                                         file_control,
                                         file_sector_size,
                                         file_characteristics,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr};

Contents& contents(sqlite3_vfs* vfs) { return *static_cast<Contents*>(vfs->pAppData); }

int vfs_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  file->pMethods = nullptr;
  Contents& disk = contents(vfs);
  const std::lock_guard lock(disk.mutex);
  if (disk.broken || disk.changes >= disk.changes_max) return SQLITE_CANTOPEN;
  // Temporary files have no name; nobody else sees them.
  FilePtr content = path == nullptr ? std::make_shared<File>() : nullptr;
  if (path != nullptr) {
    FilePtr& entry = disk.folder[path];
    if (entry == nullptr) {
      if ((flags & SQLITE_OPEN_CREATE) == 0 || disk.read_only) {
        disk.folder.erase(path);
        return SQLITE_CANTOPEN;
      }
      entry = std::make_shared<File>();
    }
    content = entry;
  }
  new (file) Handle{{&kMethods}, &disk, std::move(content), disk.process};
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  Contents& disk = contents(vfs);
  const std::lock_guard lock(disk.mutex);
  const auto at = disk.folder.find(path);
  if (at == disk.folder.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (disk.read_only || !disk.change()) return SQLITE_IOERR_DELETE;
  if (sync_folder == 0 && at->second->entry_is_durable) disk.deleted[path] = at->second;
  disk.folder.erase(at);
  return SQLITE_OK;
}

int vfs_access(sqlite3_vfs* vfs, const char* path, int, int* answer) {
  Contents& disk = contents(vfs);
  const std::lock_guard lock(disk.mutex);
  *answer = disk.folder.contains(path) ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_pathname(sqlite3_vfs*, const char* path, int size, char* into) {
  sqlite3_snprintf(size, into, "%s", path);
  return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs*, int size, char* into) {
  std::memset(into, 7, static_cast<std::size_t>(size));
  return size;
}
int vfs_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
int vfs_time(sqlite3_vfs*, double* days) {
  *days = 2461045.5;
  return SQLITE_OK;
}
int vfs_last_error(sqlite3_vfs*, int, char*) { return 0; }

// What a power cut leaves of one file.
void forget_unsynced(File& file, RandomSource& random) {
  const std::uint64_t count = file.unsynced.size();
  const std::uint64_t way = random.next() % 3;
  const std::uint64_t kept = count == 0 || way == 0 ? 0 : random.next() % (count + 1);
  std::vector<Change> survivors;
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool survives = way == 1 ? i < kept : (way == 2 && random.next() % 2 == 0);
    if (survives) survivors.push_back(std::move(file.unsynced[i]));
  }
  if (!survivors.empty() && !survivors.back().truncation) {
    std::string& bytes = survivors.back().bytes;
    bytes.resize(random.next() % (bytes.size() + 1));
  }
  for (const Change& change : survivors) carry_out(change, file.durable);
  file.unsynced.clear();
  file.content = file.durable;
}

}  // namespace

FaultyDisk::FaultyDisk() : contents_(std::make_unique<Contents>()) {
  static std::mutex mutex;
  static std::uint64_t disks = 0;
  {
    const std::lock_guard lock(mutex);
    contents_->name = "faulty-disk-" + std::to_string(++disks);
  }
  sqlite3_vfs& vfs = contents_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = contents_->name.c_str();
  vfs.pAppData = contents_.get();
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_pathname;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_time;
  vfs.xGetLastError = vfs_last_error;
  sqlite3_vfs_register(&vfs, 0);
}

FaultyDisk::~FaultyDisk() { sqlite3_vfs_unregister(&contents_->vfs); }

const std::string& FaultyDisk::vfs() const { return contents_->name; }

void FaultyDisk::kill_process() {
  const std::lock_guard lock(contents_->mutex);
  ++contents_->process;
  contents_->changes_max = std::numeric_limits<std::uint64_t>::max();
}

void FaultyDisk::power_cut(RandomSource& random) {
  kill_process();
  const std::lock_guard lock(contents_->mutex);
  for (auto& [path, file] : contents_->deleted) {
    if (random.next() % 2 == 0) contents_->folder.try_emplace(path, file);
  }
  contents_->deleted.clear();
  for (auto at = contents_->folder.begin(); at != contents_->folder.end();) {
    File& file = *at->second;
    forget_unsynced(file, random);
    const bool vanishes = !file.entry_is_durable && random.next() % 2 == 0;
    file.entry_is_durable = true;
    at = vanishes ? contents_->folder.erase(at) : std::next(at);
  }
}

void FaultyDisk::fail_after(std::uint64_t changes) {
  const std::lock_guard lock(contents_->mutex);
  contents_->changes_max = contents_->changes + changes;
}

void FaultyDisk::set_capacity(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(contents_->mutex);
  contents_->capacity = bytes;
}

void FaultyDisk::set_read_only(bool on) {
  const std::lock_guard lock(contents_->mutex);
  contents_->read_only = on;
}

void FaultyDisk::set_broken(bool on) {
  const std::lock_guard lock(contents_->mutex);
  contents_->broken = on;
}

void FaultyDisk::fail_reads(std::uint64_t reads, std::uint64_t count) {
  const std::lock_guard lock(contents_->mutex);
  contents_->reads_to_pass = reads;
  contents_->reads_to_fail = count;
}

void FaultyDisk::fail_syncs(int count) {
  const std::lock_guard lock(contents_->mutex);
  contents_->syncs_to_fail = count;
}

bool FaultyDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(contents_->mutex);
  if (contents_->read_only || contents_->broken) return false;
  auto node = contents_->folder.extract(from);
  if (node.empty()) return true;
  node.key() = to;
  contents_->folder.insert(std::move(node));
  return true;
}

std::vector<std::string> FaultyDisk::files() const {
  const std::lock_guard lock(contents_->mutex);
  std::vector<std::string> paths;
  for (const auto& [path, file] : contents_->folder) paths.push_back(path);
  return paths;
}

std::string FaultyDisk::read(const std::string& path) const {
  const std::lock_guard lock(contents_->mutex);
  const auto at = contents_->folder.find(path);
  return at == contents_->folder.end() ? std::string{} : at->second->content;
}

void FaultyDisk::write(const std::string& path, std::string content) {
  const std::lock_guard lock(contents_->mutex);
  auto file = std::make_shared<File>();
  file->content = file->durable = std::move(content);
  file->entry_is_durable = true;
  contents_->folder[path] = std::move(file);
}

void FaultyDisk::damage(const std::string& path, std::size_t offset, std::size_t count) {
  const std::lock_guard lock(contents_->mutex);
  std::string& content = contents_->folder.at(path)->content;
  const std::size_t from = std::min(offset, content.size());
  std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(from),
              std::min(count, content.size() - from), '\x5A');
}

std::uint64_t FaultyDisk::changes() const {
  const std::lock_guard lock(contents_->mutex);
  return contents_->changes;
}

std::uint64_t FaultyDisk::syncs() const {
  const std::lock_guard lock(contents_->mutex);
  return contents_->syncs;
}

std::uint64_t FaultyDisk::bytes_written() const {
  const std::lock_guard lock(contents_->mutex);
  return contents_->bytes_written;
}

}  // namespace hubward::test
