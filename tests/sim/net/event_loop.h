// One thread's epoll loop, for the programs that stand in for the world outside.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hubward::simnet {

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_ready(std::uint32_t events) = 0;
};

class EventLoop {
 public:
  EventLoop();
  // `watcher` stays valid until after remove() and the end of the current round.
  void add(int fd, std::uint32_t events, Watcher& watcher);
  void change(int fd, std::uint32_t events, Watcher& watcher);
  void remove(int fd);
  // Destroys it after the current round, when no event can name it any more.
  void bury(std::unique_ptr<Watcher> watcher) { graves_.push_back(std::move(watcher)); }
  // Waits at most `timeout` and serves what is ready.
  void run_once(std::chrono::milliseconds timeout);

 private:
  Descriptor epoll_;
  std::vector<std::unique_ptr<Watcher>> graves_;
};

// A listening socket; `port` 0 takes a free one. Not valid if the address is taken.
[[nodiscard]] Descriptor listen_on(const std::string& address, std::uint16_t port);
[[nodiscard]] std::uint16_t port_of(int fd);

}  // namespace hubward::simnet
