#include "gateway/outbox/store.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "gateway/outbox/database.h"
#include "gateway/outbox/row_codec.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::TemporaryFolder;
using Bodies = std::vector<std::string>;

TEST_CASE("a message comes back whole after the store was closed and opened") {
  const TemporaryFolder folder;
  OutboxMessage message = text("{\"energy\":42}", Priority::Alarm);
  message.clock_trusted = false;
  message.body += std::string("\0\xFF", 2);
  std::string epoch;
  {
    OutboxStore store(store_options(folder.file("outbox.db")));
    REQUIRE(store.open());
    auto stored = store.commit({{store.attach("meter-01"), message}});
    REQUIRE(stored.front());
    epoch = stored.front()->epoch;
    CHECK(epoch.size() == 13);
    CHECK(store.close());
  }
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const auto rows = waiting(store, store.attach("meter-01"));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].sequence == 1);
  CHECK(rows[0].epoch == epoch);
  const OutboxMessage& back = rows[0].message;
  CHECK(back.priority == message.priority);
  CHECK(back.created == message.created);
  CHECK(back.since_boot == message.since_boot);
  CHECK(back.boot_id == message.boot_id);
  CHECK(back.clock_trusted == message.clock_trusted);
  CHECK(back.component == message.component);
  CHECK(back.properties == message.properties);
  CHECK(back.body == message.body);
}

TEST_CASE("each device has its own sequence and order, whatever was committed together") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  const StoreDevice scale = store.attach("scale");
  const auto stored = store.commit(
      {{press, text("p1")}, {scale, text("s1")}, {press, text("p2")}, {scale, text("s2")}});
  CHECK(stored[2]->sequence == 2);
  CHECK(stored[3]->sequence == 2);
  REQUIRE(append(store, press, "p3"));
  CHECK(bodies(store, press) == Bodies{"p1", "p2", "p3"});
  CHECK(bodies(store, scale) == Bodies{"s1", "s2"});
}

TEST_CASE("fetch goes on behind any row, also one that is gone, and stops at its limits") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  for (int i = 1; i <= 6; ++i) REQUIRE(append(store, device, std::to_string(i)));
  const auto all = waiting(store, device);
  release(store, device, all[1]);
  release(store, device, all[2]);
  const RowId newest = store.newest_row();
  const auto behind = store.fetch(device, &all[1], 2, newest, kNow);
  REQUIRE(behind->size() == 2);
  CHECK(behind->at(0).message.body == "4");
  CHECK(store.fetch(device, &all[5], 2, newest, kNow)->empty());
  CHECK(store.fetch(device, &all[3], 9, newest - 1, kNow)->size() == 1);
  const StoredMessage stranger{7, "an-old-epoch", {}};
  CHECK(store.fetch(device, &stranger, 1, newest, kNow)->front().message.body == "1");
}

TEST_CASE("one fetch answers a bounded number of bytes") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  const std::string large(900'000, 'x');
  for (int i = 0; i < 6; ++i) REQUIRE(append(store, device, large));
  CHECK(store.fetch(device, nullptr, 100, store.newest_row(), kNow)->size() == 4);
}

TEST_CASE("released rows are gone, also after the process died, except a device's newest") {
  const TemporaryFolder folder;
  std::string epoch;
  {
    OutboxStore store(store_options(folder.file("outbox.db")));
    REQUIRE(store.open());
    epoch = store.epoch();
    const StoreDevice device = store.attach("press");
    for (int i = 1; i <= 3; ++i) REQUIRE(append(store, device, std::to_string(i)));
    for (const auto& row : waiting(store, device)) release(store, device, row);
    CHECK(store.counts(device).waiting == 0);
    CHECK(store.counts(device).delivered == 3);
    CHECK(store.has_pending_work());
    store.commit({});
    CHECK_FALSE(store.has_pending_work());
  }  // dies here
  {
    OutboxStore store(store_options(folder.file("outbox.db")));
    REQUIRE(store.open());
    const StoreDevice device = store.attach("press");
    const auto again = waiting(store, device);
    REQUIRE(again.size() == 1);
    CHECK(again[0].epoch == epoch);  // with the same id
    CHECK(again[0].sequence == 3);
    release(store, device, waiting(store, device).front());
    store.settle();
    store.commit({});
  }
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  CHECK(bodies(store, store.attach("press")).empty());
  CHECK(append(store, store.attach("press"), "next")->epoch != epoch);
}

