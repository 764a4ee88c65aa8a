// What becomes of messages while the disk takes nothing.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store.h"
#include "tests/support/faulty_disk/faulty_disk.h"
#include "tests/support/scripted_random.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::FaultyDisk;
using hubward::test::SeededRandom;
using Bodies = std::vector<std::string>;

namespace {

StoreOptions on(FaultyDisk& disk, std::uint64_t memory_bytes_max = 1024 * 1024) {
  StoreOptions options = store_options("outbox.db");
  options.vfs = disk.vfs();
  options.rename = [&disk](const std::string& from, const std::string& to) {
    return disk.rename(from, to);
  };
  options.limits.memory_bytes_max = memory_bytes_max;
  return options;
}

struct Fault {
  const char* why;
  void (*set)(FaultyDisk&, bool);
  StoreHealth health;
};

const Fault kFaults[] = {
    {"no space",
     [](FaultyDisk& d, bool on) { d.set_capacity(on ? std::optional{0} : std::nullopt); },
     StoreHealth::DiskFull},
    {"read-only", [](FaultyDisk& d, bool on) { d.set_read_only(on); }, StoreHealth::ReadOnly},
    {"I/O errors", [](FaultyDisk& d, bool on) { d.set_broken(on); }, StoreHealth::IoError},
};

// With what SQLite already has of the file, a full disk takes a little more; this fills that.
void fill(OutboxStore& store, StoreDevice device) {
  for (int i = 0; i < 20 && !store.is_in_memory(); ++i) {
    (void)append(store, device, std::string(5000, 'f'));
  }
  REQUIRE(store.is_in_memory());
}

bool ends_with(const Bodies& all, const Bodies& last) {
  return all.size() >= last.size() && std::equal(last.rbegin(), last.rend(), all.rbegin());
}

std::vector<std::string> ids(OutboxStore& store, StoreDevice device) {
  std::vector<std::string> all;
  for (const StoredMessage& row : waiting(store, device)) {
    all.push_back(row.epoch + "-" + std::to_string(row.sequence));
  }
  return all;
}

}  // namespace

TEST_CASE("while the disk takes nothing, messages are kept in memory and written when it does") {
  for (const Fault& fault : kFaults) {
    CAPTURE(fault.why);
    FaultyDisk disk;
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    const StoreDevice scale = store.attach("scale");
    REQUIRE(append(store, press, "1"));
    fault.set(disk, true);
    fill(store, scale);
    CHECK(store.state().health == fault.health);
    CHECK(append(store, press, "2").has_value());
    CHECK(append(store, press, "3").has_value());
    const StoreStatus status = store.status();
    CHECK(status.memory_only);
    CHECK(status.memory_messages >= 3);
    CHECK(status.memory_bytes >= charged_bytes(text("2")) * 2);
    CHECK(store.counts(press).waiting == 3);
    for (int i = 0; i < 3; ++i) CHECK_FALSE(store.recover());
    CHECK(store.is_in_memory());
    CHECK(append(store, press, "4").has_value());

    fault.set(disk, false);
    CHECK(store.recover());
    CHECK_FALSE(store.is_in_memory());
    CHECK(store.state().health == StoreHealth::Ready);
    CHECK(store.status().memory_messages == 0);
    const auto before = ids(store, press);
    CHECK(append(store, press, "5").has_value());
    CHECK(bodies(store, press) == Bodies{"1", "2", "3", "4", "5"});
    // On the disk, under the same ids.
    disk.kill_process();
    OutboxStore again(on(disk));
    REQUIRE(again.open());
    CHECK(bodies(again, again.attach("press")) == Bodies{"1", "2", "3", "4", "5"});
    auto after = ids(again, again.attach("press"));
    after.pop_back();
    CHECK(after == before);
  }
}

