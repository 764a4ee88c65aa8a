// hubward read, write and scan: through a gateway that runs, and alone.
#include <doctest/doctest.h>

#include <algorithm>

#include "gateway/cli/perform.h"
#include "proto/base64.h"
#include "proto/json.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::cli;

namespace {

using modbus::Answer;
using modbus::ReadAnswer;
using modbus::Table;

const char* const kGateway =
    R"({"version": 1, "dps": {"id_scope": "0ne1"}, "enrollments": {"plant": {"type": "group"}},
       "state_folder": "state"})";
const char* const kDevice =
    R"({"version": 1, "id": "press", "enrollment": "plant", "key": {"file": "k"},
       "attach": {"modbus_tcp": {"host": "h", "unit_id": 3}},
       "tags": [{"name": "oil", "address": "holding:4", "type": "int16", "scale": 0.1},
                {"name": "target", "address": "holding:10", "type": "uint16", "scale": 0.5,
                 "writable": true, "min": 0, "max": 100},
                {"name": "label", "address": "holding:20", "type": "text", "length": 4,
                 "writable": true}]})";

const char* const kDrive =
    R"({"version": 1, "id": "drive", "enrollment": "plant", "key": {"file": "k"},
       "attach": {"modbus_rtu": {"port": "/dev/ttyX9", "baud": 9600, "parity": "even",
                                 "unit_id": 5}},
       "tags": [{"name": "stop", "address": "coil:1", "type": "bool", "writable": true,
                 "broadcast": true},
                {"name": "speed", "address": "holding:10", "type": "uint16", "writable": true,
                 "min": 0, "max": 100}]})";

const char* const kPump =
    R"({"version": 1, "id": "pump", "enrollment": "plant", "key": {"file": "k"},
       "attach": {"modbus_rtu_tcp": {"host": "converter", "port": 4001, "unit_id": 5}},
       "tags": [{"name": "flow", "address": "holding:4", "type": "uint16"}]})";

// What a unit holds; others are silent.
struct Units {
  std::map<std::uint8_t, std::map<std::uint16_t, std::uint16_t>> holds;
  std::optional<modbus::ExceptionCode> refuses_writes;
  bool loses_write_answers = false;
  unsigned first = 0;  // of each table; outside there is nothing
  unsigned last = 65535;
  std::vector<modbus::Request> asked;

  Result<Answer> serve(const modbus::Ask& ask, bool on_serial_line) {
    if (ask.unit == 0 && on_serial_line) {
      if (modbus::is_read(ask.request)) {
        return failure(ErrorCode::Malformed, ErrorKind::Permanent, "none of them would answer");
      }
      asked.push_back(ask.request);
      return Answer{modbus::SentToAll{}};
    }
    asked.push_back(ask.request);
    const auto unit = holds.find(ask.unit);
    if (unit == holds.end()) {
      return failure(ErrorCode::NoAnswer, ErrorKind::Transient, "no answer");
    }
    if (const auto* read = std::get_if<modbus::ReadRequest>(&ask.request)) {
      if (read->address < first || read->address + read->count - 1U > last) {
        return Answer{modbus::ExceptionAnswer{modbus::ExceptionCode::IllegalDataAddress}};
      }
      ReadAnswer answer;
      for (unsigned i = 0; i < read->count; ++i) {
        answer.values.push_back(unit->second[static_cast<std::uint16_t>(read->address + i)]);
      }
      return Answer{answer};
    }
    if (const auto* write = std::get_if<modbus::WriteRegister>(&ask.request)) {
      if (refuses_writes) return Answer{modbus::ExceptionAnswer{*refuses_writes}};
      unit->second[write->address] = write->value;
      if (loses_write_answers) {
        return failure(ErrorCode::NoAnswer, ErrorKind::Transient, "no answer");
      }
      return Answer{modbus::WriteAnswer{}};
    }
    modbus::Identification identity;
    identity.objects = {{0, "Acme"}, {1, "PC"}};
    return Answer{identity};
  }
};

