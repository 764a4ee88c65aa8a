// Many Modbus TCP devices in one process: each endpoint is an address 127.x.y.z of its own, all on
// one port, and every unit id behind it answers. Input and holding registers hold float32, high
// word first, that look like measurements (two decimals) and are others each second.
// usage: bench_register_farm ENDPOINTS
// Says {"port": N} once it listens. Each line on standard input is answered with one:
//   {"do": "begin", "interval_ms": N}  counts from here; so often each endpoint is to be polled
//   {"do": "counts"}                   requests, polls expected and in time, connections; values
//                                      read since the start
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/json.h"
#include "proto/modbus/tcp.h"

namespace hubward::modbus {
namespace {

using Clock = std::chrono::steady_clock;

// A poll is in time if it comes no later than this part of the interval after it was due.
constexpr double kLateMax = 0.1;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::uint16_t register_at(std::uint8_t unit, std::uint16_t address, std::uint64_t second) {
  const std::uint64_t place = address / 2U + unit * 1000U;
  const auto hundredths = static_cast<double>(1000 + (place * 377 + second * 13) % 9000);
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(hundredths / 100));
  return static_cast<std::uint16_t>(address % 2 == 0 ? bits >> 16 : bits & 0xFFFF);
}

struct Endpoint {
  Clock::time_point last{};
  std::uint64_t expected = 0;
  std::uint64_t in_time = 0;
};

class Farm {
 public:
  explicit Farm(std::size_t endpoints) : endpoints_(endpoints), epoll_(::epoll_create1(0)) {
    std::uint16_t port = 0;
    for (std::size_t i = 0; i < endpoints; ++i) {
      const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(0x7F010000U + static_cast<std::uint32_t>(i) + 1);
      socklen_t size = sizeof address;
      auto* const plain = reinterpret_cast<sockaddr*>(&address);
      if (listener < 0 || ::bind(listener, plain, size) != 0 || ::listen(listener, 16) != 0 ||
          ::getsockname(listener, plain, &size) != 0) {
        give_up("listen");
      }
      port = ntohs(address.sin_port);
      watch(listener);
      listeners_[listener] = i;
    }
    watch(STDIN_FILENO);
    std::printf("{\"port\": %u}\n", port);
    std::fflush(stdout);
  }

  // Until standard input ends.
  void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), /*timeout=*/-1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == STDIN_FILENO) {
          if (!take_orders()) return;
        } else if (const auto listener = listeners_.find(fd); listener != listeners_.end()) {
          accept_at(fd, listener->second);
        } else if (!serve(fd)) {
          peers_.erase(fd);
          ::close(fd);
        }
      }
    }
  }

 private:
  struct Peer {
    std::size_t endpoint;
    TcpFrameReader reader;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll");
  }

  void accept_at(int listener, std::size_t endpoint) {
    const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peers_[peer].endpoint = endpoint;
    watch(peer);
  }

  bool serve(int fd) {
    Peer& peer = peers_[fd];
    const auto got = ::read(fd, in_.data(), in_.size());
    if (got <= 0) return false;
    peer.reader.push(std::span(in_).first(static_cast<std::size_t>(got)));
    const auto second = static_cast<std::uint64_t>(std::time(nullptr));
    std::vector<std::byte> out;
    for (;;) {
      const auto frame = peer.reader.next();
      if (!frame) return false;
      if (!*frame) break;
      const auto request = parse_request((*frame)->pdu);
      const auto* read = request ? std::get_if<ReadRequest>(&*request) : nullptr;
      if (read == nullptr) return false;
      note_poll(endpoints_[peer.endpoint]);
      values_ += read->count / 2U;
      ReadAnswer answer;
      for (std::uint16_t i = 0; i < read->count; ++i) {
        answer.values.push_back(
            register_at((*frame)->unit, static_cast<std::uint16_t>(read->address + i), second));
      }
      const auto bytes =
          encode_tcp((*frame)->transaction, (*frame)->unit, encode_answer(*request, answer));
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out.empty() || ::write(fd, out.data(), out.size()) > 0;
  }

  // Of an endpoint that is asked once in an interval.
  void note_poll(Endpoint& endpoint) {
    ++requests_;
    const auto now = Clock::now();
    const double cycles = std::chrono::duration<double>(now - endpoint.last).count() / interval_;
    endpoint.last = now;
    if (cycles > 0.5) endpoint.expected += static_cast<std::uint64_t>(std::lround(cycles));
    if (cycles > 0.5 && cycles <= 1 + kLateMax) ++endpoint.in_time;
  }

  bool take_orders() {
    std::array<char, 256> line{};
    const auto got = ::read(STDIN_FILENO, line.data(), line.size());
    if (got <= 0) return false;
    const auto order = json::parse({line.data(), static_cast<std::size_t>(got)}, {});
    if (!order) return false;
    if (json::as_string(json::find(*order, "do")) == "begin") {
      begin(json::as_double(json::find(*order, "interval_ms")).value_or(1000) / 1000);
    }
    tell_counts();
    return true;
  }

  void begin(double interval) {
    interval_ = interval;
    requests_ = 0;
    for (Endpoint& endpoint : endpoints_) endpoint.expected = endpoint.in_time = 0;
  }

  void tell_counts() const {
    std::uint64_t expected = 0;
    std::uint64_t in_time = 0;
    const auto now = Clock::now();
    for (const Endpoint& endpoint : endpoints_) {
      expected += endpoint.expected;
      in_time += endpoint.in_time;
      const double silent = std::chrono::duration<double>(now - endpoint.last).count() / interval_;
      if (silent > 1 + kLateMax) expected += static_cast<std::uint64_t>(silent);
    }
    const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
    std::printf(
        R"({"requests": %llu, "values": %llu, "expected": %llu, "in_time": %llu, "peers": %llu})"
        "\n",
        number(requests_), number(values_), number(expected), number(in_time),
        number(peers_.size()));
    std::fflush(stdout);
  }

  std::vector<Endpoint> endpoints_;
  int epoll_;
  std::unordered_map<int, std::size_t> listeners_;
  std::unordered_map<int, Peer> peers_;
  std::array<std::byte, 65536> in_{};
  double interval_ = 1;  // seconds
  std::uint64_t requests_ = 0;
  std::uint64_t values_ = 0;
};

}  // namespace
}  // namespace hubward::modbus

int main(int argc, char** argv) {
  const int endpoints = argc > 1 ? std::atoi(argv[1]) : 1;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  hubward::modbus::Farm(static_cast<std::size_t>(endpoints)).run();
}