TEST_CASE("what was released while in memory does not come back, what was set aside is kept") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  disk.set_read_only(true);
  for (const char* body : {"1", "2", "3"}) REQUIRE(append(store, press, body));
  const auto rows = waiting(store, press);
  release(store, press, rows[0]);
  store.quarantine(press, rows[1].epoch, rows[1].sequence, ErrorCode::MessageQuarantined, kNow);
  CHECK(bodies(store, press) == Bodies{"3"});
  CHECK(store.counts(press).delivered == 1);
  disk.set_read_only(false);
  REQUIRE(store.recover());
  CHECK(bodies(store, press) == Bodies{"3"});
  REQUIRE(store.quarantined(9)->size() == 1);
  CHECK(store.quarantined(9)->front().stored.message.body == "2");
  CHECK(store.counts(press).quarantined == 1);
}

TEST_CASE("what was set aside is not sent later, however much was in memory") {
  FaultyDisk disk;
  {
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    const StoreDevice scale = store.attach("scale");
    disk.set_read_only(true);
    for (int i = 0; i < 1500; ++i) REQUIRE(append(store, press, std::to_string(i)));
    // More than one transaction carries.
    for (const char* body : {"poison", "1", "2"}) REQUIRE(append(store, scale, body));
    const auto poison = waiting(store, scale).front();
    store.quarantine(scale, poison.epoch, poison.sequence, ErrorCode::MessageQuarantined, kNow);
    disk.set_read_only(false);
    REQUIRE(store.recover());
    CHECK(bodies(store, scale) == Bodies{"1", "2"});
    REQUIRE(store.quarantined(9)->size() == 1);
    CHECK(store.quarantined(9)->front().stored.message.body == "poison");
    disk.kill_process();
  }
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  CHECK(bodies(store, store.attach("scale")) == Bodies{"1", "2"});
  CHECK(waiting(store, store.attach("press")).size() == 1500);
  CHECK(store.totals().quarantined == 1);
}

TEST_CASE("a disk that takes half of what is in memory takes the rest later, and nothing twice") {
  // From too little room for any of it to enough for all.
  bool half = false;
  for (std::uint64_t room = 100'000; room < 500'000; room += 20'000) {
    CAPTURE(room);
    FaultyDisk disk;
    {
      StoreOptions options = on(disk);
      options.checkpoint_pages = 20;
      options.limits.devices["scale"].bytes_max = 600 * charged_bytes(text("0000"));
      OutboxStore store(options);
      REQUIRE(store.open());
      const StoreDevice press = store.attach("press");
      const StoreDevice scale = store.attach("scale");
      disk.set_capacity(0);
      fill(store, press);
      for (int i = 1000; i < 3500; ++i) REQUIRE(append(store, press, std::to_string(i)));
      for (int i = 1000; i < 1600; ++i) REQUIRE(append(store, scale, std::to_string(i)));
      disk.set_capacity(room);
      (void)store.recover();
      half = half || (store.memory_rows().size() > 0 && store.memory_rows().size() < 3100);
      disk.set_capacity(std::nullopt);
      // More comes before anybody looks, and some goes: the device is at its limit.
      std::vector<NewMessage> more;
      for (int i = 1600; i < 1900; ++i) more.push_back({scale, text(std::to_string(i))});
      (void)store.commit(std::move(more));
      CHECK(store.counts(scale).waiting == 600);
      CHECK(store.counts(scale).dropped == 300);
      disk.set_broken(true);  // so that the file is opened anew
      (void)append(store, press, "last");
      (void)store.recover();
      (void)store.recover();
      disk.set_broken(false);
      while (!store.recover()) {
      }
      CHECK(store.memory_rows().empty());
      CHECK(bodies(store, press).back() == "last");
      CHECK(waiting(store, press).size() == store.counts(press).appended);
      CHECK(bodies(store, scale).front() == "1300");
      CHECK(store.counts(scale).waiting == 600);
      disk.kill_process();
    }
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    const auto rows = bodies(store, store.attach("scale"));
    REQUIRE(rows.size() == 600);
    CHECK(rows.front() == "1300");
    CHECK(rows.back() == "1899");
    CHECK(store.counts(store.attach("scale")).dropped == 300);
    CHECK(store.take_set_aside().empty());
  }
  CHECK(half);
}

