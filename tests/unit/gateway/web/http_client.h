// A client that says exactly what a test wants, with deadlines instead of hope.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace hubward::web::test {

class Socket {
 public:
  explicit Socket(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval deadline{30, 0};
    (void)setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    (void)setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(fd_); }

  [[nodiscard]] bool is_open() const { return open_; }

  // False when the other side has closed meanwhile, which is a fine answer to nonsense.
  bool say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Everything until the other side closes. `timed_out` if it never does.
  std::string hear_all() {
    while (hear_more()) {
    }
    return std::move(heard_);
  }

  // Until `count` bytes are there; false at the end.
  bool hear(std::size_t count) {
    while (heard_.size() < count) {
      if (!hear_more()) return false;
    }
    return true;
  }
  bool hear_until(std::string_view end) {
    while (heard_.find(end) == std::string::npos) {
      if (!hear_more()) return false;
    }
    return true;
  }
  std::string take(std::size_t count) {
    std::string taken = heard_.substr(0, count);
    heard_.erase(0, count);
    return taken;
  }
  [[nodiscard]] const std::string& heard() const { return heard_; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }

 private:
  bool hear_more() {
    char bytes[4096];
    const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) timed_out_ = true;
    if (count <= 0) return false;
    heard_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int fd_;
  bool open_ = false;
  bool timed_out_ = false;
  std::string heard_;
};

// "HTTP/1.1 200 OK..." -> 200; 0 if there is no such line.
inline int status_of(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.1 ") || answer.size() < 12) return 0;
  return (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0');
}

// A text frame as a browser sends it, masked with zeros (RFC 6455, section 5.3).
inline std::string text_frame(std::string_view text) {
  std::string frame = "\x81";
  if (text.size() < 126) {
    frame += static_cast<char>(0x80U | text.size());
  } else {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>(text.size() >> 8U & 0xFFU);
    frame += static_cast<char>(text.size() & 0xFFU);
  }
  frame.append(4, '\0');
  frame += text;
  return frame;
}

// The next text message, put together from its frames; empty when the connection ends.
inline std::string next_message(Socket& socket) {
  std::string message;
  for (;;) {
    if (!socket.hear(2)) return {};
    const auto first = static_cast<unsigned char>(socket.heard()[0]);
    std::size_t length = static_cast<unsigned char>(socket.heard()[1]) & 0x7FU;
    std::size_t head = 2;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (extra > 0) {
      if (!socket.hear(head + extra)) return {};
      length = 0;
      for (std::size_t i = 0; i < extra; ++i) {
        length = length << 8U | static_cast<unsigned char>(socket.heard()[head + i]);
      }
      head += extra;
    }
    if ((first & 0x0FU) == 8U || !socket.hear(head + length)) return {};
    socket.take(head);
    message += socket.take(length);
    if ((first & 0x80U) != 0) return message;
  }
}

}  // namespace hubward::web::test
