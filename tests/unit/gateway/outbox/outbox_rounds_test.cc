// What one round answers.
#include "gateway/outbox/outbox_rounds.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/faulty_disk/faulty_disk.h"
#include "tests/support/manual_loop.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::FaultyDisk;
using hubward::test::ManualClock;
using hubward::test::ManualLoop;

namespace {

constexpr DeviceIndex kPress{0};
constexpr DeviceIndex kScale{1};

StoreOptions on(FaultyDisk& disk) {
  StoreOptions options = store_options("outbox.db");
  options.vfs = disk.vfs();
  options.rename = [&disk](const std::string& from, const std::string& to) {
    return disk.rename(from, to);
  };
  return options;
}

void fill(FaultyDisk& disk) {
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(append(store, store.attach("press"), std::string(2000, 'x')));
  }
  REQUIRE(store.close());
}

}  // namespace

TEST_CASE(
    "a fetch does not answer what was appended after it, also if it finds the store damaged") {
  FaultyDisk disk;
  fill(disk);
  ManualClock clock;
  ManualLoop loop(clock);
  OutboxRounds rounds(on(disk), std::chrono::milliseconds{50}, clock);
  std::vector<Request> first;
  first.emplace_back(AttachRequest{kPress, "press", &loop});
  first.emplace_back(AttachRequest{kScale, "scale", &loop});
  (void)rounds.serve(first);
  disk.damage("outbox.db", disk.read("outbox.db").size() / 2, 8 * 4096);
  // Somebody reads on until the damage is met, while another device goes on.
  std::optional<StoredMessage> after;
  std::optional<StoredMessage> newest_of_scale;
  bool damaged = false;
  for (int number = 0; number < 100 && !damaged; ++number) {
    CAPTURE(number);
    Result<std::vector<StoredMessage>> fetched;
    Result<StoredMessage> appended;
    std::vector<Request> round;
    round.push_back(fetch_request(kPress, after ? &*after : nullptr, nullptr, 100, [&](auto rows) {
      if (rows && !rows->empty()) after = rows->back();
    }));
    round.push_back(fetch_request(kScale, newest_of_scale ? &*newest_of_scale : nullptr, nullptr, 9,
                                  [&](auto rows) { fetched = std::move(rows); }));
    round.emplace_back(AppendRequest{kScale, text(std::to_string(number)),
                                     [&](auto stored) { appended = stored; }});
    rounds.serve(round).post();
    loop.run_posted();
    damaged = !rounds.store().take_set_aside().empty();
    REQUIRE(appended);
    newest_of_scale = *appended;
    // An error is for a later try.
    if (fetched) CHECK(fetched->empty());
    CHECK((fetched.has_value() || damaged));
  }
  CHECK(damaged);
  CHECK(rounds.store().state().health == StoreHealth::Ready);
}

}  // namespace hubward::outbox