TEST_CASE("a disk that is tried in vain for days uses up no epochs, and mixes up no messages") {
  struct Row {
    const char* why;
    bool from_the_start;
    bool sync_every_commit;
    void (*set)(FaultyDisk&, bool);
  };
  const auto room_for_a_test = [](FaultyDisk& disk, bool on) {
    disk.set_capacity(
        on ? std::optional{disk.read("outbox.db").size() + disk.read("outbox.db-wal").size() + 9000}
           : std::nullopt);
  };
  const auto no_room = [](FaultyDisk& disk, bool on) {
    disk.set_capacity(on ? std::optional{0} : std::nullopt);
  };
  const auto no_syncs = [](FaultyDisk& disk, bool on) { disk.fail_syncs(on ? 1'000'000 : 0); };
  const auto read_only = [](FaultyDisk& disk, bool on) { disk.set_read_only(on); };
  const Row rows[] = {
      {"room for a test only", false, false, room_for_a_test},
      {"no room from the start", true, false, no_room},
      {"read-only", false, false, read_only},
      {"read-only from the start", true, false, read_only},
      {"no sync from the start", true, false, no_syncs},
      {"no sync, each commit is synced", false, true, no_syncs},
      {"no sync from the start, each commit is synced", true, true, no_syncs},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    FaultyDisk disk;
    Bodies expected{"0"};
    {
      OutboxStore store(on(disk));
      REQUIRE(store.open());
      REQUIRE(append(store, store.attach("press"), "0"));
      REQUIRE(store.close());
    }
    StoreOptions options = on(disk);
    options.sync_every_commit = row.sync_every_commit;
    OutboxStore store(options);
    if (row.from_the_start) row.set(disk, true);
    CHECK(store.open().has_value() != row.from_the_start);
    const StoreDevice press = store.attach("press");
    row.set(disk, true);
    std::set<std::string> used;
    for (int i = 1; i <= 100; ++i) {
      expected.push_back(std::to_string(i) + std::string(6000, 'x'));
      const auto stored = append(store, press, expected.back());
      REQUIRE(stored);
      REQUIRE(used.insert(message_id(stored->epoch, "press", stored->sequence)).second);
      REQUIRE(store.is_in_memory());
      CHECK_FALSE(store.recover());
    }
    row.set(disk, false);
    for (int i = 0; i < 9 && !store.recover(); ++i) {
    }
    REQUIRE_FALSE(store.is_in_memory());
    CHECK(bodies(store, press) == expected);
    std::set<std::string> epochs;
    for (const StoredMessage& message : waiting(store, press)) epochs.insert(message.epoch);
    CHECK(epochs.size() <= 3);
    const auto before = ids(store, press);
    disk.kill_process();
    OutboxStore again(on(disk));
    REQUIRE(again.open());
    CHECK(ids(again, again.attach("press")) == before);
    CHECK(again.take_set_aside().empty());
  }
}

TEST_CASE("ids of messages that never reached the disk are not given to others") {
  for (const bool carried : {false, true}) {
    CAPTURE(carried);
    FaultyDisk disk;
    std::set<std::string> used;
    {
      OutboxStore store(on(disk));
      REQUIRE(store.open());
      for (int i = 0; i < 3; ++i) {
        const auto row = append(store, store.attach("press"), "disk");
        CHECK(used.insert(message_id(row->epoch, "press", row->sequence)).second);
      }
      disk.set_read_only(true);
      for (int i = 0; i < 3; ++i) {
        const auto row = append(store, store.attach("press"), "memory");
        REQUIRE(row);
        CHECK(used.insert(message_id(row->epoch, "press", row->sequence)).second);
        release(store, store.attach("press"), *row);  // sent, and known outside
      }
      REQUIRE(append(store, store.attach("scale"), "memory"));
      if (carried) {
        disk.set_read_only(false);
        REQUIRE(store.recover());
      }
      disk.kill_process();
    }
    disk.set_read_only(false);
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    for (int i = 0; i < 9; ++i) {
      const auto row = append(store, store.attach("press"), "later");
      CHECK(used.insert(message_id(row->epoch, "press", row->sequence)).second);
    }
  }
}

