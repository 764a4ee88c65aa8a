#include "gateway/platform/asio_streams.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <optional>

#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/run_until.h"

namespace hubward::platform {
namespace {

using namespace std::chrono_literals;
using test::run_until;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct Recorder final : ByteStreamEvents {
  void on_open() override {
    ++opened;
    if (then) then();
  }
  void on_bytes(std::span<const std::byte> got) override {
    text.append(reinterpret_cast<const char*>(got.data()), got.size());
    if (on_text) on_text();
  }
  void on_closed(Error why) override {
    closed = std::move(why);
    if (then) then();
  }
  int opened = 0;
  std::string text;
  std::optional<Error> closed;
  std::function<void()> then;
  std::function<void()> on_text;
};

struct Fixture {
  SystemClock clock;
  AsioLoop loop{clock};
  Resolver resolver{[](const std::string& host) -> Resolver::Answer {
    // The first address refuses, the second one is where the test listens.
    if (host == "press.example") return std::vector<std::string>{"127.0.0.77", "127.0.0.1"};
    return failure(ErrorCode::NameUnknown, ErrorKind::Transient, host + ": no such name");
  }};
  AsioStreams streams{resolver};
  Recorder events;
};

struct Listener {
  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    listen(descriptor, 8);
  }
  ~Listener() { close(descriptor); }
  [[nodiscard]] int accept_one() const {
    return accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC);
  }
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port = 0;
};

std::string read_exactly(int descriptor, std::size_t count) {
  std::string text(count, '\0');
  std::size_t got = 0;
  while (got < count) {
    const ssize_t more = read(descriptor, text.data() + got, count - got);
    if (more <= 0) break;
    got += static_cast<std::size_t>(more);
  }
  text.resize(got);
  return text;
}

TEST_CASE("a TCP stream tries all addresses, carries bytes both ways and tells its end") {
  Fixture f;
  const Listener listener;
  const auto stream = f.streams.tcp({"press.example", listener.port}, f.events, f.loop);
  stream->open(5s);
  CHECK(f.events.opened == 0);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  const int peer = listener.accept_one();
  stream->write(bytes("request"));
  CHECK(read_exactly(peer, 7) == "request");
  REQUIRE(write(peer, "answer", 6) == 6);
  REQUIRE(run_until(f.loop, [&] { return f.events.text == "answer"; }));
  close(peer);
  REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
  CHECK(f.events.closed->code == ErrorCode::PortLost);
  CHECK_FALSE(f.events.closed->context.empty());
  stream->write(bytes("into the void"));
  // And it can be opened again.
  stream->open(5s);
  CHECK(run_until(f.loop, [&] { return f.events.opened == 2; }));
}

TEST_CASE("writing to a peer that has just gone ends the stream, not the program") {
  Fixture f;
  const Listener listener;
  const auto stream = f.streams.tcp({"127.0.0.1", listener.port}, f.events, f.loop);
  stream->open(5s);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  close(listener.accept_one());
  stream->write(bytes("is answered with a reset"));
  stream->write(bytes("would raise SIGPIPE"));
  REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
  CHECK(f.events.closed->code == ErrorCode::PortLost);
}

