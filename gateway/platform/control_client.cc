#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "gateway/platform/control_socket.h"

namespace hubward::platform {
namespace {

// The status of 5,000 devices takes some 5 MB.
constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

struct Socket {
  Socket() = default;
  ~Socket() { close(descriptor); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
};

// 0 or errno.
int connect_to(const std::string& path, int descriptor,
               std::chrono::steady_clock::time_point until) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  path.copy(address.sun_path, path.size());
  while (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // EAGAIN: more clients wait than the gateway has accepted yet. Nothing tells when that changes.
    if (errno != EAGAIN || std::chrono::steady_clock::now() >= until) return errno;
    poll(nullptr, 0, 20);
  }
  return 0;
}

Result<std::string> no_answer(std::string why) {
  return failure(ErrorCode::NoAnswer, ErrorKind::Transient, std::move(why));
}

}  // namespace

Result<std::string> ask_control_socket(const std::string& path, const std::string& line,
                                       std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const Socket socket;
  if (const int error = connect_to(path, socket.descriptor, until); error != 0) {
    const std::string why = path + " (" + std::strerror(error) + ")";  // NOLINT: glibc's is safe
    if (error == ENOENT || error == ECONNREFUSED) {
      return failure(ErrorCode::Unreachable, ErrorKind::Transient,
                     "no gateway runs with the control socket " + why);
    }
    // Not allowed to ask, or a gateway too busy to take the connection: one may well run.
    return failure(
        ErrorCode::PortUnavailable, ErrorKind::Transient,
        "cannot ask at the control socket " + why + ", and a gateway may be running there");
  }
  std::string unsent = line + "\n";
  std::string answer;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return no_answer("the gateway did not answer in time");
    pollfd wait{socket.descriptor, static_cast<short>(unsent.empty() ? POLLIN : POLLOUT), 0};
    if (poll(&wait, 1, static_cast<int>(left.count())) <= 0) continue;
    if (!unsent.empty()) {
      const ssize_t count = send(socket.descriptor, unsent.data(), unsent.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EINTR) {
        return no_answer("the gateway closed the connection");
      }
      if (count > 0) unsent.erase(0, static_cast<std::size_t>(count));
      continue;
    }
    std::array<char, 65536> piece;
    const ssize_t count = recv(socket.descriptor, piece.data(), piece.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return no_answer("the gateway closed the connection");
    answer.append(piece.data(), static_cast<std::size_t>(count));
    if (const auto end = answer.find('\n'); end != std::string::npos) return answer.substr(0, end);
    if (answer.size() > kAnswerBytesMax) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent, "the answer has no end");
    }
  }
}

}  // namespace hubward::platform