TEST_CASE("memory is bounded: the oldest of the least priority go, and are counted") {
  FaultyDisk disk;
  OutboxStore store(on(disk, 3 * charged_bytes(text("a1"))));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  REQUIRE(append(store, press, "d1", Priority::Low));
  disk.set_read_only(true);
  REQUIRE(append(store, press, "a1", Priority::Alarm));
  REQUIRE(append(store, press, "n1"));
  REQUIRE(append(store, press, "l1", Priority::Low));
  REQUIRE(append(store, press, "n2"));
  CHECK(bodies(store, press) == Bodies{"d1", "a1", "n1", "n2"});
  REQUIRE(append(store, press, "n3"));
  CHECK(bodies(store, press) == Bodies{"d1", "a1", "n2", "n3"});
  CHECK(store.counts(press).dropped == 2);
  CHECK(store.status().memory_messages == 3);
  disk.set_read_only(false);
  REQUIRE(store.recover());
  CHECK(bodies(store, press) == Bodies{"d1", "a1", "n2", "n3"});
  CHECK(store.counts(press).appended == 6);
}

TEST_CASE("what went out of memory is counted for good, whatever kept the disk from taking it") {
  for (const Fault& fault : kFaults) {
    CAPTURE(fault.why);
    FaultyDisk disk;
    const std::uint64_t each = charged_bytes(text("1"));
    {
      OutboxStore store(on(disk, 2 * each));
      REQUIRE(store.open());
      const StoreDevice press = store.attach("press");
      REQUIRE(append(store, press, "0"));
      fault.set(disk, true);
      for (int i = 0; i < 30 && store.counts(press).dropped < 3; ++i) {
        (void)append(store, press, std::to_string(i % 10));
      }
      REQUIRE(store.counts(press).dropped == 3);
      (void)store.recover();
      const StoreDevice scale = store.attach("scale");  // that the file does not know
      for (int i = 0; i < 3; ++i) (void)append(store, scale, "1");
      REQUIRE(store.totals().dropped == 6);
      fault.set(disk, false);
      while (!store.recover()) {
      }
      disk.kill_process();
    }
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    CHECK(store.totals().dropped == 6);
  }
}

TEST_CASE("the limits of bytes hold while the disk takes nothing, and reach what is on it") {
  FaultyDisk disk;
  auto options = on(disk);
  const std::uint64_t one = charged_bytes(text("d1"));
  options.limits.bytes_max = 6 * one;
  options.limits.devices["scale"].bytes_max = 2 * one;
  OutboxStore store(options);
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  const StoreDevice scale = store.attach("scale");
  REQUIRE(append(store, press, "d1"));
  REQUIRE(append(store, press, "d2", Priority::Alarm));
  REQUIRE(append(store, press, "d3"));
  REQUIRE(append(store, scale, "d4"));
  disk.set_read_only(true);
  REQUIRE(append(store, scale, "m1"));
  REQUIRE(append(store, scale, "m2"));  // the device's own limit
  CHECK(bodies(store, scale) == Bodies{"m1", "m2"});
  CHECK(store.counts(scale).dropped == 1);
  REQUIRE(append(store, press, "m3", Priority::Low));
  CHECK(store.totals().dropped == 1);
  REQUIRE(append(store, press, "m4"));  // the store's: the least priority goes, then the oldest
  CHECK(bodies(store, press) == Bodies{"d1", "d2", "d3", "m4"});
  REQUIRE(append(store, press, "m5"));
  CHECK(bodies(store, press) == Bodies{"d2", "d3", "m4", "m5"});
  CHECK(store.counts(press).dropped == 2);
  CHECK(store.totals().waiting_bytes == 6 * one);
  CHECK(store.status().memory_messages == 4);
  disk.set_read_only(false);
  REQUIRE(store.recover());
  disk.kill_process();
  OutboxStore again(on(disk));
  REQUIRE(again.open());
  CHECK(bodies(again, again.attach("press")) == Bodies{"d2", "d3", "m4", "m5"});
  CHECK(bodies(again, again.attach("scale")) == Bodies{"m1", "m2"});
  CHECK(again.counts(again.attach("press")).dropped == 2);
}