struct World {
  config::MemoryFiles files;
  config::MemorySecrets secrets;
  Units units;
  bool gateway_runs = false;
  std::string line = "h:502";  // of the gateway
  std::string speed;
  bool has_converter = false;  // on its line
  bool paused = false;
  std::string write_answer = R"({"outcome":"written","verified":false,"detail":""})";
  std::vector<std::string> questions;
  std::vector<std::string> alone_writes;
  int own_connections = 0;
  Surroundings surroundings{files,
                            secrets,
                            [this](const std::string&, const std::string& q) { return ask(q); },
                            [this](const std::string&, const std::string& q) { return ask(q); },
                            {},
                            "1.2.3",
                            false,
                            [this](const modbus::Attachment& to, std::vector<modbus::Ask> asks,
                                   std::chrono::milliseconds, const HeardModbus& heard) {
                              ++own_connections;
                              const bool serial = !std::holds_alternative<TcpEndpoint>(to);
                              std::vector<Result<Answer>> answers;
                              for (std::size_t i = 0; i < asks.size(); ++i) {
                                answers.push_back(units.serve(asks[i], serial));
                                auto next = heard ? heard(asks[i], answers.back()) : std::nullopt;
                                if (next)
                                  asks.insert(asks.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                              *next);
                              }
                              return answers;
                            },
                            [this](const config::SiteSettings&, const std::string& request) {
                              alone_writes.push_back(request);
                              return write_answer;
                            }};

  World() {
    files.files["site/gateway.json"] = kGateway;
    files.files["site/devices.d/press.json"] = kDevice;
    files.files["site/devices.d/drive.json"] = kDrive;
    files.files["site/devices.d/pump.json"] = kPump;
    units.holds[3] = {{4, 655}, {10, 20}};
    units.holds[7] = {};
  }

  // The gateway's side of the control socket.
  Result<std::string> ask(const std::string& question) {
    if (!gateway_runs) {
      return failure(ErrorCode::Unreachable, ErrorKind::Transient, "no gateway runs there");
    }
    questions.push_back(question);
    const auto document = json::parse(question);
    REQUIRE(document);
    if (json::as_string(json::find(*document, "command")) == "write") return write_answer;
    if (json::as_string(json::find(*document, "line")) != line) {
      return std::string(R"({"no_line":true})");
    }
    std::string answers;
    for (const auto& one : json::find(*document, "asks")->GetArray()) {
      const auto pdu = base64_decode(*json::as_string(json::find(one, "request")));
      const modbus::Ask asked{static_cast<std::uint8_t>(*json::as_int(json::find(one, "unit"))),
                              modbus::parse_request(*pdu).value()};
      if (!answers.empty()) answers += ",";
      if (paused && !modbus::is_read(asked.request)) {
        answers += R"({"code":"writes_paused","detail":""})";
        continue;
      }
      const auto answer = units.serve(asked, has_converter || line.starts_with('/'));
      if (!answer && answer.error().code == ErrorCode::Malformed) {
        answers += R"({"code":"malformed","detail":"none of them would answer"})";
        continue;
      }
      answers += answer ? R"({"answer":")" +
                              base64_encode(modbus::encode_answer(asked.request, *answer)) + "\"}"
                        : R"({"code":"no_answer","detail":"no answer"})";
    }
    return R"({"line":")" + line + R"(","speed":")" + speed + R"(","answers":[)" + answers + "]}";
  }
};

ModbusTarget at_device() {
  ModbusTarget at;
  at.device = "press";
  at.folder = "site";
  return at;
}
ModbusTarget at_tcp(const std::string& tcp, std::uint8_t unit) {
  ModbusTarget at;
  at.tcp = tcp;
  at.unit = unit;
  at.folder = "site";
  return at;
}
ModbusTarget at_all(const std::string& port) {
  ModbusTarget at;
  at.rtu = port;
  at.unit = 0;
  at.folder = "site";
  return at;
}
ReadOnce read(const std::string& address, const ModbusTarget& at) {
  ReadOnce command;
  command.address = address;
  command.at = at;
  return command;
}
WriteOnce write(const std::string& address, const std::string& value, const ModbusTarget& at,
                bool unlisted = false) {
  WriteOnce command;
  command.address = address;
  command.value = value;
  command.unlisted = unlisted;
  command.at = at;
  return command;
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a read prints the same through the gateway and alone, and says which way it went") {
  World world;
  const auto alone = perform(read("holding:4", at_device()), world.surroundings);
  CHECK(alone.status == kExitFine);
  CHECK(world.own_connections == 1);
  CHECK(has(alone.err, "over a connection of its own to h:502 (no gateway runs there)"));
  world.gateway_runs = true;
  const auto through = perform(read("holding:4", at_device()), world.surroundings);
  CHECK(through.out == alone.out);
  CHECK(has(through.err, "through the running gateway, on its line h:502"));
  CHECK(world.own_connections == 1);
}

