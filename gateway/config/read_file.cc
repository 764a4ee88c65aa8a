#include "gateway/config/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hubward::config {
namespace {

tl::unexpected<Error> refuse(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

std::string last_error() { return std::generic_category().message(errno); }

Result<FileContent> read_open(int file, std::size_t bytes_max) {
  struct stat facts {};
  if (::fstat(file, &facts) != 0) return refuse(last_error());
  if (!S_ISREG(facts.st_mode)) return refuse("it is not a regular file");
  FileContent content;
  content.mode = facts.st_mode;
  constexpr std::size_t kChunk = 64 * 1024;
  while (content.text.size() <= bytes_max) {
    const std::size_t before = content.text.size();
    content.text.resize(before + kChunk);
    const ssize_t got = ::read(file, content.text.data() + before, kChunk);
    content.text.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(last_error());
    if (got == 0) return content;
  }
  return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                 "more than " + std::to_string(bytes_max) + " bytes");
}

}  // namespace

Result<FileContent> read_file(const std::string& path, std::size_t bytes_max) {
  // Without O_NONBLOCK, opening a pipe that nobody writes to would block.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return refuse(last_error());
  auto content = read_open(file, bytes_max);
  ::close(file);
  return content;
}

}  // namespace hubward::config
