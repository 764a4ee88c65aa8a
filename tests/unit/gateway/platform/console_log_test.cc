#include "gateway/platform/console_log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <regex>
#include <string>
#include <thread>

namespace hubward::platform {
namespace {

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    close(ends[0]);
    close_writing();
  }
  void close_writing() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  // Until everybody who could write has closed.
  std::string read_all() const {
    std::string text;
    std::array<char, 65536> part{};
    ssize_t count = 0;
    while ((count = read(ends[0], part.data(), part.size())) > 0) {
      text.append(part.data(), static_cast<std::size_t>(count));
    }
    return text;
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("a line of the log has its time in front, and unimportant ones are left out") {
  Pipe pipe;
  {
    ConsoleLog log(LogLevel::Info, pipe.ends[1]);
    log.write(LogLevel::Debug, "unimportant", {});
    log.write(LogLevel::Warn, "hub_disconnected", {{"device", "press-07"}});
    log.write(LogLevel::Info, "started", {});
  }
  pipe.close_writing();
  const std::regex lines(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn event=hub_disconnected device=press-07\n)"
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info event=started\n)");
  CHECK(std::regex_match(pipe.read_all(), lines));
}

TEST_CASE("a reader that stands still delays nobody; the oldest lines go and it is said how many") {
  Pipe pipe;
  std::string text;
  std::thread reader;
  {
    ConsoleLog log(LogLevel::Info, pipe.ends[1]);
    // More than the pipe and the queue hold together. That this comes to an end is the point.
    for (std::size_t i = 0; i < 3 * ConsoleLog::kLinesWaitingMax; ++i) {
      log.write(LogLevel::Info, "line", {{"number", std::to_string(i)}});
    }
    log.write(LogLevel::Info, "last", {});
    reader = std::thread([&] { text = pipe.read_all(); });
  }
  pipe.close_writing();
  reader.join();
  // How often lines were lost depends on how the two threads ran; what was lost and said does not.
  const std::regex word("warn event=log_lines_lost count=(\\d+)");
  std::size_t words = 0;
  std::size_t lost = 0;
  for (std::sregex_iterator found(text.begin(), text.end(), word), end; found != end; ++found) {
    ++words;
    lost += std::stoul((*found)[1]);
  }
  CHECK(words > 0);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  CHECK(lines - words + lost == 3 * ConsoleLog::kLinesWaitingMax + 1);
  CHECK(text.substr(text.size() - 11) == "event=last\n");
}

}  // namespace hubward::platform