TEST_CASE("a read takes the type from the tag that stands there, unless it is told another") {
  World world;
  CHECK(perform(read("oil", at_device()), world.surroundings).out == "oil (holding:4)  65.5\n");
  CHECK(perform(read("manual:40005", at_device()), world.surroundings).out ==
        "oil (holding:4)  65.5\n");
  CHECK(perform(read("holding:4", at_tcp("tcp://h", 3)), world.surroundings).out ==
        "oil (holding:4)  65.5\n");
  auto typed = read("holding:4", at_device());
  typed.type = "uint16";
  CHECK(perform(typed, world.surroundings).out == "holding:4  655\n");
  CHECK(perform(read("holding:4", at_tcp("elsewhere", 3)), world.surroundings).out ==
        "holding:4  655\n");
  const auto unknown = perform(read("nothing", at_device()), world.surroundings);
  CHECK(unknown.status == kExitMisuse);
  CHECK(has(unknown.err, "the name of no tag"));
}

TEST_CASE("a value that a tag stands for has the tag's name and unit") {
  World world;
  world.files.files["site/devices.d/oven.json"] =
      R"({"version": 1, "id": "oven", "enrollment": "plant", "key": {"file": "k"},
          "attach": {"modbus_tcp": {"host": "o", "unit_id": 3}},
          "tags": [{"name": "heat", "address": "holding:4", "type": "int16", "unit": "K"}]})";
  auto at = at_device();
  at.device = "oven";
  CHECK(perform(read("heat", at), world.surroundings).out == "heat (holding:4)  655 K\n");
}

TEST_CASE("a place may be a port's path from here, or a converter that passes RTU frames on") {
  World world;
  std::optional<modbus::Attachment> asked;
  world.surroundings.exchange = [&](const modbus::Attachment& to,
                                    const std::vector<modbus::Ask>& asks, std::chrono::milliseconds,
                                    const HeardModbus&) {
    asked = to;
    return std::vector<Result<Answer>>(
        asks.size(), failure(ErrorCode::NoAnswer, ErrorKind::Transient, "no answer"));
  };
  ModbusTarget at = at_all("plant/meter.tty");
  at.unit = 7;
  const auto silent = perform(read("holding:1", at), world.surroundings);
  const auto* port = std::get_if<SerialSettings>(&*asked);
  REQUIRE(port != nullptr);
  CHECK(port->path.starts_with('/'));
  CHECK(port->path.ends_with("/plant/meter.tty"));
  CHECK(has(silent.err, "hubward: Device does not answer. Is the device on, "));
  CHECK(has(silent.err, "hubward: tried over a connection of its own"));
  at.rtu = "converter.plant:4001";
  const auto passed_on = perform(read("holding:1", at), world.surroundings);
  const auto* converter = std::get_if<modbus::RtuOverTcp>(&*asked);
  REQUIRE(converter != nullptr);
  CHECK(converter->endpoint == TcpEndpoint{"converter.plant", 4001});
  CHECK(has(passed_on.err, "is asked with --tcp"));
  CHECK(has(perform(read("holding:1", at_tcp("h", 9)), world.surroundings).err,
            "is asked with --rtu HOST:PORT"));
  Scan scan;
  scan.folder = "site";
  scan.units = "1-2";
  scan.where = "plant/meter.tty";
  CHECK(has(perform(scan, world.surroundings).err, "/plant/meter.tty"));
  scan.where = "rtu://converter.plant:4001";
  CHECK(perform(scan, world.surroundings).status == kExitProblems);
  CHECK(std::holds_alternative<modbus::RtuOverTcp>(*asked));
  scan.units = "0-2";  // 0 is everybody there as well
  CHECK(perform(scan, world.surroundings).status == kExitMisuse);
  scan.where = "10.0.0.5";
  CHECK(has(perform(scan, world.surroundings).err, "write tcp://10.0.0.5 for Modbus TCP"));
}

TEST_CASE("what cannot be asked is told with what would be right") {
  World world;
  auto command = read("holding:1", at_device());
  command.type = "float";
  CHECK(has(perform(command, world.surroundings).err, "there are bool, int8, "));
  CHECK(has(perform(read("holding:0x10", at_device()), world.surroundings).err,
            "written in decimal, holding:16 for 0x10"));
  world.files.files["site/devices.d/scale.json"] = R"json(
      {"version": 1, "id": "scale", "enrollment": "plant", "key": {"file": "k"},
       "attach": {"serial": {"port": "/dev/ttyS1", "baud": 9600, "pattern": "(?<weight>[0-9]+)kg"}},
       "tags": [{"name": "weight"}]})json";
  auto at = at_device();
  at.device = "scale";
  const auto scale = perform(read("weight", at), world.surroundings);
  CHECK(has(scale.err, "scale is no Modbus device"));
  CHECK(has(perform(Plan{"scale", "site"}, world.surroundings).err, "scale is no Modbus device"));
  CHECK(
      has(perform(Plan{"scales", "site"}, world.surroundings).err, "no device with the id scales"));
}

