#pragma once

#include <functional>
#include <memory>

namespace hubward::platform {

class AsioLoop;

// SIGTERM, SIGINT and SIGHUP as events on the loop. While it lives they do nothing else.
class Signals {
 public:
  Signals(AsioLoop& loop, std::function<void(int signal)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // with the wait under way
};

}  // namespace hubward::platform
