#include "gateway/device/endpoint_journal.h"

#include <doctest/doctest.h>

#include "tests/support/manual_loop.h"
#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

struct Events final : StatusSink {
  void device(const DeviceStatus&) override {}
  void bad_input(const BadInput&) override {}
  void event(SiteEvent event) override { events.push_back(std::move(event)); }
  std::vector<SiteEvent> events;
};

struct SilentLog final : Log {
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override { ++lines; }
  int lines = 0;
};

}  // namespace

TEST_CASE("an endpoint that stops answering is told once, and its return once") {
  test::ManualClock clock;
  test::ManualLoop loop(clock);
  test::FixedRandom chance(0.5);
  NoBackoffStore backoffs;
  AdmissionDesk desk(loop, {}, chance, backoffs);
  Events status;
  SilentLog log;
  EndpointJournal journal(desk, "dps.example", status, log, clock);
  CHECK(journal.look().empty());

  const auto request = [&] {
    desk.request(DeviceIndex{1}, resilience::kDpsGate, resilience::Turn::New,
                 {.go = [] {}, .share = [](resilience::Symptom, const std::string&) {}});
  };
  request();
  loop.run_for(1s);
  desk.failed(DeviceIndex{1}, resilience::Symptom::DpsUnreachable, "no answer", true);
  request();
  for (int i = 0; i < 3; ++i) {
    const auto seen = journal.look();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].is_dps);
    CHECK(seen[0].host == "dps.example");
    CHECK(seen[0].state == EndpointStatus::State::Silent);
    CHECK(seen[0].waiting == 1);
    CHECK(seen[0].next_look == clock.wall() + 1s);
  }
  CHECK(status.events.size() == 1);
  loop.run_for(1s);
  desk.answered(DeviceIndex{1});
  CHECK(journal.look()[0].state == EndpointStatus::State::Returning);
  CHECK(status.events.size() == 2);
  CHECK(log.lines == 2);
}
