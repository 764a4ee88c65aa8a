// What the store keeps: bytes and age, overall and of each device; and rows of devices that are
// gone.
#include <doctest/doctest.h>

#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::TemporaryFolder;
using namespace std::chrono_literals;
using Bodies = std::vector<std::string>;

namespace {

constexpr std::uint64_t kThisBoot = 1;
constexpr std::uint64_t kEarlierBoot = 77;

// Made at `since_boot` of that start, when the wall clock said `created`.
NewMessage made(StoreDevice device, std::string body, std::uint64_t boot,
                std::chrono::nanoseconds since_boot, WallTime created = kNow, bool trusted = true,
                Priority priority = Priority::Normal) {
  OutboxMessage message = text(std::move(body), priority);
  message.boot_id = boot;
  message.since_boot = since_boot;
  message.created = created;
  message.clock_trusted = trusted;
  return {device, std::move(message)};
}

void put(OutboxStore& store, NewMessage message) {
  std::vector<NewMessage> one;
  one.push_back(std::move(message));
  REQUIRE(store.commit(std::move(one)).front());
}

ClockReading clock(std::chrono::nanoseconds since_boot, WallTime wall = kNow, bool trusted = true) {
  return {SteadyTime{since_boot}, wall, trusted};
}

}  // namespace

TEST_CASE("a device over its own limit drops its own oldest, low before normal before alarm") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.devices["noisy"].bytes_max = 4 * charged_bytes(text("a1"));
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice noisy = store.attach("noisy");
  const StoreDevice quiet = store.attach("quiet");
  REQUIRE(append(store, quiet, "q1", Priority::Low));
  REQUIRE(append(store, noisy, "a1", Priority::Alarm));
  REQUIRE(append(store, noisy, "n1"));
  REQUIRE(append(store, noisy, "l1", Priority::Low));
  REQUIRE(append(store, noisy, "n2"));
  REQUIRE(append(store, noisy, "n3"));
  CHECK(bodies(store, noisy) == Bodies{"a1", "n1", "n2", "n3"});
  // All in one transaction, so that some go before they were ever committed.
  store.commit({{noisy, text("l2", Priority::Low)},
                {noisy, text("a2", Priority::Alarm)},
                {noisy, text("n4")},
                {noisy, text("l3", Priority::Low)},
                {quiet, text("q2")}});
  CHECK(bodies(store, noisy) == Bodies{"a1", "n3", "a2", "n4"});
  CHECK(store.counts(noisy).dropped == 5);
  CHECK(store.counts(noisy).waiting_bytes == *options.limits.devices["noisy"].bytes_max);
  CHECK(bodies(store, quiet) == Bodies{"q1", "q2"});
  CHECK(store.counts(quiet).dropped == 0);
  REQUIRE(store.close());
  REQUIRE(store.open());
  CHECK(bodies(store, noisy) == Bodies{"a1", "n3", "a2", "n4"});
  CHECK(store.counts(noisy).dropped == 5);
}

TEST_CASE("the limits of device and store together never drop a row twice") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  const std::uint64_t row = charged_bytes(text("000"));
  options.limits.bytes_max = 6 * row;
  options.limits.devices["a"].bytes_max = 3 * row;
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice a = store.attach("a");
  const StoreDevice b = store.attach("b");
  for (int i = 100; i < 200; ++i) {
    store.commit({{a, text(std::to_string(i))}, {b, text(std::to_string(i))}});
    const OutboxCounts totals = store.totals();
    REQUIRE(totals.appended == totals.dropped + totals.waiting);
    REQUIRE(totals.waiting_bytes == bodies(store, a).size() * row + bodies(store, b).size() * row);
    REQUIRE(totals.waiting_bytes <= options.limits.bytes_max);
    REQUIRE(store.counts(a).waiting_bytes <= 3 * row);
  }
  CHECK(bodies(store, a) == Bodies{"197", "198", "199"});
  CHECK(bodies(store, b) == Bodies{"197", "198", "199"});
}

TEST_CASE("with refuse-new a device at its limit is refused, counted, and the others are not") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.when_full = StoreLimits::WhenFull::RefuseNew;
  options.limits.devices["small"].bytes_max = 2 * charged_bytes(text("1"));
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice small = store.attach("small");
  const auto results = store.commit({{small, text("1")},
                                     {small, text("2")},
                                     {small, text("3")},
                                     {store.attach("other"), text("1")},
                                     {small, text(std::string(1000, 'x'))}});
  CHECK(results[1].has_value());
  CHECK(results[2].error().code == ErrorCode::StoreFull);
  CHECK(results[3].has_value());
  CHECK(results[4].error().code == ErrorCode::MessageTooLarge);
  CHECK(bodies(store, small) == Bodies{"1", "2"});
  CHECK(store.counts(small).refused == 2);
  CHECK(store.counts(small).dropped == 0);
  CHECK(store.totals().refused == 2);
}

