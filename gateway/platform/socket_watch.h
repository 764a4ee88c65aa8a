// Readiness of many file descriptors, level-triggered. One epoll set inside Asio's: 5,000 links
// cost one Asio operation a wake-up instead of one (and a system call) each.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

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
    SocketEvents* events = nullptr;  // null: free
    int descriptor = -1;
    std::uint32_t uses = 0;  // of this place
    bool read = false;
    bool write = false;
  };
  [[nodiscard]] Watched* find(std::uint64_t id);
  void wait();
  void dispatch();

  int epoll_;
  std::unique_ptr<Wait> wait_;
  // An id is a place in here and how often it has been used, because descriptors are used again: an
  // event gathered for one that was closed meanwhile must not reach the next owner of its number.
  std::vector<Watched> watched_;
  std::vector<std::uint32_t> free_;
};

}  // namespace hubward::platform
