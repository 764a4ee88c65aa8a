#include "gateway/device/restamp.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNow{1767600000000ms};  // 2026-01-05T08:00:00Z
constexpr SteadyTime kSteady{1h + 125ms};  // since the machine's start

// Made `ago` before now by a clock that showed 1970.
OutboxMessage made_in_1970(std::chrono::milliseconds ago) {
  OutboxMessage message;
  message.created = WallTime{20min};
  message.since_boot = kSteady.time_since_epoch() - ago;
  message.boot_id = 7;
  message.clock_trusted = false;
  return message;
}

}  // namespace

TEST_CASE("a message made by a clock in 1970 gets its true time once the clock is right") {
  const ClockSight sight = sight_of(7, true, kNow, kSteady);
  for (const auto ago : {0ms, 1ms, 10min + 3ms, std::chrono::milliseconds{1h}}) {
    CAPTURE(ago.count());
    const MessageTime time = message_time(made_in_1970(ago), sight, kSteady + 5s);
    CHECK(time.created == kNow - ago);
    CHECK(time.mark == "restamped");
  }
}

TEST_CASE("what cannot be corrected keeps its time and says that it may be wrong") {
  const ClockSight sight = sight_of(7, true, kNow, kSteady);
  struct Row {
    const char* why;
    std::uint64_t message_boot;
    ClockSight sight;
    SteadyTime now;
  };
  const Row rows[] = {
      {"the clock is not believed yet", 7, sight_of(7, false, kNow, kSteady), kSteady},
      {"made before the machine was started again", 6, sight, kSteady},
      {"the kernel names no start", 0, sight_of(0, true, kNow, kSteady), kSteady},
      {"counts more time than this start has lasted", 7, sight, kSteady - 11min},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    OutboxMessage message = made_in_1970(10min);
    message.boot_id = row.message_boot;
    const MessageTime time = message_time(message, row.sight, row.now);
    CHECK(time.created == message.created);
    CHECK(time.mark == "untrusted");
  }
}

TEST_CASE("a time from a believed clock stays as it is, whatever the clock does later") {
  OutboxMessage message = made_in_1970(10min);
  message.created = kNow - 3h;
  message.clock_trusted = true;
  for (const bool trusted : {true, false}) {
    const MessageTime time = message_time(message, sight_of(7, trusted, kNow, kSteady), kSteady);
    CHECK(time.created == message.created);
    CHECK(time.mark.empty());
  }
}

TEST_CASE("a batch that was read just before the clock was set is known by its stamp") {
  ReadingBatch batch;
  batch.at = kNow;
  batch.at_steady = kSteady;
  CHECK(is_stamped_by(batch, kNow + 20ms, kSteady + 20ms));
  CHECK(is_stamped_by(batch, kNow + 20min + 200ms, kSteady + 20min));
  CHECK_FALSE(is_stamped_by(batch, kNow + 1h, kSteady + 20ms));
  CHECK_FALSE(is_stamped_by(batch, kNow - 2s, kSteady + 20ms));
}
