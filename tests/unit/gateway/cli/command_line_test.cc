#include "gateway/cli/command_line.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::cli;

namespace {

using Arguments = std::vector<std::string>;

template <class T>
T parsed(const Arguments& arguments) {
  const auto result = parse_command_line(arguments);
  REQUIRE(std::holds_alternative<Command>(result));
  REQUIRE(std::holds_alternative<T>(std::get<Command>(result)));
  return std::get<T>(std::get<Command>(result));
}

}  // namespace

TEST_CASE("each verb becomes its command") {
  CHECK(parsed<Run>({"run"}).folder == "/etc/hubward");
  CHECK(parsed<Run>({"run", "--config", "site"}).folder == "site");
  CHECK(parsed<Run>({"run", "--config=site"}).folder == "site");
  CHECK(parsed<Check>({"check", "--config", "site"}).folder == "site");
  CHECK_FALSE(parsed<Check>({"check"}).json);
  CHECK(parsed<Check>({"check", "--json"}).json);
  CHECK(parsed<Schema>({"schema", "gateway"}).kind == config::FileKind::Gateway);
  CHECK(parsed<Schema>({"schema", "device"}).kind == config::FileKind::Device);
  CHECK(parsed<Schema>({"schema", "device", "--markdown"}).markdown);
  CHECK(parsed<Plan>({"plan", "press-07", "--config", "x"}).device == "press-07");
  CHECK(parsed<ShowStatus>({"status"}).state_folder.empty());
  CHECK(parsed<ShowStatus>({"status", "--state", "/s", "--json"}).state_folder == "/s");
  CHECK(parsed<ShowStatus>({"status", "--config", "site"}).folder == "site");
  parsed<Version>({"version"});
  const auto listen =
      parsed<SerialListen>({"serial", "listen", "/dev/ttyS0", "--baud", "19200", "--parity", "even",
                            "--start", "\\x02", "--end", "\\x03"});
  CHECK(listen.port == "/dev/ttyS0");
  CHECK(listen.line.baud == 19200);
  CHECK(listen.line.parity == Parity::Even);
  CHECK(listen.start == "\\x02");
  CHECK(parsed<SerialListen>({"serial", "listen", "scale:4001", "--gap-ms", "20"}).gap_ms == 20);
  const auto length = parsed<SerialListen>({"serial", "listen", "/dev/ttyS0", "--length",
                                            "offset=1,width=2", "--check", "crc16_modbus"});
  CHECK(length.length == "offset=1,width=2");
  CHECK(length.check == "crc16_modbus");
  CHECK_FALSE(length.stuffed);
  CHECK(parsed<SerialListen>({"serial", "listen", "/dev/ttyS0", "--stuffed"}).stuffed == "");
  CHECK(parsed<SerialListen>({"serial", "listen", "/dev/ttyS0", "--stuffed", "escape_xor=32"})
            .stuffed == "escape_xor=32");
}

TEST_CASE("a wrong line is misuse, and says so on standard error") {
  const Arguments lines[] = {
      {},
      {"rnu"},
      {"run", "--confg", "x"},
      {"run", "--config"},
      {"run", "extra"},
      {"check", "--config", "a", "--config"},
      {"schema"},
      {"schema", "house"},
      {"status", "--config", "a", "--state", "b"},
      {"serial", "listen", "/dev/ttyS0", "--length", "offset=1", "--stuffed"},
      {"serial", "listen", "/dev/ttyS0", "--length", "offset=1", "--start", "a"},
      {"serial", "listen", "/dev/ttyS0", "--stuffed", "--gap-ms", "20"},
      {"run", "check"},
  };
  for (const auto& line : lines) {
    CAPTURE(line.size());
    const std::string first = line.empty() ? "" : line.front();
    CAPTURE(first);
    const auto result = parse_command_line(line);
    REQUIRE(std::holds_alternative<Outcome>(result));
    const auto& outcome = std::get<Outcome>(result);
    CHECK(outcome.status == kExitMisuse);
    CHECK_FALSE(outcome.err.empty());
    CHECK(outcome.out.empty());
  }
}

TEST_CASE("a wrong line is told what would be right") {
  struct Row {
    Arguments line;
    std::string words;
  };
  const Row rows[] = {
      {{"sample"}, "hubward: there is no command \"sample\"; there are run, check, "},
      {{"serial", "look"}, "hubward serial: there is no command \"look\"; there are listen"},
      {{"plan"}, "hubward plan: device is required\nhubward plan --help"},
      {{"check", "site"}, "(a folder is named with --config)"},
      {{"read", "holding:1", "--tcp", "h", "--unit", "300"}, "not in range 0 to 255"},
      {{"scan", "tcp://h", "--bauds", "9600"}, "are for a serial port"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.words);
    const auto result = parse_command_line(row.line);
    REQUIRE(std::holds_alternative<Outcome>(result));
    const std::string err = std::get<Outcome>(result).err;
    CAPTURE(err);
    CHECK(err.find(row.words) != std::string::npos);
  }
}

TEST_CASE("help is no mistake, and names every verb") {
  const auto result = parse_command_line({"--help"});
  REQUIRE(std::holds_alternative<Outcome>(result));
  const auto& outcome = std::get<Outcome>(result);
  CHECK(outcome.status == kExitFine);
  for (const std::string verb : {"run", "check", "schema", "status", "version"}) {
    CAPTURE(verb);
    CHECK(outcome.out.find("\n  " + verb + " ") != std::string::npos);
  }
  CHECK(std::get<Outcome>(parse_command_line({"check", "--help"})).out.find("--json") !=
        std::string::npos);
}
