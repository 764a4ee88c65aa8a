#include "gateway/platform/socket_watch.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cassert>

namespace hubward::platform {
namespace {

// Taken from the kernel at once; the rest comes with the next turn of the loop, so that timers and
// posted work run in between.
constexpr int kEventsPerTurn = 256;

// Of an id: the place plus one below, the number of its use above.
constexpr unsigned kPlaceBits = 32;
constexpr std::uint64_t kPlaceMask = 0xFFFFFFFF;

std::uint32_t mask_of(bool read, bool write) {
  return EPOLLRDHUP | (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U);
}

}  // namespace

struct SocketWatch::Wait {
  explicit Wait(asio::io_context& context) : descriptor(context) {}
  asio::posix::stream_descriptor descriptor;
};

SocketWatch::SocketWatch(asio::io_context& context)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wait_(std::make_unique<Wait>(context)) {
  assert(epoll_ >= 0);               // fails only when the process starts without descriptors
  wait_->descriptor.assign(epoll_);  // closes it in the end
  wait();
}

SocketWatch::~SocketWatch() = default;

SocketWatch::Watched* SocketWatch::find(std::uint64_t id) {
  const std::uint64_t place = (id & kPlaceMask) - 1;
  if (place >= watched_.size()) return nullptr;
  Watched& watched = watched_[place];
  return watched.events != nullptr && watched.uses == id >> kPlaceBits ? &watched : nullptr;
}

WatchId SocketWatch::add(int descriptor, SocketEvents& events, bool want_write) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(watched_.size()));
    watched_.emplace_back();
  }
  const std::uint32_t place = free_.back();
  Watched& watched = watched_[place];
  const std::uint64_t id = std::uint64_t{watched.uses + 1} << kPlaceBits | (place + 1);
  epoll_event event{.events = mask_of(true, want_write), .data = {.u64 = id}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return {};
  free_.pop_back();
  watched = {&events, descriptor, watched.uses + 1, true, want_write};
  return WatchId{id};
}

void SocketWatch::want(WatchId watch, bool read, bool write) {
  Watched* const watched = find(watch.value);
  if (watched == nullptr || (watched->read == read && watched->write == write)) return;
  watched->read = read;
  watched->write = write;
  epoll_event event{.events = mask_of(read, write), .data = {.u64 = watch.value}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, watched->descriptor, &event);
}

void SocketWatch::remove(WatchId watch) {
  Watched* const watched = find(watch.value);
  if (watched == nullptr) return;
  // A closed descriptor has left the set by itself. If another thread has opened something under
  // its number meanwhile, that is not in the set, and the kernel says so.
  epoll_ctl(epoll_, EPOLL_CTL_DEL, watched->descriptor, nullptr);
  watched->events = nullptr;
  free_.push_back(static_cast<std::uint32_t>(watched - watched_.data()));
}

void SocketWatch::wait() {
  wait_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                               [this](const std::error_code& error) {
                                 if (error) return;  // going down
                                 dispatch();
                                 wait();
                               });
}

void SocketWatch::dispatch() {
  std::array<epoll_event, kEventsPerTurn> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsPerTurn, 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const Watched* const watched = find(event.data.u64);
    if (watched == nullptr) continue;  // removed by an earlier one of this batch
    watched->events->on_ready({
        .readable = (event.events & EPOLLIN) != 0,
        .writable = (event.events & EPOLLOUT) != 0,
        .hung_up = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
    });
  }
}

}  // namespace hubward::platform
