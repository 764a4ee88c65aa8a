#include "gateway/observe/site_sentence.h"

#include <doctest/doctest.h>

#include <functional>

#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

namespace {

void all_deliver(BoardFixture& site) {
  for (std::size_t i = 0; i < site.statuses.size(); ++i) site.deliver(i);
}

void all_out(BoardFixture& site, std::uint64_t waiting) {
  all_deliver(site);
  for (std::size_t i = 0; i < site.statuses.size(); ++i) {
    site.statuses[i].outbox.waiting = waiting;
    site.fail(i, CloudState::BackingOff, ErrorCode::Unreachable, 20s);
  }
}

}  // namespace

TEST_CASE("one sentence says how the plant is") {
  struct Row {
    std::size_t devices;
    std::function<void(BoardFixture&)> happens;
    const char* sentence;
  };
  const Row rows[] = {
      {0, [](BoardFixture&) {},
       "No devices are configured yet. Add a file for each to the folder devices.d."},
      {1, all_deliver, "Press 1 is delivering."},
      {2, all_deliver, "Both devices are delivering."},
      {6, all_deliver, "All 6 devices are delivering."},
      {6, [](BoardFixture&) {}, "Starting: 6 devices are connecting."},
      {1, [](BoardFixture&) {}, "Starting: 1 device is connecting."},
      {3, [](BoardFixture& site) { site.deliver(1); }, "Starting: 1 of 3 devices is delivering."},
      {6,
       [](BoardFixture& site) {
         all_deliver(site);
         site.fail(2, CloudState::WaitingForOperator, ErrorCode::DpsBlocked, 40s);
       },
       "5 of 6 devices are delivering. Press 3: device blocked or not approved; next try in 40 s."},
      {3,
       [](BoardFixture& site) {
         all_deliver(site);
         site.silence(0);
       },
       "2 of 3 devices are delivering. Press 1: device does not answer."},
      {3,
       [](BoardFixture& site) {
         all_deliver(site);
         site.silence(0);
         site.silence(1);
       },
       "1 of 3 devices is delivering. Press 1 and Press 2 need attention."},
      {5,
       [](BoardFixture& site) {
         for (std::size_t i = 0; i < 4; ++i) {
           site.deliver(i);
           site.silence(i);
         }
         site.deliver(4);
       },
       "1 of 5 devices is delivering. Press 1 and 3 others need attention."},
      {1, [](BoardFixture& site) { site.silence(0); },
       "The device is not delivering. Press 1: device does not answer."},
      {2,
       [](BoardFixture& site) {
         site.silence(0);
         site.silence(1);
       },
       "No device is delivering. Press 1 and Press 2 need attention."},
      {3,
       [](BoardFixture& site) {
         all_deliver(site);
         site.fail(1, CloudState::Provisioning, ErrorCode::HubRefused);
       },
       "2 of 3 devices are delivering. Press 2: asking the cloud for its hub."},
      {4,
       [](BoardFixture& site) {
         all_deliver(site);
         site.silence(0);
         site.fail(1, CloudState::BackingOff, ErrorCode::HubBusy, 9s);
         site.fail(2, CloudState::BackingOff, ErrorCode::HubBusy, 9s);
       },
       "1 of 4 devices is delivering. Press 1: device does not answer. There are also warnings for "
       "Press 2 and Press 3."},
      {1,
       [](BoardFixture& site) {
         auto& status = site.deliver(0);
         status.tags[1].last->quality = Quality::Bad;
         status.tags[1].last->code = ErrorCode::NoValue;
         site.publish(0);
       },
       "Press 1: delivering, 1 of 2 values not usable."},
      {3,
       [](BoardFixture& site) {
         all_deliver(site);
         site.fail(0, CloudState::BackingOff, ErrorCode::TlsUntrusted, 9s);
       },
       "2 of 3 devices are delivering. Press 1: server not trusted; next try in 9 s."},
      {2,
       [](BoardFixture& site) {
         all_out(site, 20'600);
         site.clock.step_wall(3h + 12min);
       },
       "The cloud has been out of reach for 3 h 12 min. 41,200 messages are kept; nothing is "
       "lost."},
      {2, [](BoardFixture& site) { all_out(site, 0); },
       "The cloud has been out of reach for 1 s. No message is waiting; nothing is lost."},
      {1,
       [](BoardFixture& site) {
         all_out(site, 900);
         site.statuses[0].outbox.dropped = 1200;
         site.publish(0);
       },
       "The cloud has been out of reach for 1 s. 900 messages are kept, but the store is full: the "
       "oldest 1,200 were dropped."},
      {1,
       [](BoardFixture& site) {
         all_out(site, 900);
         site.statuses[0].outbox.expired = 1200;
         site.statuses[0].outbox.unstored = 7;
         site.publish(0);
       },
       "The cloud has been out of reach for 1 s. 900 messages are kept, but 1,200 were dropped, "
       "because too old. Another 7 could not be stored."},
      {3,
       [](BoardFixture& site) {
         all_out(site, 1);
         site.silence(2);
       },
       "The cloud has been out of reach for 1 s. 3 messages are kept; nothing is lost. Press 3: "
       "device does not answer."},
      {2,
       [](BoardFixture& site) {
         all_deliver(site);
         for (std::size_t i = 0; i < 2; ++i) {
           site.fail(i, CloudState::WaitingForOperator, ErrorCode::DpsUnauthorized);
         }
       },
       "No device is delivering. Press 1 and Press 2 need attention."},
  };
  for (const auto& row : rows) {
    BoardFixture site(row.devices);
    row.happens(site);
    CAPTURE(row.sentence);
    CHECK(site_sentence(site.board) == row.sentence);
  }
}

TEST_CASE("the time out of reach counts from the loss, not from the latest attempt") {
  BoardFixture site(1);
  all_out(site, 5);
  site.clock.step_wall(10min);
  site.fail(0, CloudState::Connecting, ErrorCode::Unreachable);
  site.clock.step_wall(10min);
  site.fail(0, CloudState::BackingOff, ErrorCode::Unreachable, 60s);
  CHECK(site_sentence(site.board) ==
        "The cloud has been out of reach for 20 min. 5 messages are kept; nothing is lost.");
}

TEST_CASE("what a store dropped in an earlier run does not count against this one") {
  BoardFixture site(1);
  site.statuses[0].outbox.dropped = 77;  // known from the first status on
  all_out(site, 5);
  CHECK(site_sentence(site.board) ==
        "The cloud has been out of reach for 1 s. 5 messages are kept; nothing is lost.");
}

TEST_CASE("a wrong clock is part of the sentence, a clock without NTP is not") {
  ClockState clock;
  CHECK(clock_sentence(clock).empty());
  clock.trust = ClockTrust::Synchronised;
  CHECK(clock_sentence(clock).empty());
  clock.trust = ClockTrust::Wrong;
  clock.why = "this computer's clock is 3 h 2 min behind the cloud's";
  CHECK(clock_sentence(clock) ==
        " This computer's clock is 3 h 2 min behind the cloud's; times of readings are marked, and "
        "corrected as soon as the time is known.");
}
