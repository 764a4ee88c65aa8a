#include "gateway/control/control_commands.h"

#include "tests/support/memory_marker.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/gateway/control/control_fixture.h"

using namespace hubward;
using namespace hubward::control;
using namespace hubward::control::test;

namespace {

// One newcomer, "s1", and what was said of it.
struct OneNewcomer final : NewcomerDesk {
  [[nodiscard]] NewcomersStatus look() const override {
    NewcomersStatus status{.expected = true, .waiting = {}, .refused = {}};
    status.waiting.push_back({"s1", "radio", "p/s1/t", 3, WallTime{}, WallTime{}, ""});
    return status;
  }
  void approve(const std::string& name, const std::string& id,
               std::function<void(Result<Approved>)> done) override {
    said = "approve " + name + " " + id;
    if (name == "s1") return done(Approved{id.empty() ? name : id, "devices.d/s1.json", ""});
    if (name == "s3") return done(Approved{.waits_again = true});
    done(failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "nobody"));
  }
  Status refuse(const std::string& name) override {
    said = "refuse " + name;
    if (name == "s1") return {};
    return failure(ErrorCode::Malformed, ErrorKind::Permanent, "nobody");
  }
  std::string said;
};

struct Fixture : ControlFixture {
  OneNewcomer desk;
  hubward::test::TemporaryFolder folder;
  outbox::OutboxWriter store{options(), clock};
  std::vector<AsksLine*> lines;
  std::vector<QueuesWrites*> queues;
  MemoryMarker marker;
  ControlCommands commands{ControlParts{board,
                                        roster,
                                        store,
                                        writes,
                                        paths,
                                        {"dps.example", 8883},
                                        loop,
                                        log,
                                        marker,
                                        desk,
                                        lines,
                                        queues}};

  [[nodiscard]] outbox::WriterOptions options() const {
    outbox::WriterOptions made;
    made.store.path = folder.file("outbox.db");
    made.store.epoch_bits = [] { return std::uint64_t{7}; };
    return made;
  }
};

}  // namespace

TEST_CASE("what is not a command is refused with a sentence") {
  Fixture f;
  for (const char* request : {"", "[]", "{", "{}", R"({"command":7})", R"({"command":"reboot"})",
                              R"({"command":"why"})", R"({"command":"drill","device":9})"}) {
    CAPTURE(request);
    Answered answer;
    f.commands.handle(request, answer.taker());
    CHECK_FALSE(answer.text("error").empty());
  }
}

TEST_CASE("status, maintenance and why are answered") {
  Fixture f;
  Answered status;
  f.commands.handle(R"({"command":"status"})", status.taker());
  REQUIRE(status.line);
  CHECK(status.line->find("\"devices\"") != std::string::npos);
  Answered paused;
  f.commands.handle(R"({"command":"maintenance","paused":true})", paused.taker());
  CHECK(paused.line == R"({"paused":true})");
  CHECK(f.writes.paused);
  Answered why;
  f.commands.handle(R"({"command":"why","device":"scale-2"})", why.taker());
  f.loop.run_for(1s);
  CHECK(why.text("device") == "scale-2");
}

TEST_CASE(
    "a write that the tag's own limits refuse is on record; a tag that there is not is none") {
  Fixture f;
  Answered refused;
  f.commands.handle(
      R"({"command":"write","device":"press-07","component":"","tag":"pressure","value":3})",
      refused.taker());
  CHECK(refused.text("code") == "not_writable");
  CHECK(f.log.events == std::vector<std::string>{"command_refused"});
  const auto events = f.board.device_events(DeviceIndex{0});
  REQUIRE(events.size() == 1);
  CHECK(events[0].text.starts_with("pressure by command line was not carried out: "));
  Answered slip;
  f.commands.handle(
      R"({"command":"write","device":"press-07","component":"","tag":"presure","value":3})",
      slip.taker());
  CHECK_FALSE(slip.text("error").empty());
  CHECK(f.log.events.size() == 1);
}

TEST_CASE("newcomers are listed, approved and refused, and a no is a sentence") {
  struct Row {
    const char* request;
    const char* said;
    const char* member;
    const char* text;
  };
  const Row rows[] = {
      {R"({"command":"onboard","approve":"s1"})", "approve s1 ", "approved", "s1"},
      {R"({"command":"onboard","approve":"s1","id":"p-1"})", "approve s1 p-1", "approved", "p-1"},
      {R"({"command":"onboard","approve":"s2"})", "approve s2 ", "error", "nobody"},
      {R"({"command":"onboard","refuse":"s2"})", "refuse s2", "error", "nobody"},
      {R"({"command":"onboard","refuse":"s1"})", "refuse s1", "error", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    Fixture f;
    Answered answer;
    f.commands.handle(row.request, answer.taker());
    CHECK(f.desk.said == row.said);
    CHECK(answer.text(row.member) == row.text);
  }
  Fixture f;
  Answered again;
  f.commands.handle(R"({"command":"onboard","approve":"s3"})", again.taker());
  CHECK(again.line == R"({"waits_again":true})");
  f.desk.said.clear();
  Answered list;
  f.commands.handle(R"({"command":"onboard"})", list.taker());
  CHECK(list.number("waiting") == 1);
  CHECK(f.desk.said.empty());
}
