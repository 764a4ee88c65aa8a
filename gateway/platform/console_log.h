#pragma once

#include <unistd.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "gateway/api/log.h"

namespace hubward::platform {

// One line each to standard error, with the time (UTC) in front, written by a thread of its own: a
// reader that stands still delays no loop. When it does not read at all the oldest lines go, and
// once it reads again a line says how many.
class ConsoleLog final : public Log {
 public:
  static constexpr std::size_t kLinesWaitingMax = 8192;

  explicit ConsoleLog(LogLevel least = LogLevel::Info, int descriptor = STDERR_FILENO);
  ~ConsoleLog() override;  // writes what waits
  ConsoleLog(const ConsoleLog&) = delete;
  ConsoleLog& operator=(const ConsoleLog&) = delete;

  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override;

 private:
  void write_lines() noexcept;
  void write_all(std::string_view text) const noexcept;

  const LogLevel least_;
  const int descriptor_;
  std::mutex mutex_;  // guards the next four
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  std::uint64_t lost_ = 0;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace hubward::platform
