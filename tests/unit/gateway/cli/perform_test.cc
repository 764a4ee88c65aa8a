#include "gateway/cli/perform.h"

#include <doctest/doctest.h>

#include "proto/json.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::cli;

namespace {

const char* const kGateway =
    R"({"version": 1, "dps": {"id_scope": "0ne1"}, "enrollments": {"plant": {"type": "group"}},
       "state_folder": "state"})";
const char* const kDevice =
    R"({"version": 1, "id": "press", "enrollment": "plant", "key": {"file": "k"},
       "attach": {"modbus_tcp": {"host": "h"}},
       "tags": [{"name": "p", "address": "holding:0", "type": "uint16"}]})";

struct World {
  config::MemoryFiles files;
  config::MemorySecrets secrets;
  std::string asked_socket;
  std::string asked;
  bool asked_patiently = false;
  Result<std::string> answer = std::string(R"({"devices":[]})");
  std::string walked;
  Result<std::string> walk = std::string("{}");
  Surroundings surroundings{files,
                            secrets,
                            [this](const std::string& socket, const std::string& request) {
                              asked_socket = socket;
                              asked = request;
                              asked_patiently = false;
                              return answer;
                            },
                            [this](const std::string& socket, const std::string& request) {
                              asked_socket = socket;
                              asked = request;
                              asked_patiently = true;
                              return answer;
                            },
                            [this](const config::SiteSettings&, const std::string& device) {
                              walked = device;
                              return walk;
                            },
                            "1.2.3",
                            false};

  World() {
    files.files["site/gateway.json"] = kGateway;
    files.files["site/devices.d/press.json"] = kDevice;
  }
  void spoil_device() { files.files["site/devices.d/press.json"] = "{\"version\": 2}"; }
};

}  // namespace

