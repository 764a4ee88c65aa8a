#pragma once

#include <memory>

#include "gateway/api/log.h"

namespace hubward::platform {

// One line each to standard error, with the time (UTC) in front, written by a thread of its own: a
// reader that stands still delays no loop. When it does not read at all the oldest lines go.
class ConsoleLog final : public Log {
 public:
  static constexpr std::size_t kLinesWaitingMax = 8192;

  explicit ConsoleLog(LogLevel least = LogLevel::Info);
  ~ConsoleLog() override;  // writes what waits
  ConsoleLog(const ConsoleLog&) = delete;
  ConsoleLog& operator=(const ConsoleLog&) = delete;

  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override;

 private:
  struct Impl;
  const LogLevel least_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hubward::platform
