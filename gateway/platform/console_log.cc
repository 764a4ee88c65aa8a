#include "gateway/platform/console_log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "gateway/platform/log_line.h"

namespace hubward::platform {

struct ConsoleLog::Impl {
  std::shared_ptr<spdlog::details::thread_pool> thread =
      std::make_shared<spdlog::details::thread_pool>(kLinesWaitingMax, 1);
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "hubward", std::make_shared<spdlog::sinks::stderr_sink_mt>(), thread,
      spdlog::async_overflow_policy::overrun_oldest);
};

ConsoleLog::ConsoleLog(LogLevel least) : least_(least), impl_(std::make_unique<Impl>()) {
  impl_->logger->set_level(spdlog::level::trace);
  impl_->logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
  impl_->logger->set_error_handler([](const std::string&) {});  // there is nowhere to say it
}

ConsoleLog::~ConsoleLog() {
  impl_->thread.reset();  // writes what waits and ends, before what it writes to goes
}

void ConsoleLog::write(LogLevel level, std::string_view event,
                       std::initializer_list<LogField> fields) {
  if (level < least_) return;
  // As one argument, so that nothing in it is taken for a format.
  impl_->logger->info("{}", log_line(level, event, fields));
}

}  // namespace hubward::platform