TEST_CASE("check of a good site says what it found, and ends with 0") {
  World world;
  const auto outcome = perform(Check{"site", false}, world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(outcome.out.starts_with("Telemetry messages a day:\n"));
  CHECK(outcome.out.find("86,400") != std::string::npos);
  CHECK(outcome.out.ends_with("\n\nfine: 1 device, 1 tag\n"));
  CHECK(outcome.err.empty());
}

TEST_CASE("check of a bad site prints every problem as file:line:column, and ends with 1") {
  World world;
  world.spoil_device();
  const auto outcome = perform(Check{"site", false}, world.surroundings);
  CHECK(outcome.status == kExitProblems);
  CHECK(outcome.out.starts_with("site/devices.d/press.json:1:1: \"id\" is missing"));
  CHECK(outcome.out.find("press.json:1:13: \"version\" is the number 2; it should be 1\n") !=
        std::string::npos);
  CHECK(outcome.out.ends_with("5 problems in 1 file\n"));
}

TEST_CASE("plan shows a device's requests with measured times, and needs no secret") {
  World world;
  std::string file = kDevice;
  file.replace(file.find("\"k\""), 3, "\"missing\"");
  world.files.files["site/devices.d/press.json"] = file;
  world.answer =
      std::string(R"({"devices":[],"lines":[{"devices":[{"id":"press","turnaround_us":7000}]}]})");
  const auto outcome = perform(Plan{"press", "site"}, world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(outcome.out.find("answers after 7.0 ms (measured)") != std::string::npos);
  CHECK(outcome.out.find("function 3  holding:0") != std::string::npos);
  world.answer = failure(ErrorCode::Unreachable, ErrorKind::Transient, "no gateway");
  CHECK(perform(Plan{"press", "site"}, world.surroundings).out.find("5.0 ms (assumed)") !=
        std::string::npos);
  CHECK(perform(Plan{"other", "site"}, world.surroundings).status == kExitProblems);
  world.spoil_device();
  CHECK(perform(Plan{"press", "site"}, world.surroundings).status == kExitProblems);
}

TEST_CASE("warnings alone do not fail a check") {
  World world;
  world.files.files.erase("site/devices.d/press.json");
  const auto outcome = perform(Check{"site", false}, world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(outcome.out.ends_with("fine: 0 devices, 0 tags, 1 warning\n"));
}

TEST_CASE("maintenance is asked of the running gateway, and its answer is said in words") {
  World world;
  world.answer = std::string(R"({"paused":true})");
  const auto on = perform(Maintenance{Maintenance::Wish::On, "site"}, world.surroundings);
  CHECK(on.status == kExitFine);
  CHECK(on.out == "Maintenance is on: no command reaches the plant.\n");
  CHECK(world.asked == R"({"command":"maintenance","paused":true})");
  world.answer = std::string(R"({"paused":false})");
  CHECK(perform(Maintenance{Maintenance::Wish::Tell, "site"}, world.surroundings).out ==
        "Maintenance is off: commands reach the plant.\n");
  CHECK(world.asked == R"({"command":"maintenance"})");
  world.answer = std::string(R"({"paused":true,"not_remembered":"disk full"})");
  const auto forgotten = perform(Maintenance{Maintenance::Wish::On, "site"}, world.surroundings);
  CHECK(forgotten.status == kExitProblems);
  CHECK(forgotten.out == "Maintenance is on: no command reaches the plant.\n");
  CHECK(forgotten.err.find("disk full") != std::string::npos);
  world.answer = std::string(R"({"error":"cannot remove it"})");
  CHECK(perform(Maintenance{Maintenance::Wish::Off, "site"}, world.surroundings).status ==
        kExitNotReached);
}

TEST_CASE("quarantined messages are printed one a line") {
  World world;
  world.answer = std::string(R"({"messages":[{"id":"e-p-1","body":"{}"},{"id":"e-p-2"}]})");
  const auto outcome = perform(ExportQuarantine{"site"}, world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(outcome.out == "{\"id\":\"e-p-1\",\"body\":\"{}\"}\n{\"id\":\"e-p-2\"}\n");
  world.answer = std::string(R"({"messages":[]})");
  const auto none = perform(ExportQuarantine{"site"}, world.surroundings);
  CHECK(none.out.empty());
  CHECK(none.err == "hubward: no message is set aside\n");
  world.answer = std::string("nonsense");
  CHECK(perform(ExportQuarantine{"site"}, world.surroundings).status == kExitNotReached);
}

TEST_CASE("quarantined messages are removed up to the place that is named") {
  World world;
  world.answer = std::string(R"({"removed_up_to":42})");
  const auto outcome = perform(ExportQuarantine{"site", 42}, world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(world.asked == R"({"command":"quarantine","remove_up_to":42})");
  CHECK(outcome.out == "The messages set aside up to place 42 are removed.\n");
  world.answer = std::string(R"({"error":"disk full"})");
  CHECK(perform(ExportQuarantine{"site", 42}, world.surroundings).status == kExitNotReached);
}

TEST_CASE("check --json is JSON with the same status") {
  World world;
  world.spoil_device();
  const auto outcome = perform(Check{"site", true}, world.surroundings);
  CHECK(outcome.status == kExitProblems);
  const auto document = json::parse(outcome.out);
  REQUIRE(document);
  CHECK(json::as_int(json::find(*document, "errors")) == 5);
  const auto& last = (*json::find(*document, "problems"))[4];
  CHECK(json::as_int(json::find(last, "line")) == 1);
  CHECK(json::as_int(json::find(last, "column")) == 13);
  CHECK(json::as_string(json::find(last, "pointer")) == "/version");
  CHECK(json::as_string(json::find(last, "severity")) == "error");
  CHECK(json::as_string(json::find(last, "rule")) == "value");
}

TEST_CASE("colour is only there when it is wanted") {
  World world;
  world.spoil_device();
  CHECK(perform(Check{"site", false}, world.surroundings).out.find('\x1b') == std::string::npos);
  world.surroundings.colour = true;
  CHECK(perform(Check{"site", false}, world.surroundings).out.find("\x1b[31m") !=
        std::string::npos);
}

TEST_CASE("run with a bad configuration lists the problems and ends with 78") {
  World world;
  world.spoil_device();
  const auto site = config::load_site("site", world.files, world.secrets);
  const auto outcome = refuse_to_run("site", site);
  CHECK(outcome.status == 78);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("press.json:1:13") != std::string::npos);
  CHECK(outcome.err.find("hubward does not start: 5 problems in 1 file") != std::string::npos);
}

TEST_CASE("status asks the gateway whose state folder the configuration names") {
  World world;
  CHECK(perform(ShowStatus{"site", "", false}, world.surroundings).status == kExitFine);
  CHECK(world.asked_socket == "site/state/control.sock");
  CHECK(world.asked == R"({"command":"status"})");
}

TEST_CASE("status finds the gateway even if the configuration has become bad") {
  World world;
  world.spoil_device();
  world.files.files["site/gateway.json"] =
      R"({"version": 7, "colour": 1, "state_folder": "/var/x"})";
  CHECK(perform(ShowStatus{"site", "", false}, world.surroundings).status == kExitFine);
  CHECK(world.asked_socket == "/var/x/control.sock");
}

TEST_CASE("status --state needs no configuration, and --json hands on what the gateway says") {
  World world;
  world.files.files.clear();
  const auto outcome = perform(ShowStatus{"site", "/s", true}, world.surroundings);
  CHECK(outcome.status == kExitFine);
  CHECK(world.asked_socket == "/s/control.sock");
  CHECK(outcome.out == "{\"devices\":[]}\n");
}

TEST_CASE(
    "nothing is broadcast on a serial line unless it is meant, nor sent to what is no unit there") {
  World world;
  int exchanges = 0;
  world.surroundings.exchange = [&](const modbus::Attachment&, const std::vector<modbus::Ask>& asks,
                                    std::chrono::milliseconds, const HeardModbus&) {
    ++exchanges;
    return std::vector<Result<modbus::Answer>>(
        asks.size(), failure(ErrorCode::NoAnswer, ErrorKind::Transient, "no answer"));
  };
  for (const int unit : {0, 248, 255}) {
    CAPTURE(unit);
    WriteOnce write;
    write.at.rtu = "/dev/ttyUSB0";
    write.at.unit = static_cast<std::uint8_t>(unit);
    write.address = "holding:20";
    write.value = "190";
    const Outcome outcome = perform(write, world.surroundings);
    CHECK(outcome.status == kExitMisuse);
    CHECK(outcome.err.find(unit == 0 ? "to all units, and nothing is checked"
                                     : "has an id from 1 to 247") != std::string::npos);
    CHECK(exchanges == 0);
  }
}

TEST_CASE("status ends with 3 when there is nobody to ask") {
  World world;
  SUBCASE("no gateway runs") {
    world.answer = failure(ErrorCode::Unreachable, ErrorKind::Transient, "no gateway runs");
  }
  SUBCASE("the answer is not understood") { world.answer = std::string("hello"); }
  SUBCASE("the answer has no devices") { world.answer = std::string("{}"); }
  SUBCASE("no configuration") { world.files.files.clear(); }
  SUBCASE("the configuration is not JSON") { world.files.files["site/gateway.json"] = "{"; }
  const auto outcome = perform(ShowStatus{"site", "", false}, world.surroundings);
  CHECK(outcome.status == kExitNotReached);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("hubward: "));
}

TEST_CASE("version and schema print what they say") {
  World world;
  CHECK(perform(Version{}, world.surroundings).out == "hubward 1.2.3\n");
  const auto schema = perform(Schema{config::FileKind::Device, false}, world.surroundings);
  CHECK(json::parse(schema.out));
  const auto page = perform(Schema{config::FileKind::Device, true}, world.surroundings);
  CHECK(page.out.starts_with("### `device`"));
}

TEST_CASE("newcomers are shown with the command that lets them in") {
  World world;
  world.files.files["site/gateway.json"] = R"({"state_folder": "/state"})";
  const std::string list =
      R"({"expected":true,"waiting":4,"evicted":0,"devices":[)"
      R"({"name":"s1","rule":"radio","topic":"p/s1/t","messages":1,"sample":"not json","problem":""},)"
      R"({"name":"it's","rule":"radio","topic":"p/x/t","messages":2,"problem":"no id"},)"
      R"({"name":"-x","rule":"radio","topic":"p/-x/t","messages":2,"problem":""},)"
      R"({"name":"s2","rule":"radio","topic":"p/s2/t","messages":2,"problem":"later","approved":true}]})";
  world.answer = list;
  Onboard command;
  command.folder = "site";
  const Outcome shown = perform(command, world.surroundings);
  CHECK(shown.status == kExitFine);
  CHECK(world.asked == R"({"command":"onboard"})");
  CHECK(shown.out ==
        "4 devices wait to be approved; nothing of them is stored:\n"
        "  s1, by rule radio: 1 message on p/s1/t\n"
        "    last: not json\n"
        "    hubward onboard approve s1\n"
        "  it's, by rule radio: 2 messages on p/x/t\n"
        "    no id\n"
        "    hubward onboard approve 'it'\\''s'\n"
        "  -x, by rule radio: 2 messages on p/-x/t\n"
        "    hubward onboard approve -- '-x'\n"
        "  s2, by rule radio: 2 messages on p/s2/t\n"
        "    later\n");
  world.answer = std::string(R"({"expected":true,"waiting":0,"devices":[]})");
  CHECK(perform(command, world.surroundings).out ==
        "No device waits to be approved. A new one does from its first message on, once the broker "
        "lets it in.\n");
  world.answer = std::string(R"({"expected":false,"waiting":0,"devices":[]})");
  CHECK(perform(command, world.surroundings).out.find("no rule") != std::string::npos);
}

TEST_CASE("an approval says what became of it") {
  World world;
  world.files.files["site/gateway.json"] = R"({"state_folder": "/state"})";
  Onboard command;
  command.folder = "site";
  command.wish = Onboard::Wish::Approve;
  command.name = "S_1";
  command.id = "s-1";
  world.answer = std::string(R"({"approved":"s-1","file":"d/s-1.json","why_later":""})");
  const Outcome runs = perform(command, world.surroundings);
  CHECK(world.asked == R"({"command":"onboard","approve":"S_1","id":"s-1"})");
  CHECK(world.asked_patiently);  // it stands in line behind others
  CHECK(runs.out ==
        "The device s-1 is approved; its file is d/s-1.json.\nIt runs. What it says from now on is "
        "stored; `hubward status` shows it.\n");
  world.answer = std::string(R"({"waits_again":true})");
  const Outcome again = perform(command, world.surroundings);
  CHECK(again.status == kExitFine);
  CHECK(again.out.starts_with("S_1 is no longer refused."));
  world.answer = std::string(R"({"approved":"s-1","file":"d/s-1.json","why_later":"a reason"})");
  CHECK(perform(command, world.surroundings).out.find("next start: a reason") != std::string::npos);
  world.answer = std::string(R"({"error":"nobody of that name waits"})");
  const Outcome refused = perform(command, world.surroundings);
  CHECK(refused.status == kExitProblems);
  CHECK(refused.err == "hubward: nobody of that name waits\n");
  command.wish = Onboard::Wish::Refuse;
  command.id.clear();
  world.answer = std::string(R"({"refused":true})");
  CHECK(perform(command, world.surroundings).status == kExitFine);
  CHECK(world.asked == R"({"command":"onboard","refuse":"S_1"})");
}