TEST_CASE("full memory refuses where the store is told to, and every refusal is counted") {
  for (const bool memory : {true, false}) {
    CAPTURE(memory);
    FaultyDisk disk;
    auto options = on(disk, memory ? 2 * charged_bytes(text("1")) : 0);
    options.limits.when_full = StoreLimits::WhenFull::RefuseNew;
    OutboxStore store(options);
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    disk.set_read_only(true);
    for (const char* body : {"1", "2", "3"}) {
      const auto stored = append(store, press, body);
      if (!stored) CHECK(stored.error().code == ErrorCode::StoreFailed);
    }
    CHECK(store.counts(press).unstored == (memory ? 1 : 3));
    CHECK(store.counts(press).refused == 0);
    CHECK(store.counts(press).waiting == (memory ? 2 : 0));
  }
}

TEST_CASE("nothing overtakes a row that a broken disk cannot read now") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  const StoreDevice scale = store.attach("scale");
  for (int i = 0; i < 300; ++i) REQUIRE(append(store, press, std::string(2000, 'x')));
  REQUIRE(store.close());
  REQUIRE(store.open());
  disk.set_broken(true);
  REQUIRE(append(store, press, "memory"));
  REQUIRE(append(store, scale, "memory"));
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(store.recover());
    CHECK_FALSE(store.fetch(press, nullptr, 10, store.newest_row(), kNow));
    CHECK(bodies(store, scale) == Bodies{"memory"});
    CHECK(store.counts(press).waiting == 301);
  }
  disk.set_broken(false);
  CHECK(store.recover());
  const auto rows = bodies(store, press);
  REQUIRE(rows.size() == 301);
  CHECK(rows.back() == "memory");
}

TEST_CASE("a disk that is full or read-only at the start can still be read and sent from") {
  for (const Fault& fault : kFaults) {
    if (fault.health == StoreHealth::IoError) continue;
    CAPTURE(fault.why);
    FaultyDisk disk;
    std::string first_epoch;
    {
      OutboxStore store(on(disk));
      REQUIRE(store.open());
      first_epoch = store.epoch();
      for (const char* body : {"1", "2"}) REQUIRE(append(store, store.attach("press"), body));
      REQUIRE(store.close());
    }
    fault.set(disk, true);
    OutboxStore store(on(disk));
    CHECK_FALSE(store.open());
    CHECK(store.state().health == fault.health);
    const StoreDevice press = store.attach("press");
    const auto rows = waiting(store, press);
    REQUIRE(rows.size() == 2);
    release(store, press, rows[0]);
    const auto kept = append(store, press, "3");
    REQUIRE(kept);
    CHECK(kept->epoch != first_epoch);
    CHECK(bodies(store, press) == Bodies{"2", "3"});
    CHECK_FALSE(store.recover());
    fault.set(disk, false);
    CHECK(store.recover());
    CHECK(store.state().health == StoreHealth::Ready);
    REQUIRE(append(store, press, "4"));
    CHECK(bodies(store, press) == Bodies{"2", "3", "4"});
    REQUIRE(store.close());
    OutboxStore again(on(disk));
    REQUIRE(again.open());
    CHECK(bodies(again, again.attach("press")) == Bodies{"2", "3", "4"});
  }
}

TEST_CASE("a disk that cannot be opened at all lets messages through memory") {
  FaultyDisk disk;
  disk.set_broken(true);
  OutboxStore store(on(disk));
  CHECK_FALSE(store.open());
  const StoreDevice press = store.attach("press");
  const auto first = append(store, press, "1");
  REQUIRE(first);
  REQUIRE(append(store, press, "2"));
  CHECK(bodies(store, press) == Bodies{"1", "2"});
  release(store, press, *first);
  disk.set_broken(false);
  REQUIRE(store.recover());
  CHECK(bodies(store, press) == Bodies{"2"});
  const auto next = append(store, press, "3");
  REQUIRE(next);
  CHECK(message_id(next->epoch, "", next->sequence) !=
        message_id(first->epoch, "", first->sequence));
  CHECK(bodies(store, press) == Bodies{"2", "3"});
}

