#include "tests/sim/plant/pty.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using hubward::plant::Pty;

TEST_CASE("a reader that closes the line and opens it again between two looks is noticed") {
  const auto link =
      std::filesystem::temp_directory_path() / ("hubward-pty-" + std::to_string(::getpid()));
  Pty pty(link);
  REQUIRE(pty.is_open());
  CHECK_FALSE(pty.has_reader());
  int reader = ::open(link.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(reader >= 0);
  CHECK(pty.has_reader());
  CHECK_FALSE(pty.reader_left());

  ::close(reader);
  reader = ::open(link.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(reader >= 0);
  CHECK(pty.has_reader());
  CHECK(pty.reader_left());
  CHECK_FALSE(pty.reader_left());

  ::close(reader);
  pty.forget_reader();  // opens and closes the line itself, which is nobody's leaving
  CHECK_FALSE(pty.reader_left());
}
