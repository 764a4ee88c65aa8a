#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "gateway/api/log.h"

namespace hubward::platform {

// A small file of the state folder that is kept in memory and written as a whole by a thread of its
// own, a moment after a change, so that many changes at once cost one write.
//
// Nothing in such a file is needed: one that cannot be read is set aside (".unreadable") and said
// so in the log. A disk that cannot be written is tried again, and said once.
class StateFile {
 public:
  struct Options {
    std::string path;
    std::string name;        // in the log's events: "{name}_unreadable", "{name}_not_written"
    std::string without_it;  // what happens next when it cannot be read, for the log
    std::chrono::milliseconds write_delay{300};
    std::chrono::milliseconds retry_after{10000};
  };
  // `text` makes the whole content; called on the writing thread and by the destructor's last
  // write. `log` outlives this.
  StateFile(Options options, Log& log, std::function<std::string()> text);
  ~StateFile();  // writes what is not written yet
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  // Before the first change: hands the content to `take`, unless there is no file. False of `take`:
  // it is not what was written.
  void read(std::size_t bytes_max, const std::function<bool(const std::string&)>& take);
  // Any thread.
  void changed();

 private:
  void write_changes(const std::stop_token& stop) noexcept;

  const Options options_;
  Log& log_;
  const std::function<std::string()> text_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool unwritten_ = false;  // guarded by mutex_
  std::jthread writer_;     // last: it uses the rest
};

}  // namespace hubward::platform
