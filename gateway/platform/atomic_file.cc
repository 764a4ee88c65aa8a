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

}  // namespace

Status write_atomically(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";  // what a crash left there is overwritten
  {
    const Descriptor file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || fchmod(file.get(), 0600) != 0 || !write_all(file.get(), text) ||
        fsync(file.get()) != 0) {
      auto trouble = disk_trouble(fresh);
      unlink(fresh.c_str());
      return trouble;
    }
  }
  if (rename(fresh.c_str(), path.c_str()) != 0) return disk_trouble(path);
  // The new name itself has to reach the disk.
  const std::string folder = std::filesystem::path(path).parent_path();
  const Descriptor directory(
      open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0) return disk_trouble(folder);
  return {};
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