TEST_CASE("a TCP stream that cannot be opened says why") {
  Fixture f;
  SUBCASE("unknown name") {
    const auto stream = f.streams.tcp({"nowhere.example", 502}, f.events, f.loop);
    stream->open(5s);
    REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
    CHECK(f.events.closed->code == ErrorCode::DeviceNameUnknown);
    CHECK(f.events.closed->context == "no such name");  // the place is told by whoever opened it
  }
  SUBCASE("nobody listens") {
    const auto stream = f.streams.tcp({"127.0.0.1", 1}, f.events, f.loop);
    stream->open(5s);
    REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
    CHECK(f.events.closed->code == ErrorCode::DeviceNotListening);
    CHECK(f.events.closed->context.find("refused") != std::string::npos);
  }
  SUBCASE("nobody answers") {
    // A listener with a full queue answers no more.
    const Listener listener;
    listen(listener.descriptor, 0);
    std::vector<int> fillers;
    for (int i = 0; i < 3; ++i) {
      const int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(listener.port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      [[maybe_unused]] const int pending =
          connect(filler, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      fillers.push_back(filler);
    }
    const auto stream = f.streams.tcp({"127.0.0.1", listener.port}, f.events, f.loop);
    stream->open(300ms);
    REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
    CHECK(f.events.closed->code == ErrorCode::DeviceUnreachable);
    for (const int filler : fillers) close(filler);
  }
  CHECK(f.events.opened == 0);
}

TEST_CASE("a peer that does not read is dropped once the queue is full") {
  Fixture f;
  const Listener listener;
  const auto stream = f.streams.tcp({"127.0.0.1", listener.port}, f.events, f.loop);
  stream->open(5s);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  const int peer = listener.accept_one();
  const std::string block(32 * 1024, 'x');
  REQUIRE(run_until(f.loop, [&] {
    for (int i = 0; i < 100 && !f.events.closed; ++i) stream->write(bytes(block));
    return f.events.closed.has_value();
  }));
  CHECK(f.events.closed->code == ErrorCode::PortLost);
  CHECK(f.events.closed->context.find("does not read") != std::string::npos);
  close(peer);
}

TEST_CASE("what a slow peer takes in pieces arrives whole") {
  Fixture f;
  const Listener listener;
  const auto stream = f.streams.tcp({"127.0.0.1", listener.port}, f.events, f.loop);
  stream->open(5s);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  const int peer = listener.accept_one();
  const int small = 4096;
  setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::string sent;
  for (int i = 0; i < 40; ++i) sent += std::string(1000, static_cast<char>('a' + i % 26));
  stream->write(bytes(sent));
  std::string got;
  REQUIRE(run_until(f.loop, [&] {
    char piece[3000];
    const ssize_t count = recv(peer, piece, sizeof piece, MSG_DONTWAIT);
    if (count > 0) got.append(piece, static_cast<std::size_t>(count));
    return got.size() == sent.size();
  }));
  CHECK(got == sent);
  close(peer);
}

TEST_CASE("discarded input does not come later") {
  Fixture f;
  const Listener listener;
  const auto stream = f.streams.tcp({"127.0.0.1", listener.port}, f.events, f.loop);
  stream->open(5s);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  const int peer = listener.accept_one();
  REQUIRE(write(peer, "late answer", 11) == 11);
  stream->discard_input();
  REQUIRE(write(peer, "new", 3) == 3);
  REQUIRE(run_until(f.loop, [&] { return !f.events.text.empty(); }));
  CHECK(f.events.text == "new");
  close(peer);
}

TEST_CASE("a stream may be closed, dropped and reopened inside its own events") {
  Fixture f;
  const Listener listener;
  std::unique_ptr<ByteStream> stream =
      f.streams.tcp({"127.0.0.1", listener.port}, f.events, f.loop);
  SUBCASE("dropped when open") {
    f.events.then = [&] { stream.reset(); };
  }
  SUBCASE("dropped when it fails") {
    stream = f.streams.tcp({"127.0.0.1", 1}, f.events, f.loop);
    f.events.then = [&] { stream.reset(); };
  }
  SUBCASE("reopened, then dropped by a byte") {
    f.events.then = [&] {
      if (f.events.opened == 1) return stream->open(5s);
      const int first = listener.accept_one();
      const int second = listener.accept_one();
      CHECK(write(second, "x", 1) == 1);
      close(first);
      close(second);
    };
    f.events.on_text = [&] { stream.reset(); };
  }
  stream->open(5s);
  CHECK(run_until(f.loop, [&] { return !stream; }));
}

// Both ends of a pseudo-terminal; the stream opens the one with a name.
struct PseudoTerminal {
  PseudoTerminal() {
    grantpt(master);
    unlockpt(master);
    path = ptsname(master);
  }
  ~PseudoTerminal() {
    if (master >= 0) close(master);
  }
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  std::string path;
};

TEST_CASE("a serial port is raw: all bytes go through unchanged, both ways") {
  Fixture f;
  PseudoTerminal terminal;
  const auto stream = f.streams.serial(
      {.path = terminal.path, .baud = 19200, .parity = Parity::Even}, f.events, f.loop);
  stream->open(1s);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  stream->write(bytes(all));
  CHECK(read_exactly(terminal.master, all.size()) == all);
  REQUIRE(write(terminal.master, all.data(), all.size()) == 256);
  REQUIRE(run_until(f.loop, [&] { return f.events.text.size() == 256; }));
  CHECK(f.events.text == all);

  close(std::exchange(terminal.master, -1));
  REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
  CHECK(f.events.closed->code == ErrorCode::PortLost);
  CHECK_FALSE(f.events.closed->context.empty());
}

TEST_CASE("a serial port has one user") {
  Fixture f;
  const PseudoTerminal terminal;
  const auto first = f.streams.serial({.path = terminal.path}, f.events, f.loop);
  first->open(1s);
  REQUIRE(run_until(f.loop, [&] { return f.events.opened == 1; }));
  Recorder others;
  const auto second = f.streams.serial({.path = terminal.path}, others, f.loop);
  second->open(1s);
  REQUIRE(run_until(f.loop, [&] { return others.closed.has_value(); }));
  CHECK(others.closed->code == ErrorCode::PortUnavailable);
  CHECK(others.closed->context.find("in use") != std::string::npos);
  first->close();
  second->open(1s);
  CHECK(run_until(f.loop, [&] { return others.opened == 1; }));
}

TEST_CASE("a serial port that cannot be opened says why") {
  struct Row {
    const char* why;
    SerialSettings settings;
    const char* words;
  };
  const PseudoTerminal terminal;
  const Row rows[] = {
      {"not there", {.path = "/dev/does-not-exist"}, "no such port"},
      {"an ordinary file", {.path = "/dev/null"}, "not a serial port"},
      {"odd speed", {.path = terminal.path, .baud = 12345}, "12345 baud"},
      {"nine data bits", {.path = terminal.path, .data_bits = 9}, "9 data bits"},
      {"no stop bit", {.path = terminal.path, .stop_bits = 0}, "0 stop bits"},
      {"no RS-485 on a pseudo-terminal", {.path = terminal.path, .rs485 = true}, "RS-485"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Fixture f;
    const auto stream = f.streams.serial(row.settings, f.events, f.loop);
    stream->open(1s);
    REQUIRE(run_until(f.loop, [&] { return f.events.closed.has_value(); }));
    CHECK(f.events.closed->code == ErrorCode::PortUnavailable);
    CHECK(f.events.closed->context.find(row.words) != std::string::npos);
  }
}

}  // namespace
}  // namespace hubward::platform
