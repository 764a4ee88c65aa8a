// Readiness of many file descriptors, level-triggered. One epoll set inside Asio's: 5,000 links
// cost one Asio operation a wake-up instead of one (and a system call) each.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace asio {
class io_context;
}

namespace hubward::platform {

class SocketEvents {
 public:
  // `hung_up`: the other side closed, or the descriptor has an error.
  struct Ready {
    bool readable = false;
    bool writable = false;
    bool hung_up = false;
  };
  // May add and remove watches, this one too.
  virtual void on_ready(Ready ready) = 0;

 protected:
  ~SocketEvents() = default;
};

struct WatchId {
  std::uint64_t value = 0;  // 0: none
};

// All on the loop's thread.
class SocketWatch {
 public:
  explicit SocketWatch(asio::io_context& context);
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  // Reports when `descriptor` is readable or has hung up, and while `want_write` when writable.
  // No id: the kernel refused (no memory, or not a descriptor that can be waited for).
  [[nodiscard]] WatchId add(int descriptor, SocketEvents& events, bool want_write);
  void want(WatchId watch, bool read, bool write);
  // No event follows. Fine after the descriptor was closed; unknown ids are fine.
  void remove(WatchId watch);

 private:
  struct Wait;
  struct Watched {
    int descriptor;
    SocketEvents* events;
    bool read;
    bool write;
  };
  void wait();
  void dispatch();

  int epoll_;
  std::unique_ptr<Wait> wait_;
  // By an id that is never used again, because descriptors are: an event gathered for one that was
  // closed meanwhile must not reach the next owner of its number.
  std::unordered_map<std::uint64_t, Watched> watched_;
  std::uint64_t last_id_ = 0;
};

}  // namespace hubward::platform
