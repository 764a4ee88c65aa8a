// Not spdlog: its queue is made for the longest wait at the start, and takes 3.5 MB of a gateway
// that has 15 for everything; and what remains to be done is this.
#include "gateway/platform/console_log.h"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "gateway/platform/log_line.h"
#include "proto/iso_time.h"

namespace hubward::platform {
namespace {

std::string stamped(const std::string& line) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return to_iso8601(now) + ' ' + line + '\n';
}

}  // namespace

ConsoleLog::ConsoleLog(LogLevel least, int descriptor)
    : least_(least), descriptor_(descriptor), thread_([this] { write_lines(); }) {}

ConsoleLog::~ConsoleLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ConsoleLog::write(LogLevel level, std::string_view event,
                       std::initializer_list<LogField> fields) {
  if (level < least_) return;
  std::string line = stamped(log_line(level, event, fields));
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kLinesWaitingMax) {
      waiting_.pop_front();
      ++lost_;
    }
    waiting_.push_back(std::move(line));
  }
  changed_.notify_one();
}

void ConsoleLog::write_lines() noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::string line;
    if (lost_ > 0) {
      line = stamped(log_line(LogLevel::Warn, "log_lines_lost",
                              {{"count", std::to_string(std::exchange(lost_, 0))}}));
    } else {
      line = std::move(waiting_.front());
      waiting_.pop_front();
    }
    lock.unlock();
    write_all(line);
    lock.lock();
  }
}

void ConsoleLog::write_all(std::string_view text) const noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Somebody who shares it has made it non-blocking.
      pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return;  // there is nowhere to say it
    }
  }
}

}  // namespace hubward::platform