TEST_CASE("a sequence goes on where it was, however its newest row went") {
  enum class How { Released, ReleasedAndSuperseded, Quarantined, Dropped };
  for (const How how :
       {How::Released, How::ReleasedAndSuperseded, How::Quarantined, How::Dropped}) {
    CAPTURE(static_cast<int>(how));
    const TemporaryFolder folder;
    auto options = store_options(folder.file("outbox.db"));
    options.limits.bytes_max = 3 * charged_bytes(text("1"));
    std::uint64_t last = 3;
    {
      OutboxStore store(options);
      REQUIRE(store.open());
      const StoreDevice device = store.attach("press");
      for (int i = 1; i <= 3; ++i) REQUIRE(append(store, device, std::to_string(i)));
      for (const auto& row : waiting(store, device)) {
        if (how == How::Quarantined) {
          store.quarantine(device, row.epoch, row.sequence, ErrorCode::MessageQuarantined, kNow);
        } else if (how != How::Dropped) {
          release(store, device, row);
        }
      }
      if (how == How::ReleasedAndSuperseded) last = append(store, device, "4")->sequence;
      if (how == How::Dropped) {
        for (int i = 1; i <= 3; ++i) REQUIRE(append(store, store.attach("other"), "x"));
        CHECK(store.counts(device).dropped == 3);
      }
      REQUIRE(store.close());
    }
    options.epoch_bits = counting_bits(77);
    OutboxStore store(options);
    REQUIRE(store.open());
    CHECK(append(store, store.attach("press"), "next")->sequence == last + 1);
  }
}

TEST_CASE("a row of an unknown epoch, sequence or twice released is ignored") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  const auto row = append(store, device, "1");
  REQUIRE(append(store, device, "2"));
  store.release(device, "another", row->sequence);
  store.release(device, row->epoch, 99);
  release(store, device, *row);
  release(store, device, *row);
  CHECK(store.counts(device).delivered == 1);
  CHECK(store.counts(device).waiting == 1);
}

// --- Retention

TEST_CASE("over its limit the store drops the oldest, low priority first and alarms last") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.bytes_max = 4 * charged_bytes(text("a1"));
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice a = store.attach("a");
  const StoreDevice b = store.attach("b");
  REQUIRE(append(store, a, "a1", Priority::Alarm));
  REQUIRE(append(store, a, "a2"));
  REQUIRE(append(store, b, "b1"));
  REQUIRE(append(store, b, "b2", Priority::Low));
  REQUIRE(append(store, b, "b3"));
  CHECK(bodies(store, a) == Bodies{"a1", "a2"});
  CHECK(bodies(store, b) == Bodies{"b1", "b3"});
  REQUIRE(append(store, a, "a3"));
  CHECK(bodies(store, a) == Bodies{"a1", "a3"});
  REQUIRE(append(store, b, "b4", Priority::Alarm));
  REQUIRE(append(store, b, "b5", Priority::Alarm));
  REQUIRE(append(store, b, "b6", Priority::Alarm));
  CHECK(bodies(store, a) == Bodies{"a1"});
  REQUIRE(append(store, b, "b7", Priority::Alarm));
  CHECK(bodies(store, a).empty());
  CHECK(store.counts(a).dropped == 3);
  CHECK(store.totals().dropped == 6);
  CHECK(store.totals().waiting_bytes == options.limits.bytes_max);
}

TEST_CASE("a low message that comes when only alarms wait is itself dropped, and counted") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.bytes_max = 2 * charged_bytes(text("a1"));
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice device = store.attach("a");
  REQUIRE(append(store, device, "a1", Priority::Alarm));
  REQUIRE(append(store, device, "a2", Priority::Alarm));
  CHECK(append(store, device, "lo", Priority::Low).has_value());
  CHECK(bodies(store, device) == Bodies{"a1", "a2"});
  CHECK(store.counts(device).dropped == 1);
}

