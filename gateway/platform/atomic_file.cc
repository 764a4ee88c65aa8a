#include "gateway/platform/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace hubward::platform {
namespace {

tl::unexpected<Error> disk_trouble(const std::string& path) {
  const int error = errno;
  return failure(ErrorCode::StoreFailed, ErrorKind::Transient,
                 path + ": " + std::strerror(error));  // NOLINT: glibc's is safe
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }

 private:
  int value_;
};

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(descriptor, text.data(), text.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// What a crash left there is overwritten.
Status write_synced(const std::string& path, std::string_view text, mode_t mode) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file || fchmod(file.get(), mode) != 0 || !write_all(file.get(), text) ||
      fsync(file.get()) != 0) {
    auto trouble = disk_trouble(path);
    unlink(path.c_str());
    return trouble;
  }
  return {};
}

// A new name in it has to reach the disk, too.
Status sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  const Descriptor directory(
      open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0) return disk_trouble(folder);
  return {};
}

}  // namespace

Status write_atomically(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  if (auto written = write_synced(fresh, text, 0600); !written) return written;
  if (rename(fresh.c_str(), path.c_str()) != 0) return disk_trouble(path);
  return sync_folder_of(path);
}

Status create_file(const std::string& path, std::string_view text) {
  const std::filesystem::path whole(path);
  // Hidden, and without the ending that others look for.
  const std::string fresh = whole.parent_path() / ("." + whole.filename().string() + ".new");
  if (auto written = write_synced(fresh, text, 0644); !written) return written;
  const int linked = link(fresh.c_str(), path.c_str());
  const int error = errno;
  unlink(fresh.c_str());
  if (linked != 0 && error == EEXIST) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   path + ": there is such a file already");
  }
  errno = error;
  if (linked != 0) return disk_trouble(path);
  // A name that a power cut may take away must not pass for a file that is there.
  auto synced = sync_folder_of(path);
  if (!synced) unlink(path.c_str());
  return synced;
}

Status remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return disk_trouble(path);
  return sync_folder_of(path);
}

Result<FileText> read_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    if (errno == ENOENT) return FileText{{}, true};
    return disk_trouble(path);
  }
  FileText found;
  std::array<char, 65536> piece;
  while (true) {
    const ssize_t count = read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_trouble(path);
    if (count == 0) return found;
    if (found.text.size() + static_cast<std::size_t>(count) > bytes_max) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                     path + ": more than " + std::to_string(bytes_max) + " bytes");
    }
    found.text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace hubward::platform
