#include "gateway/control/control_commands.h"

#include "tests/support/temporary_folder.h"
#include "tests/unit/gateway/control/control_fixture.h"

using namespace hubward;
using namespace hubward::control;
using namespace hubward::control::test;

namespace {

struct Fixture : ControlFixture {
  hubward::test::TemporaryFolder folder;
  outbox::OutboxWriter store{options(), clock};
  ControlCommands commands{ControlParts{board,
                                        roster,
                                        store,
                                        writes,
                                        paths,
                                        {"dps.example", 8883},
                                        loop,
                                        log,
                                        folder.file("maintenance")}};

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