TEST_CASE("drops are counted for the store's life") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.bytes_max = charged_bytes(text("1"));
  {
    OutboxStore store(options);
    REQUIRE(store.open());
    for (int i = 0; i < 5; ++i) REQUIRE(append(store, store.attach("press"), "1"));
  }
  OutboxStore store(options);
  REQUIRE(store.open());
  CHECK(store.counts(store.attach("press")).dropped == 4);
  CHECK(store.counts(store.attach("press")).waiting == 1);
}

TEST_CASE("with refuse-new a full store says so and keeps what it has") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.bytes_max = 2 * charged_bytes(text("1"));
  options.limits.when_full = StoreLimits::WhenFull::RefuseNew;
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  const auto results =
      store.commit({{device, text("1")}, {device, text("2")}, {device, text("3")}});
  CHECK(results[1].has_value());
  REQUIRE_FALSE(results[2].has_value());
  CHECK(results[2].error().code == ErrorCode::StoreFull);
  release(store, device, *results[0]);
  CHECK(append(store, device, "4")->sequence == 3);
  CHECK(bodies(store, device) == Bodies{"2", "4"});
}

TEST_CASE("a message over the limit is refused and the others of its commit are stored") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  const auto results = store.commit({{device, text("1")},
                                     {device, text(std::string(kMessageBytesMax, 'x'))},
                                     {device, text("2")}});
  CHECK(results[1].error().code == ErrorCode::MessageTooLarge);
  CHECK(bodies(store, device) == Bodies{"1", "2"});
  CHECK(results[2]->sequence == 2);
}

TEST_CASE("the file's size stays bounded while messages come, go and are dropped") {
  const TemporaryFolder folder;
  auto options = store_options(folder.file("outbox.db"));
  options.limits.bytes_max = 1024 * 1024;
  OutboxStore store(options);
  REQUIRE(store.open());
  for (int round = 0; round < 400; ++round) {
    std::vector<NewMessage> messages;
    for (int i = 0; i < 50; ++i) {
      const StoreDevice device = store.attach("device-" + std::to_string(i % 7));
      messages.push_back({device, text(std::string(300, 'x'))});
    }
    const auto stored = store.commit(std::move(messages));
    for (int i = 0; i < 50; i += 1 + round % 3) {
      release(store, store.attach("device-" + std::to_string(i % 7)),
              *stored[static_cast<std::size_t>(i)]);
    }
    CHECK(store.totals().waiting_bytes <= options.limits.bytes_max);
  }
  CHECK(store.totals().dropped > 0);
  // Pages of 4 KiB that are partly empty, and the log.
  CHECK(std::filesystem::file_size(folder.file("outbox.db")) < 2 * options.limits.bytes_max);
  CHECK(std::filesystem::file_size(folder.file("outbox.db-wal")) < 12 * 1024 * 1024);
}

// --- Quarantine

TEST_CASE("a quarantined message is out of the way, counted and listed with its reason") {
  const TemporaryFolder folder;
  {
    OutboxStore store(store_options(folder.file("outbox.db")));
    REQUIRE(store.open());
    const StoreDevice device = store.attach("press");
    const auto bad = append(store, device, "bad");
    REQUIRE(append(store, device, "good"));
    store.quarantine(device, bad->epoch, bad->sequence, ErrorCode::MessageQuarantined, kNow);
    store.commit({});
  }
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  CHECK(bodies(store, device) == Bodies{"good"});
  CHECK(store.counts(device).quarantined == 1);
  const auto listed = store.quarantined(10);
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->at(0).device_id == "press");
  CHECK(listed->at(0).stored.sequence == 1);
  CHECK(listed->at(0).stored.epoch == waiting(store, device).front().epoch);
  CHECK(listed->at(0).stored.message.body == "bad");
  CHECK(listed->at(0).why == ErrorCode::MessageQuarantined);
  CHECK(listed->at(0).since == kNow);
}