// --- Age

TEST_CASE("what is over age goes, oldest first, of every priority, and is counted for good") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"), kThisBoot);
  options.limits.age_max = 1h;
  {
    OutboxStore store(options);
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    put(store, made(press, "1", kThisBoot, 10min, kNow, true, Priority::Alarm));
    put(store, made(press, "2", kThisBoot, 20min));
    put(store, made(press, "3", kThisBoot, 30min));
    CHECK_FALSE(store.expire(clock(1h), 100));
    CHECK(store.counts(press).expired == 0);
    CHECK_FALSE(store.expire(clock(1h + 25min), 100));
    CHECK(bodies(store, press) == Bodies{"3"});
    CHECK(store.counts(press).expired == 2);
    CHECK(store.counts(press).waiting_bytes == charged_bytes(text("3")));
    CHECK(store.has_pending_work());
    store.commit({});
  }
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  CHECK(bodies(store, press) == Bodies{"3"});
  CHECK(store.counts(press).expired == 2);
  CHECK(store.counts(press).dropped == 0);
}

TEST_CASE("age is told by the monotonic clock, or by a wall clock that was and is believed") {
  struct Row {
    const char* why;
    std::uint64_t boot;
    bool trusted_then;
    bool trusted_now;
    std::chrono::milliseconds stepped;  // the wall clock, since the row was made
    std::chrono::nanoseconds now;       // since the machine's start
    bool goes;
  };
  // The row is of minute 10 of its start; the limit is an hour.
  const Row rows[] = {
      {"young, and the clock jumped years ahead", kThisBoot, true, true, 24h * 3650, 60min, false},
      {"old, and the clock jumped years back", kThisBoot, true, true, -24h * 3650, 80min, true},
      {"old, and nobody believes the clock", kThisBoot, false, false, 0h, 80min, true},
      {"of an earlier start, old", kEarlierBoot, true, true, 61min, 5min, true},
      {"of an earlier start, young", kEarlierBoot, true, true, 59min, 5min, false},
      {"of an earlier start, the clock is not believed now", kEarlierBoot, true, false, 24h * 3650,
       5min, false},
      {"of an earlier start, the clock was not believed then", kEarlierBoot, false, true,
       24h * 3650, 5min, false},
      {"of an earlier start, from the future", kEarlierBoot, true, true, -61min, 5min, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const TemporaryFolder folder;
    auto options = store_options(folder.file("outbox.db"), kThisBoot);
    options.limits.age_max = 1h;
    OutboxStore store(options);
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    put(store, made(press, "1", row.boot, 10min, kNow, row.trusted_then));
    store.expire(clock(row.now, kNow + row.stepped, row.trusted_now), 100);
    CHECK(store.counts(press).expired == (row.goes ? 1 : 0));
    // The same after reading it back.
    REQUIRE(store.close());
    REQUIRE(store.open());
    store.expire(clock(row.now, kNow + row.stepped, row.trusted_now), 100);
    CHECK(store.counts(press).expired == (row.goes ? 1 : 0));
  }
}

TEST_CASE("a row whose age nobody can tell keeps no other from going") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"), kThisBoot);
  options.limits.age_max = 1h;
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  put(store, made(press, "ageless", kEarlierBoot, 10min, kNow, false));
  for (int i = 0; i < 10; ++i) put(store, made(press, "old", kThisBoot, 10min));
  put(store, made(press, "young", kThisBoot, 100min));
  CHECK(store.expire(clock(2h), 4));  // not more at once
  CHECK(store.counts(press).expired == 4);
  CHECK_FALSE(store.expire(clock(2h), 100));
  CHECK(bodies(store, press) == Bodies{"ageless", "young"});
}

TEST_CASE("of a device's limit of age and the store's, the shorter counts") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"), kThisBoot);
  options.limits.age_max = 2h;
  options.limits.devices["hourly"].age_max = 1h;
  options.limits.devices["daily"].age_max = 24h;
  OutboxStore store(options);
  REQUIRE(store.open());
  for (const char* name : {"hourly", "daily", "other"}) {
    put(store, made(store.attach(name), "1", kThisBoot, 0min));
  }
  store.expire(clock(90min), 100);
  CHECK(store.counts(store.attach("hourly")).expired == 1);
  CHECK(store.totals().expired == 1);
  store.expire(clock(150min), 100);
  CHECK(store.totals().expired == 3);
}

// --- Devices that are gone