TEST_CASE("rows that a store finds late stand before what was read meanwhile, and that is told") {
  for (const bool fails_again : {false, true}) {
    CAPTURE(fails_again);
    FaultyDisk disk;
    {
      OutboxStore store(on(disk));
      REQUIRE(store.open());
      for (const char* body : {"d1", "d2", "d3"}) {
        REQUIRE(append(store, store.attach("press"), body));
      }
      disk.kill_process();
    }
    disk.set_broken(true);
    OutboxStore store(on(disk));
    CHECK_FALSE(store.open());
    const StoreDevice press = store.attach("press");
    for (const char* body : {"m1", "m2", "m3"}) REQUIRE(append(store, press, body));
    // Somebody has read up to m2; one of them was acknowledged.
    auto seen = *store.fetch(press, nullptr, 2, store.newest_row(), kNow);
    REQUIRE(seen.size() == 2);
    // There may be something on the disk for those who have nothing in memory.
    CHECK_FALSE(store.fetch(store.attach("scale"), nullptr, 9, store.newest_row(), kNow));
    release(store, press, seen[0]);
    CHECK_FALSE(store.take_found_rows());
    disk.set_broken(false);
    REQUIRE(store.recover());
    CHECK(store.take_found_rows());
    CHECK_FALSE(store.take_found_rows());
    REQUIRE(append(store, press, "n1"));
    if (fails_again) {
      disk.set_broken(true);
      CHECK(append(store, press, "n2").has_value());
      CHECK_FALSE(store.recover());
      disk.set_broken(false);
      REQUIRE(store.recover());
      CHECK_FALSE(store.take_found_rows());
    } else {
      REQUIRE(append(store, press, "n2"));
    }
    CHECK(bodies(store, press) == Bodies{"d1", "d2", "d3", "m2", "m3", "n1", "n2"});
    const auto behind = store.fetch(press, &seen.back(), 9, store.newest_row(), kNow);
    REQUIRE(behind);
    CHECK(behind->size() == 3);
    CHECK(behind->front().message.body == "m3");
  }
}

TEST_CASE("a store that turns out damaged while messages are in memory keeps those") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  for (int i = 0; i < 300; ++i) REQUIRE(append(store, press, std::string(2000, 'x')));
  REQUIRE(store.close());
  REQUIRE(store.open());
  disk.set_read_only(true);
  REQUIRE(append(store, press, "memory 1"));
  REQUIRE(append(store, press, "memory 2"));
  disk.damage("outbox.db", 100);
  disk.set_read_only(false);
  // Whoever notices first: the fetch or the recovery.
  (void)store.fetch(press, nullptr, 100, store.newest_row(), kNow);
  (void)store.recover();
  CHECK(store.state().health == StoreHealth::Ready);
  CHECK(store.take_set_aside().size() == 1);
  const auto rows = bodies(store, press);
  REQUIRE(rows.size() >= 2);
  CHECK(rows[rows.size() - 2] == "memory 1");
  CHECK(rows[rows.size() - 1] == "memory 2");
  CHECK(append(store, press, "new").has_value());
}

TEST_CASE("a store that cannot be read to its end keeps what is in memory, in order") {
  bool failed_half_way = false;
  for (std::uint64_t reads = 0; reads < 40; ++reads) {
    CAPTURE(reads);
    FaultyDisk disk;
    {
      OutboxStore store(on(disk));
      REQUIRE(store.open());
      REQUIRE(append(store, store.attach("press"), "on the disk"));
      disk.kill_process();
    }
    disk.set_broken(true);
    OutboxStore store(on(disk));
    CHECK_FALSE(store.open());
    const StoreDevice press = store.attach("press");
    const StoreDevice scale = store.attach("scale");
    REQUIRE(append(store, press, "1"));
    REQUIRE(append(store, press, "2"));
    REQUIRE(append(store, scale, "1"));
    disk.set_broken(false);
    disk.fail_reads(reads, 1000);
    failed_half_way = (!store.recover() && reads > 0) || failed_half_way;
    REQUIRE(append(store, press, "3"));
    REQUIRE(append(store, scale, "2"));
    disk.fail_reads(0, 0);
    while (!store.recover()) {
    }
    CHECK(bodies(store, press) == Bodies{"on the disk", "1", "2", "3"});
    CHECK(bodies(store, scale) == Bodies{"1", "2"});
  }
  CHECK(failed_half_way);
}