TEST_CASE("quarantine is bounded by count and by bytes, and the oldest go") {
  struct Row {
    const char* why;
    std::uint64_t rows_max;
    std::uint64_t bytes_max;
  };
  const Row rows[] = {{"count", 3, 1'000'000}, {"bytes", 1000, 3 * charged_bytes(text("0"))}};
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const TemporaryFolder folder;
    auto options = store_options(folder.file("outbox.db"));
    options.limits.quarantine_rows_max = row.rows_max;
    options.limits.quarantine_bytes_max = row.bytes_max;
    OutboxStore store(options);
    REQUIRE(store.open());
    const StoreDevice device = store.attach("press");
    for (int i = 0; i < 8; ++i) {
      const auto stored = append(store, device, std::to_string(i));
      store.quarantine(device, stored->epoch, stored->sequence, ErrorCode::MessageQuarantined,
                       kNow);
    }
    store.commit({});
    const auto listed = store.quarantined(100);
    REQUIRE(listed->size() == 3);
    CHECK(listed->front().stored.message.body == "5");
    CHECK(store.counts(device).quarantined == 8);
  }
}

// --- Epochs

TEST_CASE("a new epoch begins when the store was not closed cleanly, and only then") {
  for (const bool closed : {true, false}) {
    CAPTURE(closed);
    const TemporaryFolder folder;
    std::string before;
    {
      OutboxStore store(store_options(folder.file("outbox.db")));
      REQUIRE(store.open());
      before = append(store, store.attach("press"), "old")->epoch;
      if (closed) CHECK(store.close());
    }
    OutboxStore store(store_options(folder.file("outbox.db")));
    REQUIRE(store.open());
    const StoreDevice device = store.attach("press");
    const auto next = append(store, device, "new");
    CHECK((next->epoch != before) == !closed);
    CHECK(next->sequence == (closed ? 2 : 1));
    // The old rows keep their ids and come first; both can be released.
    const auto all = waiting(store, device);
    REQUIRE(all.size() == 2);
    CHECK(all[0].epoch == before);
    CHECK(store.fetch(device, &all[0], 9, store.newest_row(), kNow)->size() == 1);
    release(store, device, all[1]);
    release(store, device, all[0]);
    CHECK(store.counts(device).waiting == 0);
  }
}

TEST_CASE("a process that dies more often than there is room for epochs goes on in the last one") {
  if (!long_run()) return;  // a minute and more
  const TemporaryFolder folder;
  const std::uint64_t lives = kEpochsMax + 100;
  std::string epoch;
  for (std::uint64_t life = 0; life < lives; ++life) {
    OutboxStore store(store_options(folder.file("outbox.db")));
    REQUIRE(store.open());
    REQUIRE(append(store, store.attach("press"), std::to_string(life)));
    REQUIRE(store.take_set_aside().empty());
    epoch = store.epoch();
  }
  OutboxStore store(store_options(folder.file("outbox.db")));
  REQUIRE(store.open());
  CHECK(store.epoch() == epoch);
  CHECK(store.counts(store.attach("press")).waiting == lives);
}

// --- Damage

namespace {

void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void change(const std::string& path, const std::string& sql) {
  Database database;
  REQUIRE(database.open(path, "") == 0);
  REQUIRE(database.exec(sql) == 0);
}

void make_store(const std::string& path, int rows) {
  OutboxStore store(store_options(path));
  REQUIRE(store.open());
  for (int i = 0; i < rows; ++i)
    REQUIRE(append(store, store.attach("press"), std::to_string(i + 1) + std::string(500, 'x')));
  REQUIRE(store.close());
}

}  // namespace