TEST_CASE("the lens works through the gateway as well") {
  World world;
  auto command = read("holding:4", at_device());
  command.as_all = true;
  const auto alone = perform(command, world.surroundings);
  world.gateway_runs = true;
  const auto through = perform(command, world.surroundings);
  CHECK(has(through.out, "0x028F"));
  CHECK(through.out == alone.out);
}

TEST_CASE("the lens shows one register to both sides wherever the device's table ends") {
  World world;
  world.units.holds[3] = {{61, 0x11}, {62, 0x22}, {63, 0x33}};
  world.units.first = 60;
  world.units.last = 63;
  const auto raw_line = [&](const std::string& address) {
    auto command = read(address, at_device());
    command.as_all = true;
    const std::string out = perform(command, world.surroundings).out;
    const auto begin = out.find("raw");
    std::string line = out.substr(begin, out.find('\n', begin) - begin);
    std::erase(line, ' ');
    return line;
  };
  for (const bool gateway_runs : {false, true}) {
    CAPTURE(gateway_runs);
    world.gateway_runs = gateway_runs;
    CHECK(raw_line("holding:60") == "raw-0x00000x0011");
    CHECK(raw_line("holding:61") == "raw0x00000x00110x0022");
    CHECK(raw_line("holding:62") == "raw0x00110x00220x0033");
    CHECK(raw_line("holding:63") == "raw0x00220x0033-");
  }
  world.gateway_runs = false;
  world.own_connections = 0;
  auto command = read("holding:61", at_device());
  command.as_all = true;
  const std::string out = perform(command, world.surroundings).out;
  CHECK(world.own_connections == 1);
  const auto begin = out.find("uint48");  // 61 to 63
  CHECK_FALSE(has(out.substr(begin, out.find('\n', begin) - begin), "-  "));
  command.address = "holding:64";
  CHECK(has(perform(command, world.surroundings).err, "Device has no such register"));
  world.units.first = 0;
  CHECK(raw_line("holding:0") == "raw-0x00000x0000");
  world.units.last = 65535;
  CHECK(raw_line("holding:65535") == "raw0x00000x0000-");
}

TEST_CASE("a line that the gateway does not use is opened for the command") {
  World world;
  world.gateway_runs = true;
  const auto outcome = perform(read("holding:0", at_tcp("other:1502", 3)), world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(world.own_connections == 1);
  CHECK(has(outcome.err, "the running gateway has no such line"));
}

TEST_CASE("beside a gateway that does not answer no connection is opened") {
  World world;
  world.surroundings.ask = [](const std::string&, const std::string&) -> Result<std::string> {
    return failure(ErrorCode::NoAnswer, ErrorKind::Transient, "the gateway did not answer in time");
  };
  const auto outcome = perform(read("holding:0", at_device()), world.surroundings);
  CHECK(outcome.status == kExitProblems);
  CHECK(world.own_connections == 0);
}

TEST_CASE("a port that the gateway uses for another kind of device is left alone, in words") {
  World world;
  world.files.files["site/devices.d/scale.json"] =
      R"json({"version": 1, "id": "scale", "enrollment": "plant", "key": {"file": "k"},
          "attach": {"serial": {"port": "/dev/ttyUSB7", "baud": 9600, "pattern": "(?<w>[0-9]+)"}},
          "tags": [{"name": "w"}]})json";
  world.gateway_runs = true;
  ModbusTarget at;
  at.rtu = "/dev/ttyUSB7";
  at.folder = "site";
  const auto outcome = perform(read("holding:0", at), world.surroundings);
  CHECK(outcome.status == kExitProblems);
  CHECK(has(outcome.err, "uses /dev/ttyUSB7 for scale"));
  CHECK(world.own_connections == 0);
}

