#include "gateway/platform/marker_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "gateway/platform/atomic_file.h"

namespace hubward::platform {
namespace {

bool may_stand(const std::string& path) {
  struct stat found {};
  return lstat(path.c_str(), &found) == 0 || errno != ENOENT;
}

Status put_at(const std::string& path) { return write_atomically(path, {}); }

}  // namespace

MarkerFile::MarkerFile(std::string path, Loop& loop)
    : path_(std::move(path)), loop_(loop), stood_(may_stand(path_)) {}

MarkerFile::~MarkerFile() { *alive_ = false; }

void MarkerFile::put(std::function<void(const Status&)> done) { run(put_at, std::move(done)); }

void MarkerFile::clear(std::function<void(const Status&)> done) {
  run(remove_file, std::move(done));
}

void MarkerFile::run(Status (*work)(const std::string&), std::function<void(const Status&)> done) {
  if (!thread_) thread_.emplace();
  thread_->run(
      [work, path = path_, &loop = loop_, alive = alive_, done = std::move(done)]() mutable {
        loop.post([alive, done = std::move(done), outcome = work(path)] {
          if (*alive) done(outcome);
        });
      });
}

}  // namespace hubward::platform
