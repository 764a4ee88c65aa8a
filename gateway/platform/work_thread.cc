#include "gateway/platform/work_thread.h"

#include <utility>

namespace hubward::platform {

WorkThread::WorkThread() : thread_([this](const std::stop_token& stop) { serve(stop); }) {}

WorkThread::~WorkThread() {
  std::deque<std::function<void()>> never_begun;
  {
    const std::lock_guard lock(mutex_);
    never_begun.swap(waiting_);
  }
  never_begun.clear();
  thread_.request_stop();
  thread_.join();
}

void WorkThread::run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void WorkThread::serve(const std::stop_token& stop) noexcept {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, stop, [this] { return !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace hubward::platform