TEST_CASE("a file that is of no use is set aside and a new store begun") {
  const TemporaryFolder folder;
  struct Row {
    const char* why;
    std::function<void(const std::string&)> spoil;
    std::uint64_t rescued_min = 0;
  };
  const Row rows[] = {
      {"not a database", [](const std::string& p) { std::ofstream(p) << std::string(9000, 'z'); }},
      {"header overwritten",
       [](const std::string& p) { make_store(p, 50), overwrite(p, 0, std::string(100, '\1')); }},
      {"a page in the middle overwritten",
       [](const std::string& p) {
         make_store(p, 50);
         overwrite(p, 10 * 4096, std::string(4096, '\2'));
       },
       40},
      {"cut short",
       [](const std::string& p) { make_store(p, 50), std::filesystem::resize_file(p, 9 * 4096); }},
      {"somebody else's database",
       [](const std::string& p) { make_store(p, 1), overwrite(p, 68, std::string(4, '\0')); }},
      {"a later version",
       [](const std::string& p) {
         make_store(p, 1), overwrite(p, 60, std::string("\0\0\0\x63", 4));
       }},
  };
  int number = 0;
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const std::string path = folder.file("outbox-" + std::to_string(++number) + ".db");
    row.spoil(path);
    const auto size = std::filesystem::file_size(path);
    OutboxStore store(store_options(path));
    CHECK(store.open());
    CHECK(store.state().health == StoreHealth::Ready);
    const auto aside = store.take_set_aside();
    REQUIRE(aside.size() == 1);
    CHECK_FALSE(aside[0].why.empty());
    CHECK(std::filesystem::file_size(aside[0].path) == size);
    // What could be read comes first, with its ids; new rows have a new epoch.
    CHECK(aside[0].rescued >= row.rescued_min);
    CHECK(aside[0].rescued < 50);
    CHECK(append(store, store.attach("press"), "new")->sequence == 1);
    const auto all = waiting(store, store.attach("press"));
    REQUIRE(all.size() == aside[0].rescued + 1);
    CHECK(all.back().message.body == "new");
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
      CHECK(all[i].epoch != all.back().epoch);
      CHECK(all[i].message.body == std::to_string(all[i].sequence) + std::string(500, 'x'));
    }
  }
}

TEST_CASE("a row with flipped bits goes to quarantine and the others are sent") {
  const TemporaryFolder folder;
  const std::string path = folder.file("outbox.db");
  {
    OutboxStore store(store_options(path));
    REQUIRE(store.open());
    for (const char* body : {"first-row", "second-row", "third-row"}) {
      REQUIRE(append(store, store.attach("press"), body));
    }
    REQUIRE(store.close());
  }
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto at = bytes.find("second-row");
  REQUIRE(at != std::string::npos);
  overwrite(path, static_cast<std::streamoff>(at), "sEcond-row");
  OutboxStore store(store_options(path));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  CHECK(bodies(store, device) == Bodies{"first-row", "third-row"});
  CHECK(store.counts(device).quarantined == 1);
  store.commit({});
  CHECK(store.quarantined(9)->at(0).why == ErrorCode::StoreCorrupt);
}

TEST_CASE("a reading is never sent under the name of another device, nor under another's number") {
  struct Row {
    const char* why;
    const char* change;
    Bodies press;
    Bodies scale;
    std::uint64_t quarantined;
  };
  const Row rows[] = {
      {"the row's device",
       "UPDATE message SET device=1 WHERE device=2 AND sequence=3",
       {"press 1", "press 2"},
       {"scale 1", "scale 2"},
       1},
      {"the row's epoch",
       "UPDATE message SET epoch=2 WHERE device=2 AND sequence=3",
       {"press 1", "press 2"},
       {"scale 1", "scale 2"},
       1},
      {"the names",
       "UPDATE device SET name='x' WHERE id=1; UPDATE device SET name='scale' WHERE id=2;"
       "UPDATE device SET name='press' WHERE id=1",
       {},
       {},
       5},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const TemporaryFolder folder;
    const std::string path = folder.file("outbox.db");
    {
      OutboxStore store(store_options(path));
      REQUIRE(store.open());
      for (const char* body : {"scale 1", "scale 2"}) {
        REQUIRE(append(store, store.attach("scale"), body));
      }
      for (const char* body : {"press 1", "press 2", "press 3"}) {
        REQUIRE(append(store, store.attach("press"), body));
      }
    }
    {
      OutboxStore store(store_options(path));
      REQUIRE(store.open());  // a second epoch
      REQUIRE(store.close());
    }
    change(path, row.change);
    OutboxStore store(store_options(path));
    REQUIRE(store.open());
    CHECK(store.take_set_aside().empty());
    CHECK(bodies(store, store.attach("press")) == row.press);
    CHECK(bodies(store, store.attach("scale")) == row.scale);
    CHECK(store.totals().quarantined == row.quarantined);
    CHECK(append(store, store.attach("press"), "next").has_value());
    const auto listed = store.quarantined(9);
    REQUIRE(listed);
    for (const QuarantinedMessage& one : *listed) CHECK(one.why == ErrorCode::StoreCorrupt);
  }
}

