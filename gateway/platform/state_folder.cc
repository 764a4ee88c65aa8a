#include "gateway/platform/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hubward::platform {
namespace {

constexpr const char* kLockName = "lock";

tl::unexpected<Error> trouble(const std::string& path) {
  const int error = errno;
  return failure(ErrorCode::StoreFailed, ErrorKind::Permanent,
                 "state folder " + path + ": " + std::strerror(error));  // NOLINT: glibc
}

std::string holder(int lock) {
  std::array<char, 32> text{};
  const ssize_t count = pread(lock, text.data(), text.size() - 1, 0);
  const std::string id(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  const auto end = id.find_first_not_of("0123456789");
  return end == 0 || id.empty() ? "another process" : "process " + id.substr(0, end);
}

WallTime newest_time_in(const std::filesystem::path& folder) {
  WallTime newest{};
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    struct stat about {};
    if (stat(entry->path().c_str(), &about) != 0) continue;
    newest = std::max(newest, WallTime{std::chrono::seconds{about.st_mtim.tv_sec}});
  }
  return newest;
}

}  // namespace

Result<StateFolder> StateFolder::open(const std::string& path) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::absolute(path, error).parent_path();
  std::filesystem::create_directories(parent, error);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return trouble(path);
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return trouble(path);
  if (!S_ISDIR(about.st_mode)) {
    errno = ENOTDIR;
    return trouble(path);
  }
  if ((about.st_mode & S_IWOTH) != 0) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   "state folder " + path +
                       ": everybody may write to it; choose a folder of its own for hubward");
  }
  const std::string lock_path = std::filesystem::path(path) / kLockName;
  int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool read_only = lock < 0 && errno == EROFS;
  if (read_only) {
    // What is stored can still be sent, and what comes kept in memory.
    lock = ::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0) errno = EROFS;
  }
  if (lock < 0) return trouble(lock_path);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const bool busy = errno == EWOULDBLOCK;
    auto refused = busy ? failure(ErrorCode::StateFolderBusy, ErrorKind::Permanent,
                                  "state folder " + path + " is in use by " + holder(lock))
                        : trouble(lock_path);
    close(lock);
    return refused;
  }
  StateFolder folder(path, lock);
  folder.read_only_ = read_only;
  folder.newest_file_time_ = newest_time_in(path);
  const std::string id = std::to_string(getpid()) + "\n";
  // Only for the words of whoever comes second: on a full disk hubward starts all the same.
  if (ftruncate(lock, 0) == 0) (void)!pwrite(lock, id.data(), id.size(), 0);
  return folder;
}

StateFolder::StateFolder(std::filesystem::path path, int lock)
    : path_(std::move(path)), lock_(lock) {}

StateFolder::StateFolder(StateFolder&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      read_only_(other.read_only_),
      newest_file_time_(other.newest_file_time_) {}

StateFolder::~StateFolder() {
  // The file stays: removing it would let two processes each lock a file of that name.
  if (lock_ >= 0) close(lock_);
}

}  // namespace hubward::platform
