#include "gateway/platform/control_socket.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>
#include <thread>
#include <vector>

#include "gateway/platform/console_log.h"
#include "gateway/platform/signals.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/run_until.h"
#include "tests/support/temporary_folder.h"

namespace hubward::platform {
namespace {

using namespace std::chrono_literals;
using hubward::test::TemporaryFolder;
using test::run_until;

struct Fixture {
  explicit Fixture(ControlSocket::Handler handler)
      : socket(ControlSocket::listen(path, loop, std::move(handler)).value()) {}
  std::future<Result<std::string>> ask(std::string line) {
    return std::async(std::launch::async, [this, line = std::move(line)] {
      return ask_control_socket(path, line, 15s);
    });
  }
  Result<std::string> wait(std::future<Result<std::string>>& answer) {
    CHECK(run_until(loop, [&] { return answer.wait_for(0s) == std::future_status::ready; }));
    return answer.get();
  }
  TemporaryFolder folder;
  std::string path = folder.file("control.sock");
  SystemClock clock;
  AsioLoop loop{clock};
  std::unique_ptr<ControlSocket> socket;
};

int connect_to(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

bool is_closed_by_peer(int descriptor) {
  char byte = 0;
  return recv(descriptor, &byte, 1, MSG_DONTWAIT) == 0;
}

TEST_CASE("a command gets its answer, at once or later, whatever its size") {
  std::function<void()> finish;
  Fixture f([&](std::string line, ControlSocket::Answer answer) {
    if (line == R"({"command":"status"})") return answer(std::string(3'000'000, 's'));
    finish = [answer, line] {
      answer("later: " + line);
      answer("twice");
    };
  });
  struct stat about {};
  REQUIRE(stat(f.path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600);

  auto status = f.ask(R"({"command":"status"})");
  CHECK(f.wait(status)->size() == 3'000'000);
  auto slow = f.ask("slow");
  CHECK(run_until(f.loop, [&] { return static_cast<bool>(finish); }));
  f.loop.post([&] { finish(); });
  CHECK(f.wait(slow) == "later: slow");
}

TEST_CASE("nobody listens: the client says so") {
  const TemporaryFolder folder;
  const auto answer = ask_control_socket(folder.file("control.sock"), "status", 1s);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::Unreachable);
  CHECK(answer.error().context.find("no gateway runs") != std::string::npos);
}

TEST_CASE("what only keeps the client out does not mean that nobody listens") {
  const TemporaryFolder folder;
  const std::string path = folder.file("control.sock");
  const auto below_a_file = [&] {
    const Fixture f([](std::string, ControlSocket::Answer answer) { answer("fine"); });
    return ask_control_socket(f.path + "/control.sock", "status", 1s);
  }();
  REQUIRE_FALSE(below_a_file);
  CHECK(below_a_file.error().code == ErrorCode::PortUnavailable);
  // A gateway too busy to take anybody.
  const int busy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(bind(busy, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(busy, 0) == 0);
  const int waits = connect_to(path);
  const auto crowded_out = ask_control_socket(path, "status", 20ms);
  close(waits);
  close(busy);
  REQUIRE_FALSE(crowded_out);
  CHECK(crowded_out.error().code == ErrorCode::PortUnavailable);
  CHECK(crowded_out.error().context.find("may be running") != std::string::npos);
}

TEST_CASE("a client that asks without end, leaves early or crowds in harms nobody") {
  int asked = 0;
  Fixture f([&](std::string, ControlSocket::Answer answer) {
    ++asked;
    answer("fine");
  });
  const int endless = connect_to(f.path);
  const std::string block(50'000, 'x');
  REQUIRE(run_until(f.loop, [&] {
    [[maybe_unused]] const auto sent =
        send(endless, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    char byte = 0;
    const ssize_t got = recv(endless, &byte, 1, MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }));
  close(endless);
  close(connect_to(f.path));
  CHECK(asked == 0);

  std::vector<int> crowd;
  for (std::size_t i = 0; i < ControlSocket::kClientsMax; ++i) crowd.push_back(connect_to(f.path));
  const int one_too_many = connect_to(f.path);
  if (one_too_many >= 0) {
    CHECK(run_until(f.loop, [&] { return is_closed_by_peer(one_too_many); }));
    close(one_too_many);
  }
  for (const int one : crowd) close(one);
  auto answer = f.ask("status");
  CHECK(f.wait(answer) == "fine");
}

TEST_CASE("a client that says nothing is sent away") {
  Fixture f([](std::string, ControlSocket::Answer) {});
  const int silent = connect_to(f.path);
  CHECK(run_until(
      f.loop, [&] { return is_closed_by_peer(silent); }, 15s));
  close(silent);
}

TEST_CASE("the socket goes with its object, and answers that come later go nowhere") {
  ControlSocket::Answer kept;
  Fixture f([&](std::string, ControlSocket::Answer answer) { kept = std::move(answer); });
  auto answer = f.ask("status");
  REQUIRE(run_until(f.loop, [&] { return static_cast<bool>(kept); }));
  f.socket.reset();
  kept("too late");
  CHECK(f.wait(answer).error().code == ErrorCode::NoAnswer);
  CHECK_FALSE(std::filesystem::exists(f.path));
}

TEST_CASE("a path too long for a socket is an error that says so; a stale socket is replaced") {
  const TemporaryFolder folder;
  SystemClock clock;
  AsioLoop loop{clock};
  const auto ignore = [](std::string, ControlSocket::Answer) {};
  const auto refused = ControlSocket::listen(folder.file(std::string(150, 'x')), loop, ignore);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().context.find("too long") != std::string::npos);
  const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder.file("control.sock");
  path.copy(address.sun_path, path.size());
  REQUIRE(bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  close(stale);
  CHECK(ControlSocket::listen(path, loop, ignore));
}

TEST_CASE("signals come as events on the loop, again and again") {
  SystemClock clock;
  AsioLoop loop{clock};
  std::vector<int> got;
  {
    const Signals signals(loop, [&](int signal) { got.push_back(signal); });
    raise(SIGTERM);
    REQUIRE(run_until(loop, [&] { return got.size() == 1; }));
    raise(SIGINT);
    REQUIRE(run_until(loop, [&] { return got.size() == 2; }));
  }
  CHECK(got == std::vector{SIGTERM, SIGINT});
}

TEST_CASE("the console log takes lines from many threads and writes them before it goes") {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const int before = dup(STDERR_FILENO);
  dup2(pipes[1], STDERR_FILENO);
  {
    ConsoleLog log(LogLevel::Info);
    log.write(LogLevel::Debug, "not_wanted", {});
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&log] {
        for (int j = 0; j < 50; ++j) log.write(LogLevel::Info, "e", {{"braces", "{} {0}"}});
      });
    }
  }
  dup2(before, STDERR_FILENO);
  close(before);
  close(pipes[1]);
  std::string text;
  char piece[4096];
  ssize_t count = 0;
  while ((count = read(pipes[0], piece, sizeof piece)) > 0) {
    text.append(piece, static_cast<std::size_t>(count));
  }
  close(pipes[0]);
  CHECK(std::count(text.begin(), text.end(), '\n') == 200);
  CHECK(text.find("Z info event=e braces=\"{} {0}\"\n") != std::string::npos);
  CHECK(text.find("not_wanted") == std::string::npos);
}

}  // namespace
}  // namespace hubward::platform
