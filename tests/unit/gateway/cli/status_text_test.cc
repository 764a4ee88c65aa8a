#include "gateway/cli/status_text.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::cli;
using namespace std::chrono_literals;

TEST_CASE("the status is a sentence, a line for each device, and what to do about silent ones") {
  const auto text = status_text(
      R"({"now_ms": 1000000, "site": {"sentence": "1 of 2 devices delivers."}, "devices": [
        {"id": "press-07", "name": "Press 7", "severity": "normal", "state": "Delivering to hub-a",
         "since_ms": 700000, "hub": "hub-a.example", "waiting": 0},
        {"id": "größe-2", "name": "Größe", "severity": "alarm", "state": "Refused", "since_ms": 999000,
         "hub": "", "reason": "The hub refuses it.", "detail": "CONNACK 5",
         "gateway_does": "Asks the provisioning service.", "next_attempt_ms": 1090000,
         "person_does": "Unblock it.", "waiting": 41200}]})",
      Paint(false));
  REQUIRE(text);
  CHECK(*text ==
        "1 of 2 devices delivers.\n"
        "\n"
        "DEVICE   IDENTITY  STATE                SINCE  HUB            WAITING\n"
        "Press 7  press-07  Delivering to hub-a  5 min  hub-a.example        0\n"
        "Größe    größe-2   Refused              1 s    -                41200\n"
        "    why: The hub refuses it. (CONNACK 5)\n"
        "    next: Asks the provisioning service. Next attempt in 1 min 30 s.\n"
        "    you: Unblock it.\n");
}

TEST_CASE("messages that will not arrive by themselves are told under the device") {
  const auto text = status_text(
      R"({"devices": [{"name": "A", "id": "a", "state": "S", "quarantined": 1, "dropped": 12},
                      {"name": "B", "id": "b", "state": "S", "quarantined": 0, "dropped": 0}]})",
      Paint(false));
  REQUIRE(text);
  CHECK(*text ==
        "DEVICE  IDENTITY  STATE  SINCE  HUB  WAITING\n"
        "A       a         S      -      -          -\n"
        "    set aside: 1 message at which the hub closed the connection again and again\n"
        "    dropped: 12 messages, the oldest, because the store was full\n"
        "B       b         S      -      -          -\n");
}

TEST_CASE("each line tells who needs and uses how much of it, and whether that fits") {
  const auto text = status_text(
      R"({"devices": [], "lines": [
        {"place": "/dev/ttyUSB0", "needed_percent": 118.2, "used_percent": 99, "fits": false,
         "late_polls": 12, "devices": [
           {"id": "meter-1", "needed_percent": 100.04, "used_percent": 61.5, "turnaround_us": 12340},
           {"id": "meter-2", "needed_percent": 18.2, "used_percent": 0}]},
        {"place": "10.0.0.5:502", "needed_percent": 1, "used_percent": 1.1, "fits": true},
        5]})",
      Paint(false));
  REQUIRE(text);
  CHECK(
      *text ==
      "DEVICE  IDENTITY  STATE  SINCE  HUB  WAITING\n"
      "\n"
      "/dev/ttyUSB0: needs 118.2 %, cannot fit; uses 99.0 %; 12 polls left out, the line was busy\n"
      "    meter-1                   needs 100.0 %  uses 61.5 %   answers after 12.3 ms\n"
      "    meter-2                   needs 18.2 %   uses 0.0 %    has not answered\n"
      "\n"
      "10.0.0.5:502: needs 1.0 %; uses 1.1 %\n"
      "\n"
      ": needs 0.0 %; uses 0.0 %\n");
}

TEST_CASE("whatever a gateway leaves out is a dash, and nothing breaks") {
  const char* const documents[] = {
      R"({"devices": [{}]})",
      R"({"devices": [1, null, "x", []]})",
      R"({"site": 5, "now_ms": "x", "devices": [{"since_ms": 5, "waiting": "many"}]})",
      R"({"devices": [{"id": 7, "since_ms": 1e300}], "now_ms": 1})",
      R"({"devices": [{"since_ms": -9223372036854775807}], "now_ms": 9223372036854775807})",
  };
  for (const std::string document : documents) {
    CAPTURE(document);
    const auto text = status_text(document, Paint(false));
    REQUIRE(text);
    CHECK(text->find("-") != std::string::npos);
  }
  CHECK_FALSE(status_text("", Paint(false)));
  CHECK_FALSE(status_text("[]", Paint(false)));
  CHECK_FALSE(status_text(R"({"devices": {}})", Paint(false)));
}

TEST_CASE("foreign text cannot command the terminal or push the table apart") {
  const std::string name(100, 'x');
  const auto text = status_text(
      R"({"devices": [{"name": ")" + name + R"(", "state": "a\u001b[2Jb\nc"}]})", Paint(false));
  REQUIRE(text);
  CHECK(text->find('\x1b') == std::string::npos);
  CHECK(text->find("a [2Jb c") != std::string::npos);
  CHECK(text->find(std::string(45, 'x')) == std::string::npos);
}

TEST_CASE("durations are told in their two largest units") {
  CHECK(duration_text(-5s) == "0 s");
  CHECK(duration_text(999ms) == "0 s");
  CHECK(duration_text(59s) == "59 s");
  CHECK(duration_text(60s) == "1 min");
  CHECK(duration_text(61s) == "1 min 1 s");
  CHECK(duration_text(3h + 12min + 5s) == "3 h 12 min");
  CHECK(duration_text(24h * 6 + 4h) == "6 d 4 h");
}

TEST_CASE("the status ends with who waits to be approved, since when, and what to say") {
  std::string devices;
  for (int i = 0; i < 12; ++i) {
    devices += (i == 0 ? "" : ",") +
               std::string(R"({"name":"s)" + std::to_string(i) +
                           R"(","rule":"radio","topic":"p/t","messages":2,"first_ms":940000})");
  }
  const auto text = status_text(R"({"now_ms": 1000000, "devices": [], "newcomers": {"waiting": 12,
      "evicted": 3, "devices": [)" + devices +
                                    "]}}",
                                Paint(false));
  REQUIRE(text);
  CHECK(text->find("12 devices wait to be approved; nothing of them is stored:\n"
                   "  s0, by rule radio: 2 messages since 1 min on p/t\n"
                   "    hubward onboard approve s0\n") != std::string::npos);
  CHECK(text->find("  s10,") == std::string::npos);
  CHECK(text->find("and more: hubward onboard list\n") != std::string::npos);
  CHECK(text->find("3 had to make room") != std::string::npos);
}
