#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/stream_connection.h"

namespace hubward::platform {
namespace {

// Thrown away at once by discard_input(). More than this cannot be what a confused answer left
// over.
constexpr std::size_t kDiscardBytesMax = 64 * 1024;

// What is at the other end: equipment or the local broker, never the cloud.
struct Trouble {
  ErrorCode code = ErrorCode::DeviceUnreachable;
  std::string words;
};

Trouble trouble_of(int error) {
  // Refused is an answer: the host is there, and this port of it is not.
  return {error == ECONNREFUSED ? ErrorCode::DeviceNotListening : ErrorCode::DeviceUnreachable,
          std::strerror(error)};  // NOLINT: glibc's is safe
}

// Begins to connect. A descriptor, or -1 with errno.
int begin_connect(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  const int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  // Requests are small and wait for their answer; a peer that vanished is noticed between them.
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (connect(descriptor, found->ai_addr, found->ai_addrlen) == 0 || errno == EINPROGRESS) {
    return descriptor;
  }
  const int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

class TcpConnection final : public StreamConnection {
 public:
  TcpConnection(TcpEndpoint endpoint, ByteStreamEvents& events, AsioLoop& on, Resolver& resolver)
      : StreamConnection(events, on), endpoint_(std::move(endpoint)), resolver_(resolver) {}

  void start(std::chrono::milliseconds timeout) override {
    ends_ = loop().clock().steady() + timeout;
    set_deadline(timeout,
                 [this] { fail(ErrorCode::DeviceNameUnknown, "no answer from the name server"); });
    resolver_.resolve(endpoint_.host, loop(),
                      [weak = weak_from_this()](const Resolver::Answer& answer) {
                        const auto self = std::static_pointer_cast<TcpConnection>(weak.lock());
                        if (self && !self->is_dropped()) self->on_addresses(answer);
                      });
  }

  void discard_input() noexcept override {
    std::array<std::byte, kReadBytes> bytes;
    for (std::size_t total = 0; total < kDiscardBytesMax;) {
      const ssize_t count = recv(descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (count <= 0) return;  // an end or error shows at the next readiness
      total += static_cast<std::size_t>(count);
    }
  }

 private:
  ssize_t put(std::span<const std::byte> bytes) override {
    return send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  void on_addresses(const Resolver::Answer& answer) {
    if (!answer) return fail_name(answer.error());
    addresses_.assign(answer->rbegin(), answer->rend());
    try_next({ErrorCode::DeviceNameUnknown, "no address"});
  }

  void fail_name(const Error& why) {
    fail(why.code == ErrorCode::NameUnknown ? ErrorCode::DeviceNameUnknown : why.code,
         without_host(why, endpoint_.host));
  }

  void try_next(Trouble trouble) {
    unwatch();
    while (!addresses_.empty()) {
      const std::string address = std::move(addresses_.back());
      addresses_.pop_back();
      const int connecting = begin_connect(address, endpoint_.port);
      if (connecting < 0 || !watch(connecting, true)) {
        trouble = trouble_of(errno);
        continue;
      }
      const auto left = ends_ - loop().clock().steady();
      set_deadline(left / static_cast<std::int64_t>(addresses_.size() + 1), [this] {
        try_next({ErrorCode::DeviceUnreachable, "no answer"});
      });
      return;
    }
    fail(trouble.code, std::move(trouble.words));
  }

  void on_connecting() override {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return try_next(trouble_of(error));
    opened();
  }

  const TcpEndpoint endpoint_;
  Resolver& resolver_;
  SteadyTime ends_;
  std::vector<std::string> addresses_;  // to be tried, next one last
};

}  // namespace

std::shared_ptr<StreamConnection> make_tcp_connection(TcpEndpoint endpoint,
                                                      ByteStreamEvents& events, AsioLoop& loop,
                                                      Resolver& resolver) {
  return std::make_shared<TcpConnection>(std::move(endpoint), events, loop, resolver);
}

}  // namespace hubward::platform
