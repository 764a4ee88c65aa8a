#include "gateway/outbox/row_index.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::outbox;
using hubward::test::SeededRandom;
using namespace std::chrono_literals;

namespace {

RowEntry entry(RowId row, Priority priority = Priority::Normal) {
  return RowEntry{{.row = row,
                   .epoch = static_cast<EpochIndex>(row / 1000),
                   .sequence = static_cast<std::uint64_t>(row % 1000) + 1,
                   .priority = priority,
                   .bytes = 100}};
}

}  // namespace

TEST_CASE("an entry keeps what it was made of, at the ends of its ranges too") {
  const WallTime created{std::chrono::seconds{1767600000}};
  for (const std::uint64_t sequence : {std::uint64_t{1}, std::uint64_t{123456789}, kSequenceMax}) {
    const RowEntry one{{.row = (1LL << 47U) - 1,
                        .epoch = kEpochsMax,
                        .sequence = sequence,
                        .priority = Priority::Alarm,
                        .bytes = 1024 * 1024,
                        .created = created,
                        .clock = RowClock::SinceBoot,
                        .since_boot = 100s}};
    CHECK(one.row() == (1LL << 47U) - 1);
    CHECK(one.epoch() == kEpochsMax);
    CHECK(one.sequence() == sequence);
    CHECK(one.priority() == Priority::Alarm);
    CHECK(one.bytes() == 1024 * 1024);
    CHECK(one.created() == created);
    CHECK(one.clock() == RowClock::SinceBoot);
    CHECK_FALSE(one.is_hole());
  }
}

TEST_CASE("a row's age is never told too high, and at most 17 seconds too low") {
  for (const std::int64_t made_ms : {0, 1, 15'999, 16'000, 16'001, 1'000'000, 86'400'000}) {
    CAPTURE(made_ms);
    const RowEntry since_boot{
        {.row = 1, .clock = RowClock::SinceBoot, .since_boot = std::chrono::milliseconds{made_ms}}};
    const RowEntry wall{{.row = 1,
                         .created = WallTime{std::chrono::milliseconds{made_ms}},
                         .clock = RowClock::Wall}};
    for (const std::int64_t true_age_ms : {20'000, 100'500, 3'600'000}) {
      const std::chrono::milliseconds now{made_ms + true_age_ms};
      const ClockReading clock{SteadyTime{now}, WallTime{now}, true};
      for (const RowEntry* one : {&since_boot, &wall}) {
        const std::chrono::milliseconds age = *one->age(clock);
        CHECK(age.count() <= true_age_ms);
        CHECK(age.count() >= true_age_ms - 17'000);
      }
    }
  }
}

TEST_CASE("rows taken out anywhere leave the others as they were") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    RowIndex index;
    std::vector<RowEntry> model;
    RowId next = 1;
    for (int step = 0; step < 6000; ++step) {
      // First it grows, then it shrinks, so that holes are closed up as well.
      const bool grow = random.next() % 100 < (step < 3500 ? 95U : 10U);
      if (grow || model.empty()) {
        next += 1 + static_cast<RowId>(random.next() % 3);
        model.push_back(entry(next, static_cast<Priority>(random.next() % 3)));
        index.add(model.back());
      } else {
        const std::size_t place = random.next() % model.size();
        const RowEntry gone = model[place];
        const auto taken = random.next() % 2 == 0 ? index.remove_row(gone.row())
                                                  : index.remove(gone.epoch(), gone.sequence());
        REQUIRE(taken);
        REQUIRE(taken->row() == gone.row());
        model.erase(model.begin() + static_cast<std::ptrdiff_t>(place));
        REQUIRE_FALSE(index.remove_row(gone.row()));
        REQUIRE_FALSE(index.remove(gone.epoch(), gone.sequence()));
        REQUIRE(index.find(gone.row()) == nullptr);
      }
      REQUIRE(index.size() == model.size());
      REQUIRE(index.bytes() == model.size() * 100);
      if (model.empty()) continue;
      REQUIRE(index.oldest().row() == model.front().row());
      REQUIRE(index.newest().row() == model.back().row());
      if (step % 500 != 0) continue;
      std::vector<RowId> seen;
      for (std::size_t place = 0; place < index.places(); ++place) {
        if (!index.at(place).is_hole()) seen.push_back(index.at(place).row());
      }
      REQUIRE(seen.size() == model.size());
      for (std::size_t i = 0; i < seen.size(); ++i) REQUIRE(seen[i] == model[i].row());
      for (const Priority priority : {Priority::Low, Priority::Normal, Priority::Alarm}) {
        std::vector<RowId> wanted;
        for (const RowEntry& one : model) {
          if (one.priority() == priority) wanted.push_back(one.row());
        }
        REQUIRE(index.size(priority) == wanted.size());
        RowId cursor = 0;
        for (const RowId row : wanted) {
          const RowEntry* one = index.next_of(priority, cursor);
          REQUIRE(one != nullptr);
          REQUIRE(one->row() == row);
          cursor = row;
        }
        REQUIRE(index.next_of(priority, cursor) == nullptr);
      }
    }
  }
}
