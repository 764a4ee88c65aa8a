// Programs of others at the other end: servers that tell when they are ready, and clients that are
// run to their end; and the sockets and terminals between them and us.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hubward::modbus {

inline constexpr std::uint8_t kUnit = 17;
inline constexpr int kRegisters = 2000;
// A request whose address is this and a code is answered with that exception.
inline constexpr std::uint16_t kExceptionsAt = 3000;
inline constexpr int kPatienceMs = 5000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

  void write(std::span<const std::byte> bytes) const {
    REQUIRE(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  // What is there, waiting for the first byte; empty at the end of the stream or of patience.
  [[nodiscard]] std::vector<std::byte> read(int patience_ms = kPatienceMs) const {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, patience_ms) <= 0) return {};
    std::vector<std::byte> bytes(300);
    const auto count = ::read(fd_, bytes.data(), bytes.size());
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

 private:
  int fd_;
};

inline int listen_anywhere(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd, 5) == 0);
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
  return fd;
}

inline int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

// A line: we hold one end, the other one has a name. It stays open while nobody else has it.
struct Terminals {
  Terminals() {
    std::array<char, 128> name{};
    REQUIRE(::openpty(&ours, &theirs, name.data(), nullptr, nullptr) == 0);
    path = name.data();
    termios raw{};
    REQUIRE(::tcgetattr(theirs, &raw) == 0);
    ::cfmakeraw(&raw);
    REQUIRE(::tcsetattr(theirs, TCSANOW, &raw) == 0);
  }
  ~Terminals() { ::close(theirs); }
  Terminals(const Terminals&) = delete;
  Terminals& operator=(const Terminals&) = delete;

  int ours = -1;  // whoever takes it closes it
  int theirs = -1;
  std::string path;
};

struct Output {
  int status;
  std::string text;
};
inline Output run(const std::string& command) {
  Output output{-1, {}};
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) output.text += line.data();
  output.status = ::pclose(pipe);
  return output;
}

// A server of tests/sim/modbus_peers. Ends with this.
class Server {
 public:
  // Null if it cannot be started here.
  static std::unique_ptr<Server> start(const std::string& command) {
    std::unique_ptr<Server> server(new Server);
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const Descriptor out(ends[0]);
    const std::string line = "exec " + command;
    std::array<std::string, 3> words{"sh", "-c", line};
    std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, ends[0]);
    const int failed =
        ::posix_spawn(&server->process_, "/bin/sh", &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    REQUIRE(failed == 0);
    std::string said;
    constexpr int kStartMs = 20'000;  // an interpreter on a busy machine
    while (said.find('\n') == std::string::npos) {
      const auto bytes = out.read(kStartMs);
      if (bytes.empty()) return nullptr;
      for (const std::byte byte : bytes) said += static_cast<char>(byte);
    }
    if (!said.starts_with("ready")) return nullptr;
    server->port_ = static_cast<std::uint16_t>(std::atoi(said.c_str() + 5));
    return server;
  }
  ~Server() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Server() = default;
  pid_t process_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace hubward::modbus