TEST_CASE("a write to a tag goes to the gateway with the tag's name, or is done alone") {
  World world;
  world.write_answer = R"({"outcome":"written","verified":true,"detail":"read back","holds":50})";
  for (const char* address : {"target", "holding:10", "manual:40011"}) {
    CAPTURE(address);
    const auto alone = perform(write(address, "50", at_device()), world.surroundings);
    CHECK(alone.status == kExitFine);
    CHECK(alone.out == "Written and verified; it holds 50.\n");
    CHECK(world.alone_writes.back() ==
          R"({"command":"write","device":"press","component":"","tag":"target","value":50})");
  }
  world.gateway_runs = true;
  const auto through = perform(write("target", "50", at_device()), world.surroundings);
  CHECK(through.out == "Written and verified; it holds 50.\n");
  CHECK(world.questions.back() == world.alone_writes.back());
  CHECK(world.alone_writes.size() == 3);
  (void)perform(write("label", "12", at_device()), world.surroundings);
  CHECK(has(world.questions.back(), R"("value":"12")"));
}

TEST_CASE("what a write brought is said as it is") {
  struct Row {
    const char* why;
    const char* answer;
    int status;
    const char* says;
  };
  const Row rows[] = {
      {"confirmed only", R"({"outcome":"written","verified":false,"detail":""})", kExitFine,
       "Written, not read back."},
      {"read-back failed",
       R"({"outcome":"written","verified":false,"detail":"it could not be read back"})", kExitFine,
       "Written, not read back (it could not be read back)."},
      {"an exception",
       R"({"outcome":"refused","code":"write_refused","detail":"exception 2, illegal data address"})",
       kExitProblems, "exception 2, illegal data address"},
      {"out of range", R"({"outcome":"refused","code":"out_of_range","detail":"at most 100"})",
       kExitProblems, "refused: Value out of range (at most 100)"},
      {"the broker's rules",
       R"({"outcome":"refused","code":"broker_refused","detail":"not allowed; topic a/b"})",
       kExitProblems,
       "refused: Broker refused the write (not allowed; topic a/b). Check the broker's rules"},
      {"maintenance", R"({"outcome":"refused","code":"writes_paused","detail":""})", kExitProblems,
       "maintenance is on"},
      {"too late",
       R"({"outcome":"expired","code":"command_expired","detail":"x is not connected; not written"})",
       kExitProblems, "not written: x is not connected\n"},
      {"unknown",
       R"({"outcome":"unknown","code":"write_outcome_unknown","detail":"no answer","holds":7})",
       kExitProblems, "it is not known whether it was written: no answer; it holds 7"},
      {"nonsense", "hello", kExitProblems, "it is not known whether it was written"},
      {"an error", R"({"error":"there is no device"})", kExitProblems,
       "not written: there is no device"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    World world;
    world.gateway_runs = true;
    world.write_answer = row.answer;
    const auto outcome = perform(write("target", "50", at_device()), world.surroundings);
    CHECK(outcome.status == row.status);
    CHECK(has(outcome.out + outcome.err, row.says));
  }
}

TEST_CASE("what no writable tag covers is written only when that is meant") {
  World world;
  for (const bool runs : {false, true}) {
    CAPTURE(runs);
    world.gateway_runs = runs;
    world.units.asked.clear();
    const auto slip = perform(write("holding:30", "5", at_device()), world.surroundings);
    CHECK(slip.status == kExitMisuse);
    CHECK(has(slip.err, "--unlisted"));
    CHECK(perform(write("holding:30", "5", at_tcp("far", 1)), world.surroundings).status ==
          kExitMisuse);
    CHECK(world.units.asked.empty());
    const auto meant = perform(write("holding:30", "5", at_device(), true), world.surroundings);
    CHECK(meant.status == kExitFine);
    CHECK(meant.out == "Written and verified; holding:30 holds 5.\n");
    CHECK(world.units.asked.size() == 3);
  }
}

TEST_CASE("where the configuration has errors nobody knows what is listed, unless a gateway runs") {
  World world;
  const auto unlisted = write("holding:10", "5", at_tcp("h", 3), true);
  world.files.files["site/devices.d/press.json"] = "{";
  SUBCASE("no gateway runs") {
    const auto refused = perform(unlisted, world.surroundings);
    CHECK(refused.status == kExitMisuse);
    CHECK(has(refused.err, "the configuration in site has problems"));
    CHECK(has(refused.err, "--without-config"));
    CHECK(world.units.asked.empty());
    auto meant = unlisted;
    meant.without_config = true;
    CHECK(perform(meant, world.surroundings).status == kExitFine);
  }
  SUBCASE("gateway.json itself is at fault") {
    world.files.files["site/gateway.json"] = "{";
    CHECK(perform(unlisted, world.surroundings).status == kExitMisuse);
    CHECK(world.units.asked.empty());
  }
  SUBCASE("nobody may look into the folder") {
    world.files.files.clear();
    world.files.locked_folder = "site";
    CHECK(perform(unlisted, world.surroundings).status == kExitMisuse);
    CHECK(world.units.asked.empty());
  }
  SUBCASE("there is no configuration at all") {
    world.files.files.clear();
    CHECK(perform(unlisted, world.surroundings).status == kExitFine);
  }
  SUBCASE("a gateway runs, and knows its tags") {
    world.gateway_runs = true;
    CHECK(perform(unlisted, world.surroundings).status == kExitFine);
    CHECK(world.own_connections == 0);
  }
}

TEST_CASE("an unlisted write that was refused, or of which nothing is known, is said to be so") {
  World world;
  world.gateway_runs = true;
  world.units.refuses_writes = modbus::ExceptionCode::IllegalDataValue;
  const auto refused = perform(write("holding:30", "5", at_device(), true), world.surroundings);
  CHECK(refused.status == kExitProblems);
  CHECK(has(refused.err, "refused: exception 3, illegal data value; holding:30 holds 0"));
  world.units.refuses_writes.reset();
  world.units.loses_write_answers = true;
  const auto unknown = perform(write("holding:30", "5", at_device(), true), world.surroundings);
  CHECK(unknown.status == kExitProblems);
  CHECK(has(unknown.err, "not known whether it was written"));
  CHECK(has(unknown.err, "holding:30 holds 5"));
}

TEST_CASE("a write that names one unit does not go to all, whatever the tag there says") {
  World world;
  auto at = at_all("/dev/ttyX9");
  at.unit = 5;
  const auto outcome = perform(write("coil:1", "true", at), world.surroundings);
  CHECK(outcome.status == kExitMisuse);
  CHECK(has(outcome.err,
            "coil:1 is the tag stop of drive, which goes to all units of the line and "
            "not to unit 5 alone"));
  CHECK(world.alone_writes.empty());
}

TEST_CASE("a write to all units of a line is sent, and never said to be written") {
  const std::string sent = "Sent to all units of the line; nobody confirms it.\n";
  for (const bool runs : {false, true}) {
    CAPTURE(runs);
    World world;
    world.gateway_runs = runs;
    world.line = "/dev/ttyX9";
    world.write_answer = R"({"outcome":"sent","detail":"to all units of /dev/ttyX9"})";
    const auto everybody = at_all("/dev/ttyX9");
    // The tag that says so, by its address or by its name.
    CHECK(perform(write("coil:1", "true", everybody), world.surroundings).out == sent);
    ModbusTarget drive;
    drive.device = "drive";
    drive.folder = "site";
    CHECK(perform(write("stop", "true", drive), world.surroundings).out == sent);
    // Not past the limits of anybody's tag, and what nobody listed only when that is meant.
    const auto limited = perform(write("holding:10", "5", everybody, true), world.surroundings);
    CHECK(limited.status == kExitMisuse);
    CHECK(has(limited.err, "the writable tag speed of drive, whose limits hold"));
    CHECK(has(perform(write("holding:99", "5", everybody), world.surroundings).err, "--unlisted"));
    CHECK(world.units.asked.empty());
    CHECK(perform(write("holding:99", "5", everybody, true), world.surroundings).out == sent);
    CHECK(world.units.asked == std::vector{modbus::Request{modbus::WriteRegister{99, 5}}});
    CHECK(has(perform(read("holding:99", everybody), world.surroundings).err,
              "none of them would answer"));
    CHECK(world.units.asked.size() == 1);
  }
}

TEST_CASE("a write to all units behind a converter is sent, and never said to be written") {
  const std::string sent = "Sent to all units of the line; nobody confirms it.\n";
  const auto everybody = at_tcp("converter:4001", 0);
  for (const bool runs : {false, true}) {
    CAPTURE(runs);
    World world;
    world.gateway_runs = runs;
    world.line = "converter:4001";
    world.has_converter = true;
    const auto outcome = perform(write("holding:99", "5", everybody, true), world.surroundings);
    CHECK(outcome.out == sent);
    CHECK(outcome.status == kExitFine);
    CHECK(world.units.asked == std::vector{modbus::Request{modbus::WriteRegister{99, 5}}});
    CHECK(has(perform(read("holding:4", everybody), world.surroundings).err,
              "none of them would answer"));
  }
  // The gateway knows its converter also where the files no longer say so.
  World world;
  world.gateway_runs = world.has_converter = true;
  world.line = "converter:4001";
  world.files.files.erase("site/devices.d/pump.json");
  const auto outcome = perform(write("holding:99", "5", everybody, true), world.surroundings);
  CHECK(outcome.out == sent);
  CHECK(outcome.status == kExitFine);
}

TEST_CASE("over Modbus TCP unit 0 is one unit, which is read back as any other") {
  World world;
  world.units.holds[7] = {};
  world.units.holds[0] = {};
  const auto outcome =
      perform(write("holding:30", "5", at_tcp("far", 7), true), world.surroundings);
  CHECK(outcome.out == "Written and verified; holding:30 holds 5.\n");
  CHECK(perform(write("holding:30", "5", at_tcp("far", 0), true), world.surroundings).out ==
        outcome.out);
  CHECK(world.units.asked.size() == 6);  // each read before and after
}

TEST_CASE("during maintenance nothing is written, whether a gateway runs or not") {
  World world;
  world.files.files["site/state/maintenance"] = "";
  for (const auto& command :
       {write("target", "50", at_device()), write("holding:30", "5", at_device(), true)}) {
    const auto alone = perform(command, world.surroundings);
    CHECK(alone.status == kExitProblems);
    CHECK(has(alone.err, "maintenance is on"));
  }
  CHECK(world.alone_writes.empty());
  CHECK(world.own_connections == 0);
  world.gateway_runs = world.paused = true;
  const auto through = perform(write("holding:30", "5", at_device(), true), world.surroundings);
  CHECK(through.status == kExitProblems);
  CHECK(has(through.err, "not written: maintenance is on"));
}

TEST_CASE(
    "a scan finds the same units both ways, and on the gateway's serial line at its own speed") {
  World world;
  Scan scan;
  scan.where = "tcp://h";
  scan.folder = "site";
  scan.units = "1-40";
  const auto alone = perform(scan, world.surroundings);
  CHECK(alone.out == "unit 3: Acme PC\nunit 7: Acme PC\n");
  world.gateway_runs = true;
  CHECK(perform(scan, world.surroundings).out == alone.out);
  CHECK(world.own_connections == 1);  // of the first scan
  world.line = "/dev/ttyUSB0";
  world.speed = "9600 baud, parity none";
  scan.where = "/dev/ttyUSB0";
  const auto serial = perform(scan, world.surroundings);
  CHECK(serial.out ==
        "unit 3 at 9600 baud, parity none: Acme PC\nunit 7 at 9600 baud, parity none: Acme PC\n");
  CHECK(has(serial.err, "while the gateway is stopped"));
  scan.units = "0-3";
  CHECK(perform(scan, world.surroundings).status == kExitMisuse);
}

TEST_CASE("a unit that was found is given a second to say what it is, however short the time-out") {
  World world;
  world.gateway_runs = true;
  Scan scan;
  scan.where = "tcp://h:502";
  scan.units = "3";
  scan.timeout_ms = 200;
  scan.folder = "site";
  CHECK(has(perform(scan, world.surroundings).out, "unit 3: Acme PC"));
  REQUIRE(world.questions.size() == 3);
  CHECK(has(world.questions[1], R"("answer_ms":200)"));
  CHECK(has(world.questions[2], R"("answer_ms":1000)"));
}

TEST_CASE("a scan that did not get through says what it found, and that this is not all") {
  World world;
  world.surroundings.exchange = [](const modbus::Attachment&, const std::vector<modbus::Ask>& asks,
                                   std::chrono::milliseconds, const HeardModbus& heard) {
    std::vector<Result<Answer>> answers(
        asks.size(), failure(ErrorCode::PortLost, ErrorKind::Transient, "unplugged"));
    answers[0] = Answer{ReadAnswer{{0}}};
    CHECK(heard(asks[0], answers[0]));  // and then the line is lost
    return answers;
  };
  Scan scan;
  scan.where = "tcp://h";
  scan.folder = "site";
  scan.units = "1-3";
  const auto outcome = perform(scan, world.surroundings);
  CHECK(outcome.status == kExitProblems);
  CHECK(has(outcome.out, "unit 1: answers"));
  CHECK(has(outcome.err, "not all units were asked"));
}

TEST_CASE("a scan puts out each unit as it answers, so that who ends it has what was found") {
  for (const bool gateway_runs : {false, true}) {
    CAPTURE(gateway_runs);
    World world;
    world.gateway_runs = gateway_runs;
    world.units.holds[40] = {};
    std::vector<std::string> said;
    world.surroundings.put_out = [&](const std::string& text) {
      if (!text.empty()) said.push_back(text);
    };
    world.surroundings.tell_progress = [&](const std::string& line) { said.push_back(line); };
    Scan scan;
    scan.where = "tcp://h";
    scan.folder = "site";
    scan.units = "1-40";
    const auto outcome = perform(scan, world.surroundings);
    CHECK(outcome.out.empty());
    CHECK(outcome.status == kExitFine);
    const auto place_of = [&](const std::string& text) {
      return std::ranges::find(said, text) - said.begin();
    };
    CHECK(place_of("unit 3: Acme PC\n") < place_of("asked 20 of 40"));
    CHECK(place_of("unit 7: Acme PC\n") < place_of("asked 20 of 40"));
    CHECK(place_of("asked 40 of 40") < place_of("unit 40: Acme PC\n"));
    CHECK(said.size() == 43);
  }
}

TEST_CASE("a scan that found nobody and heard something else says so") {
  World world;
  world.surroundings.exchange = [](const modbus::Attachment&, const std::vector<modbus::Ask>& asks,
                                   std::chrono::milliseconds, const HeardModbus&) {
    return std::vector<Result<Answer>>(asks.size(), failure(ErrorCode::BadFrame, ErrorKind::Corrupt,
                                                            "what answers is not Modbus TCP"));
  };
  Scan scan;
  scan.where = "tcp://h";
  scan.folder = "site";
  scan.units = "1-3";
  const auto outcome = perform(scan, world.surroundings);
  CHECK(outcome.status == kExitProblems);
  CHECK(outcome.out == "No unit answers.\n");
  CHECK(has(outcome.err, "what answers is not Modbus TCP"));
}

TEST_CASE("where a gateway may run that cannot be asked, nobody opens a connection of his own") {
  World world;
  world.surroundings.ask = [](const std::string&, const std::string&) -> Result<std::string> {
    return failure(ErrorCode::PortUnavailable, ErrorKind::Transient, "Permission denied");
  };
  world.surroundings.ask_patiently = world.surroundings.ask;
  const auto read_it = perform(read("holding:4", at_device()), world.surroundings);
  CHECK(has(read_it.err, "Permission denied"));
  const auto named = perform(write("target", "12", at_device()), world.surroundings);
  CHECK(has(named.err, "not written: Permission denied"));
  CHECK(world.own_connections == 0);
  CHECK(world.alone_writes.empty());
}

TEST_CASE("who may not see whether maintenance is on writes nothing alone") {
  World world;
  world.files.locked_folder = "site/state";
  CHECK(has(perform(write("target", "12", at_device()), world.surroundings).err,
            "nothing is written"));
  CHECK(has(perform(write("holding:30", "5", at_tcp("h", 3), true), world.surroundings).err,
            "nothing is written"));
  CHECK(world.own_connections == 0);
  CHECK(world.alone_writes.empty());
}

TEST_CASE("a writable tag is protected whatever case its host is written in") {
  World world;
  const auto outcome = perform(write("holding:10", "5", at_tcp("H", 3), true), world.surroundings);
  CHECK(outcome.status == kExitMisuse);
  CHECK(has(outcome.err, "belongs to the writable tag target"));
}

TEST_CASE("a gateway that stops answering in the middle of a scan is not taken for silent units") {
  World world;
  world.gateway_runs = true;
  for (const bool garbled : {false, true}) {
    CAPTURE(garbled);
    world.surroundings.ask_patiently = [garbled](const std::string&,
                                                 const std::string&) -> Result<std::string> {
      if (garbled) return std::string("{}");
      return failure(ErrorCode::NoAnswer, ErrorKind::Transient,
                     "the gateway did not answer in time");
    };
    Scan command;
    command.where = "tcp://h";
    command.units = "1-3";
    command.folder = "site";
    const auto outcome = perform(command, world.surroundings);
    CHECK(outcome.status == kExitProblems);
    CHECK_FALSE(has(outcome.out, "No unit answers"));
    CHECK(has(outcome.err, "not all units were asked"));
    // It may have been written all the same.
    CHECK(has(perform(write("holding:30", "5", at_device(), true), world.surroundings).err,
              "it is not known whether it was written"));
  }
}
