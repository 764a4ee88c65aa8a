#include "gateway/platform/state_file.h"

#include <cstdio>
#include <utility>

#include "gateway/platform/atomic_file.h"

namespace hubward::platform {

StateFile::StateFile(Options options, Log& log, std::function<std::string()> text)
    : options_(std::move(options)), log_(log), text_(std::move(text)) {
  writer_ = std::jthread([this](const std::stop_token& stop) { write_changes(stop); });
}

StateFile::~StateFile() {
  writer_.request_stop();
  writer_.join();
}

void StateFile::read(std::size_t bytes_max, const std::function<bool(const std::string&)>& take) {
  const auto file = read_file(options_.path, bytes_max);
  if (file && (file->missing || take(file->text))) return;
  const std::string aside = options_.path + ".unreadable";
  const bool moved = std::rename(options_.path.c_str(), aside.c_str()) == 0;
  log_.write(LogLevel::Warn, options_.name + "_unreadable",
             {{"file", options_.path},
              {"reason", file ? "not what hubward writes" : file.error().context},
              {"set_aside_as", moved ? aside : ""},
              {"next", options_.without_it}});
}

void StateFile::changed() {
  {
    const std::lock_guard lock(mutex_);
    unwritten_ = true;
  }
  changed_.notify_one();
}

void StateFile::write_changes(const std::stop_token& stop) noexcept {
  bool failing = false;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, stop, [this] { return unwritten_; });
    if (!unwritten_) return;  // stopped, and nothing left
    // Neighbours in time share a write. At the end there is no waiting.
    changed_.wait_for(lock, stop, failing ? options_.retry_after : options_.write_delay,
                      [] { return false; });
    unwritten_ = false;
    lock.unlock();
    const Status written = write_atomically(options_.path, text_());
    if (written.has_value() == failing) {  // a change of state, not its repetitions
      failing = !written;
      log_.write(failing ? LogLevel::Error : LogLevel::Info,
                 options_.name + (failing ? "_not_written" : "_written"),
                 {{"reason", failing ? written.error().context : ""}});
    }
    lock.lock();
    if (written) continue;
    unwritten_ = true;
    if (stop.stop_requested()) return;
  }
}

}  // namespace hubward::platform
