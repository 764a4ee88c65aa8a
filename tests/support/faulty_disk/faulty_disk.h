// A disk in memory for SQLite that fails the way disks do: a power cut forgets what was not synced
// and tears what was being written, space runs out, reads and writes and syncs fail.
//
// It is a SQLite VFS; whoever opens a database on it names vfs(). Safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/random_source.h"

namespace hubward::test {

class FaultyDisk {
 public:
  FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  ~FaultyDisk();  // after everything on it is closed

  [[nodiscard]] const std::string& vfs() const;

  // The process that has files open dies: what it wrote stays. Its handles answer errors from here
  // on, so the objects that hold them can be destroyed without harm.
  void kill_process();
  // As kill_process(), and of the changes since each file's last sync some are forgotten (all of
  // them, those after a point, or any), and the last survivor of each file is torn.
  void power_cut(RandomSource& random);
  // Lets `changes` more writes, truncations, deletions and syncs happen; the next one and all that
  // follow answer errors, as for a process that runs while the power fails. Then call power_cut().
  void fail_after(std::uint64_t changes);

  void set_capacity(std::optional<std::uint64_t> bytes);  // over it: disk full
  void set_read_only(bool on);
  void set_broken(bool on);  // every read and write is an I/O error
  // Lets `reads` more reads happen; the `count` after them answer I/O errors.
  void fail_reads(std::uint64_t reads, std::uint64_t count);
  // The next `count` syncs fail, and what they should have written is never written, although later
  // syncs succeed: what kernels do.
  void fail_syncs(int count);

  bool rename(const std::string& from, const std::string& to);
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::string read(const std::string& path) const;
  void write(const std::string& path, std::string content);  // synced

  // Overwrites the file from `offset` on, `count` bytes at most, under whoever has it open.
  void damage(const std::string& path, std::size_t offset, std::size_t count = std::string::npos);

  [[nodiscard]] std::uint64_t changes() const;  // so far
  [[nodiscard]] std::uint64_t syncs() const;
  [[nodiscard]] std::uint64_t bytes_written() const;

  struct Contents;

 private:
  std::unique_ptr<Contents> contents_;
};

}  // namespace hubward::test
