#pragma once

#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/log.h"

namespace hubward::test {

// What was logged, by the events' names. Any thread; looked at when nobody writes any more.
struct EventLog final : Log {
  void write(LogLevel, std::string_view event, std::initializer_list<LogField>) override {
    const std::lock_guard lock(mutex);
    events.emplace_back(event);
  }
  std::mutex mutex;
  std::vector<std::string> events;
};

}  // namespace hubward::test