TEST_CASE("what a rescue leaves behind is counted") {
  const TemporaryFolder folder;
  const std::string path = folder.file("outbox.db");
  {
    OutboxStore store(store_options(path));
    REQUIRE(store.open());
    for (const char* name : {"press", "scale", "press", "scale", "press"}) {
      REQUIRE(append(store, store.attach(name), name));
    }
    REQUIRE(store.close());
  }
  // Out of order there.
  change(path, "UPDATE message SET device=2 WHERE device=1 AND sequence=2");
  OutboxStore store(store_options(path));
  REQUIRE(store.open());
  const auto aside = store.take_set_aside();
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].rescued == 4);
  CHECK(aside[0].left_behind == 1);
  CHECK(bodies(store, store.attach("press")) == Bodies{"press", "press"});
  CHECK(bodies(store, store.attach("scale")) == Bodies{"scale", "scale"});
}

TEST_CASE("what a damaged row claims to take does not drop others") {
  for (const char* claim : {"4611686018427387904", "1000000", "0", "-1"}) {
    CAPTURE(std::string{claim});
    const TemporaryFolder folder;
    auto options = store_options(folder.file("outbox.db"));
    options.limits.bytes_max = 9 * charged_bytes(text("1"));
    {
      OutboxStore store(options);
      REQUIRE(store.open());
      for (const char* body : {"1", "2", "3", "4"}) {
        REQUIRE(append(store, store.attach("press"), body, Priority::Alarm));
      }
      REQUIRE(store.close());
    }
    change(options.path, "UPDATE message SET bytes=" + std::string{claim} + " WHERE sequence=2");
    OutboxStore store(options);
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    CHECK(store.totals().waiting_bytes == 4 * charged_bytes(text("1")));
    CHECK(append(store, press, "5").has_value());
    CHECK(bodies(store, press) == Bodies{"1", "2", "3", "4", "5"});
    for (int i = 0; i < 20; ++i) REQUIRE(append(store, press, "6"));
    CHECK(store.totals().waiting == 9);
    CHECK(store.totals().waiting_bytes == options.limits.bytes_max);
  }
}

TEST_CASE("a store that cannot be opened answers errors, and works once it can") {
  const TemporaryFolder folder;
  OutboxStore store(store_options(folder.file("missing/outbox.db")));
  CHECK_FALSE(store.open());
  CHECK(store.state().health == StoreHealth::Unavailable);
  const StoreDevice device = store.attach("press");
  CHECK(append(store, device, "1").error().code == ErrorCode::StoreFailed);
  CHECK_FALSE(store.fetch(device, nullptr, 1, 1, kNow));
  CHECK(store.sync());  // nothing to sync
  std::filesystem::create_directory(folder.path() / "missing");
  CHECK(store.open());
  CHECK(append(store, device, "1").has_value());
}

TEST_CASE("a store that another process holds is not touched") {
  const TemporaryFolder folder;
  OutboxStore first(store_options(folder.file("outbox.db")));
  REQUIRE(first.open());
  OutboxStore second(store_options(folder.file("outbox.db")));
  CHECK_FALSE(second.open());
  CHECK(second.take_set_aside().empty());
  CHECK(append(first, first.attach("press"), "1").has_value());
}

}  // namespace hubward::outbox
