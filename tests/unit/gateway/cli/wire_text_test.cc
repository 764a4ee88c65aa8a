#include "gateway/cli/wire_text.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::cli;
using namespace std::chrono_literals;

TEST_CASE("bytes are shown with time, pause, digits and characters, sixteen in a row") {
  const WallTime at{std::chrono::hours(17) + 3min + 22s + 123ms};
  CHECK(bytes_text(at, 1002ms, "S I\r\n") ==
        "17:03:22.123    +1.002 s  53 20 49 0D 0A                                   S I..\n");
  CHECK(bytes_text(at, std::nullopt, std::string(17, '\0')) ==
        "17:03:22.123              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  "
        "................\n"
        "                          00                                               .\n");
  CHECK(bytes_text(at, std::nullopt, "").empty());
}

TEST_CASE("a frame is one line that no device can break out of") {
  CHECK(frame_text("frame", "S I\r\n\x1B[2J") == "frame of 9 bytes: S I\\r\\n\\x1B[2J\n");
  CHECK(frame_text("too long", std::string(300, 'x')).size() < 230);
}
