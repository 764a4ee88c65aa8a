#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace hubward::platform {

// Carries out, one after the other, calls that may wait and so have no place on a loop. Callers
// bound what they hand in. Any thread.
class WorkThread {
 public:
  WorkThread();
  ~WorkThread();  // waits for the call that runs; those behind it never begin
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  void run(std::function<void()> work);

 private:
  void serve(const std::stop_token& stop) noexcept;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  std::jthread thread_;                        // last: it uses the rest
};

}  // namespace hubward::platform