TEST_CASE("rows of a device that is not configured any more are shown, kept, and come back") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"), kThisBoot);
  {
    OutboxStore store(options);
    REQUIRE(store.open());
    for (int i = 0; i < 3; ++i) put(store, made(store.attach("gone"), "1", kThisBoot, 0min));
    put(store, made(store.attach("gone-too"), "1", kThisBoot, 90min));
    put(store, made(store.attach("stays"), "1", kThisBoot, 0min));
    release(store, store.attach("empty"), *append(store, store.attach("empty"), "1"));
    CHECK(store.status().removed_devices == 0);
    REQUIRE(store.close());
  }
  options.limits.age_max = 1h;
  OutboxStore store(options);
  REQUIRE(store.open());
  store.attach("stays");
  CHECK(store.status().removed_devices == 2);
  CHECK(store.status().removed_messages == 4);
  CHECK(store.status().removed_bytes == 4 * charged_bytes(text("1")));
  // They expire like all others ...
  store.expire(clock(2h), 100);
  CHECK(store.status().removed_devices == 1);
  CHECK(store.counts(store.attach("gone")).expired == 3);
  // ... and are delivered when the device returns.
  CHECK(bodies(store, store.attach("gone-too")) == Bodies{"1"});
  CHECK(store.status().removed_devices == 0);
}

// --- Earlier versions

TEST_CASE("a store of version 1 is converted with everything in it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("outbox.db");
  std::filesystem::copy_file(HUBWARD_SOURCE_DIR "/tests/cases/outbox/version-1.db", path);
  {
    OutboxStore store(store_options(path, 7));
    REQUIRE(store.open());
    CHECK(store.take_set_aside().empty());
    CHECK(store.epoch() == "9sdrpn5vkkv0l");
    const StoreDevice press = store.attach("press");
    const StoreDevice scale = store.attach("scale");
    CHECK(bodies(store, scale) == Bodies{"scale 5", "scale 6"});
    CHECK(bodies(store, press).size() == 9);
    CHECK(bodies(store, press)[1] == "press 2");
    CHECK(store.counts(scale).dropped == 4);
    CHECK(store.counts(scale).expired == 0);
    CHECK(store.counts(press).quarantined == 1);
    CHECK(store.quarantined(10)->at(0).stored.message.body == "bad");
    CHECK(append(store, scale, "scale 7")->sequence == 7);
    CHECK(append(store, press, "press 10")->sequence == 11);
    REQUIRE(store.close());
  }
  // It is of this version now.
  OutboxStore store(store_options(path, 7));
  REQUIRE(store.open());
  CHECK(bodies(store, store.attach("scale")) == Bodies{"scale 5", "scale 6", "scale 7"});
}

TEST_CASE("a store of version 2, whose checksums do not say whose a row is, is read and goes on") {
  const TemporaryFolder folder;
  const std::string path = folder.file("outbox.db");
  std::filesystem::copy_file(HUBWARD_SOURCE_DIR "/tests/cases/outbox/version-2.db", path);
  const Bodies press{"press 1", "press 2", "press 3", "press 4", "press 5", "press long"};
  const Bodies scale{"scale 3", "scale 4", "scale 5"};
  for (int life = 0; life < 2; ++life) {
    CAPTURE(life);
    OutboxStore store(store_options(path, 7));
    REQUIRE(store.open());
    CHECK(store.take_set_aside().empty());
    CHECK(store.epoch() == "9sdrpn5vkkv0l");
    Bodies expected = press;
    if (life == 1) expected.emplace_back("press new");
    CHECK(bodies(store, store.attach("press")) == expected);
    CHECK(bodies(store, store.attach("scale")) == scale);
    CHECK(store.totals().quarantined == 1);
    CHECK(store.totals().dropped == 2);
    CHECK(store.quarantined(10)->at(0).stored.message.body == "bad");
    if (life == 0) CHECK(append(store, store.attach("press"), "press new")->sequence == 8);
    REQUIRE(store.close());
  }
}

TEST_CASE("quarantined messages are removed up to the one that was exported last, not beyond") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  const auto set_aside = [&](const std::string& body) {
    const auto row = append(store, press, body);
    store.quarantine(press, row->epoch, row->sequence, ErrorCode::MessageQuarantined, kNow);
    store.commit({});
  };
  set_aside("1");
  set_aside("2");
  const auto exported = store.quarantined(10);
  REQUIRE(exported->size() == 2);
  set_aside("3");
  CHECK(store.remove_quarantined(exported->back().place));
  const auto left = store.quarantined(10);
  REQUIRE(left->size() == 1);
  CHECK(left->front().stored.message.body == "3");
  CHECK(store.counts(press).quarantined == 3);
}

}  // namespace hubward::outbox