TEST_CASE("whatever the disk does, all is kept, in order, and each id is used once") {
  const std::uint64_t seeds = long_run() ? 5000 : 150;
  std::uint64_t through_memory = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    FaultyDisk disk;
    std::set<std::string> used;
    std::map<std::string, Bodies> expected;  // by device; what waits, in order
    std::uint64_t number = 0;
    auto store = std::make_unique<OutboxStore>(on(disk, 64 * 1024));
    REQUIRE(store->open());
    const auto heal = [&] {
      for (const Fault& fault : kFaults) fault.set(disk, false);
      for (int i = 0; i < 3 && (store->is_in_memory() || !store->recover()); ++i) {
        (void)store->recover();
      }
      REQUIRE(store->state().health == StoreHealth::Ready);
      REQUIRE_FALSE(store->is_in_memory());
    };
    for (int step = 0; step < 120; ++step) {
      const std::string name = "device-" + std::to_string(random.next() % 3);
      const StoreDevice device = store->attach(name);
      switch (random.next() % 10) {
        case 0:
          kFaults[random.next() % 3].set(disk, true);
          break;
        case 1:
          for (const Fault& fault : kFaults) fault.set(disk, false);
          break;
        case 2:
          (void)store->recover();
          break;
        case 3: {
          auto rows =
              store->fetch(device, nullptr, 1 + random.next() % 5, store->newest_row(), kNow);
          if (!rows) break;
          Bodies& waits = expected[name];
          for (const StoredMessage& row : *rows) {
            REQUIRE(!waits.empty());
            REQUIRE(row.message.body == waits.front());
            waits.erase(waits.begin());
            release(*store, device, row);
          }
          break;
        }
        case 4:
          store->settle();
          break;
        case 5:
          if (random.next() % 4 != 0) break;
          // The process dies, and nothing waits in memory: it must all be there.
          heal();
          disk.kill_process();
          store = std::make_unique<OutboxStore>(on(disk, 64 * 1024));
          REQUIRE(store->open());
          // What was released and not written comes again.
          for (auto& [known, waits] : expected) {
            const Bodies all = bodies(*store, store->attach(known));
            REQUIRE(ends_with(all, waits));
            waits = all;
          }
          break;
        default: {
          const std::string body = std::to_string(++number) + std::string(random.next() % 600, '.');
          const std::uint64_t dropped = store->totals().dropped;
          const auto stored = append(*store, device, body);
          REQUIRE(stored);
          REQUIRE(used.insert(message_id(stored->epoch, name, stored->sequence)).second);
          expected[name].push_back(body);
          through_memory += store->is_in_memory() ? 1 : 0;
          REQUIRE(store->totals().dropped == dropped);  // the bound is not reached here
        }
      }
      std::uint64_t waits = 0;
      for (const auto& [known, rows] : expected) waits += rows.size();
      // More, if the store was opened anew and knows of releases again that were not written.
      REQUIRE(store->totals().waiting >= waits);
      for (auto& [known, rows] : expected) {
        if (store->counts(store->attach(known)).waiting == rows.size()) continue;
        const Bodies all = bodies(*store, store->attach(known));
        if (all.size() <= rows.size()) continue;  // or it cannot be read now
        REQUIRE(ends_with(all, rows));
        rows = all;
      }
    }
    heal();
    for (const auto& entry : expected) {
      CAPTURE(entry.first);
      // Behind what was released and comes again, because the store was opened anew.
      const Bodies all = bodies(*store, store->attach(entry.first));
      REQUIRE(ends_with(all, entry.second));
    }
    REQUIRE(store->take_set_aside().empty());
  }
  CHECK(through_memory > seeds * 5);
}

}  // namespace hubward::outbox
