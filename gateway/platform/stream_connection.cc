#include "gateway/platform/stream_connection.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/platform/asio_loop.h"

namespace hubward::platform {

StreamConnection::~StreamConnection() {
  // before_close() of the part that is gone already is not called: drop() has come first.
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool StreamConnection::watch(int descriptor, bool connecting) {
  descriptor_ = descriptor;
  watch_ = loop_.sockets().add(descriptor, *this, connecting);
  if (watch_.value != 0) return true;
  const int error = errno;
  unwatch();
  errno = error;
  return false;
}

void StreamConnection::unwatch() noexcept {
  loop_.sockets().remove(std::exchange(watch_, {}));
  if (descriptor_ < 0) return;
  before_close(descriptor_);
  ::close(std::exchange(descriptor_, -1));
}

void StreamConnection::opened() {
  loop_.cancel(std::exchange(deadline_, {}));
  open_ = true;
  loop_.sockets().want(watch_, true, false);
  events_->on_open();
}

void StreamConnection::fail(ErrorCode code, std::string why) {
  auto* const events = std::exchange(events_, nullptr);
  drop();
  if (events == nullptr) return;
  events->on_closed(Error{code, ErrorKind::Transient, std::move(why)});
}

void StreamConnection::drop() noexcept {
  events_ = nullptr;
  open_ = false;
  unwatch();
  loop_.cancel(std::exchange(deadline_, {}));
}

void StreamConnection::on_ready(Ready ready) {
  const auto self = shared_from_this();
  if (!open_) return on_connecting();
  if (ready.writable) write_some();
  if ((ready.readable || ready.hung_up) && open_) read_some();
}

void StreamConnection::read_some() {
  std::array<std::byte, kReadBytes> bytes;
  const ssize_t count = ::read(descriptor_, bytes.data(), bytes.size());
  if (count > 0) {
    events_->on_bytes({bytes.data(), static_cast<std::size_t>(count)});
  } else if (count == 0) {
    lose(0);
  } else if (errno != EAGAIN && errno != EINTR) {
    lose(errno);
  }
}

void StreamConnection::lose(int error) {
  // A pseudo-terminal or USB adapter whose other end is gone says EIO.
  const char* const why = error == 0 || error == EIO ? "the other side closed it"
                                                     : std::strerror(error);  // NOLINT: glibc
  fail(ErrorCode::PortLost, why);
}

ssize_t StreamConnection::put(std::span<const std::byte> bytes) {
  return ::write(descriptor_, bytes.data(), bytes.size());
}

void StreamConnection::write(std::span<const std::byte> bytes) {
  if (!open_) return;
  if (unsent_.empty()) {
    const ssize_t count = put(bytes);
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      loop_.post([weak = weak_from_this(), error = errno] {
        if (const auto self = weak.lock(); self && self->open_) self->lose(error);
      });
      return;
    }
    if (bytes.empty()) return;
  }
  if (unsent_.size() + bytes.size() > kUnsentBytesMax) {
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && self->open_) {
        self->fail(ErrorCode::PortLost, "the other side does not read");
      }
    });
    return;
  }
  unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
  loop_.sockets().want(watch_, true, true);
}

void StreamConnection::write_some() {
  const ssize_t count = put(unsent_);
  if (count < 0 && errno != EAGAIN && errno != EINTR) return lose(errno);
  if (count > 0) unsent_.erase(unsent_.begin(), unsent_.begin() + count);
  if (unsent_.empty()) loop_.sockets().want(watch_, true, false);
}

void StreamConnection::set_deadline(std::chrono::nanoseconds from_now,
                                    std::function<void()> expired) {
  loop_.cancel(deadline_);
  deadline_ = loop_.call_at(loop_.clock().steady() + from_now,
                            [weak = weak_from_this(), expired = std::move(expired)] {
                              if (const auto self = weak.lock()) expired();
                            });
}

}  // namespace hubward::platform
