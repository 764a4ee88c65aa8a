// The store on a disk that fails: power cuts, no space, read-only, I/O errors.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

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

StoreOptions on(FaultyDisk& disk, std::uint64_t boot_id = 1) {
  StoreOptions options = store_options("outbox.db", boot_id);
  options.vfs = disk.vfs();
  options.rename = [&disk](const std::string& from, const std::string& to) {
    return disk.rename(from, to);
  };
  return options;
}

// What a user of the store knows for sure, kept apart from the store.
struct Known {
  std::string id;
  std::string body;
  bool released = false;
  bool synced = false;   // a sync succeeded after it was acknowledged
  bool dropped = false;  // by a limit; may come back, as what was released
};

struct LifeSettings {
  bool power_cuts = true;
  bool sync_every_commit = false;
  // Limits of bytes and age, and memory for what the disk does not take.
  bool limits = false;
};

std::uint64_t cuts = 0;  // of all lives

// One store through many power cuts or kills, checked after each.
class Life {
 public:
  Life(std::uint64_t seed, LifeSettings settings)
      : random_(seed),
        power_cuts_(settings.power_cuts),
        sync_every_commit_(settings.sync_every_commit),
        limits_(settings.limits) {}

  void live_once() {
    StoreOptions options = on(disk_, power_cuts_ ? ++boot_ : 1);
    if (power_cuts_) minute_ = 0;
    options.checkpoint_pages = 12;  // so that some cuts fall into a checkpoint
    options.sync_every_commit = sync_every_commit_;
    options.epoch_bits = [this] { return random_.next(); };
    if (limits_) {
      options.limits.bytes_max = 60'000;
      options.limits.devices[name(0)].bytes_max = 15'000;
      options.limits.devices[name(1)].age_max = std::chrono::minutes{30};
      options.limits.memory_bytes_max = 20'000;
    }
    OutboxStore store(std::move(options));
    REQUIRE(store.open());
    REQUIRE(store.take_set_aside().empty());
    check(store);
    disk_.fail_after(random_.next() % 150);
    while (step(store)) {
    }
    if (power_cuts_) {
      disk_.power_cut(random_);
      ++cuts;
    } else {
      disk_.kill_process();
    }
  }

 private:
  bool step(OutboxStore& store) {
    std::vector<NewMessage> messages;
    const std::uint64_t count = random_.next() % 6;
    for (std::uint64_t i = 0; i < count; ++i) {
      const StoreDevice device = store.attach(name(random_.next() % kDevices));
      messages.push_back(
          {device, text(std::to_string(++written_) + std::string(random_.next() % 3000, '.'),
                        static_cast<Priority>(random_.next() % 3))});
      minute_ += random_.next() % 3;
      messages.back().message.boot_id = power_cuts_ ? boot_ : 1;
      messages.back().message.since_boot = std::chrono::minutes{minute_};
    }
    const auto copies = messages;
    const auto results = store.commit(std::move(messages));
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i]) return false;
      const std::string device = store.devices()[copies[i].device.value];
      const std::string id = message_id(results[i]->epoch, device, results[i]->sequence);
      REQUIRE_MESSAGE(ids_.insert(id).second, "id used twice: ", id);
      // What is in memory only is lost with the power; but its id was used.
      if (store.is_in_memory()) continue;
      known_[device].push_back({id, copies[i].message.body, false, sync_every_commit_});
    }
    if (store.is_in_memory()) return false;
    if (limits_) note_dropped(store);
    if (random_.next() % 3 == 0) release_some(store);
    if (random_.next() % 4 == 0) store.settle();
    if (random_.next() % 3 != 0) return true;
    if (!store.sync()) return false;
    for (auto& [device, rows] : known_) {
      for (Known& row : rows) row.synced = true;
    }
    return true;
  }

  // Takes note of what the limits took, and that exactly so much is counted.
  void note_dropped(OutboxStore& store) {
    if (random_.next() % 3 == 0) {
      (void)store.expire({SteadyTime{std::chrono::minutes{minute_}}, kNow, true}, 10);
    }
    std::uint64_t gone = 0;
    for (std::uint64_t i = 0; i < kDevices; ++i) {
      std::set<std::string> here;
      for (const StoredMessage& row : waiting(store, store.attach(name(i)))) {
        here.insert(message_id(row.epoch, name(i), row.sequence));
      }
      for (Known& row : known_[name(i)]) {
        if (row.released || row.dropped || here.contains(row.id)) continue;
        row.dropped = true;
        ++gone;
      }
    }
    const OutboxCounts totals = store.totals();
    REQUIRE(totals.dropped + totals.expired == dropped_before_ + gone);
    dropped_before_ += gone;
  }

  void release_some(OutboxStore& store) {
    const std::string device = name(random_.next() % kDevices);
    const auto rows = store.fetch(store.attach(device), nullptr, 1 + random_.next() % 9,
                                  store.newest_row(), kNow);
    if (!rows) return;
    for (const StoredMessage& row : *rows) {
      store.release(store.attach(device), row.epoch, row.sequence);
      const std::string id = message_id(row.epoch, device, row.sequence);
      for (Known& known : known_[device]) known.released = known.released || known.id == id;
    }
  }

  // Each device's rows are what was acknowledged, in order, without what is certainly gone.
  void check(OutboxStore& store) {
    for (std::uint64_t i = 0; i < kDevices; ++i) {
      const std::string device = name(i);
      std::map<std::string, std::string> found;
      std::vector<std::string> order;
      for (const StoredMessage& row : waiting(store, store.attach(device))) {
        order.push_back(message_id(row.epoch, device, row.sequence));
        found[order.back()] = row.message.body;
      }
      std::vector<Known> kept;
      std::vector<std::string> expected_order;
      for (Known& row : known_[device]) {
        const bool here = found.contains(row.id);
        const bool must_be_here = !row.released && !row.dropped && (row.synced || !power_cuts_);
        if (must_be_here) REQUIRE_MESSAGE(here, "lost: ", row.id);
        if (!here) continue;
        REQUIRE(found[row.id] == row.body);
        expected_order.push_back(row.id);
        row.released = row.dropped = false;  // delivered again
        row.synced = true;                   // it survived, so it is on the disk
        kept.push_back(row);
      }
      // A commit that answered an error may have happened all the same; its rows are new to us.
      for (const std::string& id : order) {
        if (ids_.insert(id).second) {
          expected_order.push_back(id);
          kept.push_back({id, found[id], false, true});
        }
      }
      REQUIRE(order == expected_order);
      known_[device] = kept;
    }
    REQUIRE(store.totals().quarantined == 0);
    dropped_before_ = store.totals().dropped + store.totals().expired;
  }

  static constexpr std::uint64_t kDevices = 3;
  static std::string name(std::uint64_t number) { return "device-" + std::to_string(number); }

  SeededRandom random_;
  bool power_cuts_;
  bool sync_every_commit_;
  bool limits_;
  FaultyDisk disk_;
  std::uint64_t boot_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t minute_ = 0;          // since the machine's start
  std::uint64_t dropped_before_ = 0;  // as the store counts it
  std::map<std::string, std::vector<Known>> known_;
  std::set<std::string> ids_;
};

std::uint64_t seeds(std::uint64_t usual, std::uint64_t with_long) {
  return long_run() ? with_long : usual;
}

}  // namespace

TEST_CASE("a power cut loses nothing older than the last sync, and the store always opens") {
  cuts = 0;
  for (std::uint64_t seed = 1; seed <= seeds(90, 3000); ++seed) {
    CAPTURE(seed);
    Life life(seed, {});
    for (int cut = 0; cut < 6; ++cut) life.live_once();
  }
  // With a window of zero, nothing that was acknowledged.
  for (std::uint64_t seed = 1; seed <= seeds(30, 1000); ++seed) {
    CAPTURE(seed);
    Life life(seed, {.sync_every_commit = true});
    for (int cut = 0; cut < 6; ++cut) life.live_once();
  }
  // With limits that drop, and memory for what the disk does not take.
  for (std::uint64_t seed = 1; seed <= seeds(60, 3000); ++seed) {
    CAPTURE(seed);
    Life life(seed, {.limits = true});
    for (int cut = 0; cut < 6; ++cut) life.live_once();
  }
  CHECK(cuts >= 1000);
  MESSAGE("power cuts: ", cuts);
}

TEST_CASE("a process that dies during any write loses nothing that was acknowledged") {
  for (std::uint64_t seed = 1; seed <= seeds(30, 1000); ++seed) {
    CAPTURE(seed);
    Life life(seed, {.power_cuts = false, .limits = seed % 2 == 0});
    for (int kill = 0; kill < 6; ++kill) life.live_once();
  }
}

TEST_CASE("a full disk is named, keeps what is stored, and passes when there is room again") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  disk.set_capacity(300'000);
  std::uint64_t stored = 0;
  Result<StoredMessage> last = append(store, device, std::string(2000, 'x'));
  for (int i = 0; i < 1000 && last; ++i) {
    ++stored;
    last = append(store, device, std::string(2000, 'x'));
  }
  REQUIRE_FALSE(last);
  CHECK(last.error().code == ErrorCode::StoreFailed);
  CHECK(store.state().health == StoreHealth::DiskFull);
  CHECK(waiting(store, device).size() == stored);
  // What is released meanwhile is remembered, and does not come back.
  release(store, device, waiting(store, device).front());
  CHECK(store.counts(device).waiting == stored - 1);
  CHECK_FALSE(store.recover());
  disk.set_capacity(std::nullopt);
  CHECK(store.recover());
  CHECK(store.state().health == StoreHealth::Ready);
  CHECK(append(store, device, "after")->sequence == stored + 1);
  REQUIRE(store.close());
  OutboxStore again(on(disk));
  REQUIRE(again.open());
  CHECK(waiting(again, again.attach("press")).size() == stored);
}

TEST_CASE("a disk that turns read-only or fails is named, and the store recovers with it") {
  struct Row {
    const char* why;
    void (*fault)(FaultyDisk&, bool);
    StoreHealth health;
  };
  const Row rows[] = {
      {"read-only", [](FaultyDisk& d, bool on) { d.set_read_only(on); }, StoreHealth::ReadOnly},
      {"I/O errors", [](FaultyDisk& d, bool on) { d.set_broken(on); }, StoreHealth::IoError},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    FaultyDisk disk;
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    const StoreDevice device = store.attach("press");
    REQUIRE(append(store, device, "1"));
    row.fault(disk, true);
    CHECK(append(store, device, "2").error().code == ErrorCode::StoreFailed);
    CHECK(store.state().health == row.health);
    CHECK_FALSE(store.state().detail.empty());
    for (int i = 0; i < 3; ++i) CHECK_FALSE(store.recover());
    row.fault(disk, false);
    CHECK(store.recover());
    CHECK(append(store, device, "3")->sequence == 2);
    CHECK(bodies(store, device) == Bodies{"1", "3"});
    CHECK(store.take_set_aside().empty());
  }
}

TEST_CASE("what was released or set aside while the disk failed does not come back with the disk") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press-07");
  std::vector<StoredMessage> rows;
  for (const char* body : {"a", "b", "c", "d"}) rows.push_back(*append(store, device, body));
  disk.set_broken(true);
  release(store, device, rows[0]);
  store.quarantine(device, rows[1].epoch, rows[1].sequence, ErrorCode::MessageQuarantined, kNow);
  CHECK_FALSE(append(store, device, "refused"));
  CHECK_FALSE(store.recover());     // tries to open the file anew
  release(store, device, rows[3]);  // the newest: kept back until settled
  CHECK_FALSE(store.recover());
  disk.set_broken(false);
  REQUIRE(store.recover());
  CHECK(bodies(store, device) == Bodies{"c"});
  CHECK(store.counts(device).quarantined == 1);
  CHECK(append(store, device, "e")->sequence == 5);
  REQUIRE(store.close());
  OutboxStore later(on(disk));
  REQUIRE(later.open());
  CHECK(bodies(later, later.attach("press-07")) == Bodies{"c", "e"});
}

TEST_CASE(
    "a row that a killed process left unsynced is flushed by the next one, which cannot write") {
  FaultyDisk disk;
  const auto unsynced = [&] {
    StoreOptions options = on(disk);
    options.sync_every_commit = false;
    return options;
  };
  {
    OutboxStore store(unsynced());
    REQUIRE(store.open());
    REQUIRE(append(store, store.attach("press-07"), "a"));
    disk.kill_process();
  }
  disk.set_read_only(true);
  OutboxStore next(unsynced());
  CHECK_FALSE(next.open());
  CHECK(bodies(next, next.attach("press-07")) == Bodies{"a"});
  SeededRandom random(1);
  disk.power_cut(random);
  disk.set_read_only(false);
  OutboxStore last(unsynced());
  REQUIRE(last.open());
  CHECK(bodies(last, last.attach("press-07")) == Bodies{"a"});
}

TEST_CASE("what was released is not rescued from a damaged store") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press-07");
  for (int i = 0; i < 2000; ++i) REQUIRE(append(store, device, std::string(2000, 'x')));
  REQUIRE(store.close());
  REQUIRE(store.open());  // one plain file, more than SQLite keeps in memory
  const auto oldest = store.fetch(device, nullptr, 2, store.newest_row(), kNow);
  REQUIRE(oldest);
  release(store, device, oldest->at(0));
  disk.damage("outbox.db", disk.read("outbox.db").size() / 2);
  while (store.take_set_aside().empty()) {
    // Somebody reads on until the damage is met; the store in its place has what could be read.
    StoredMessage after = oldest->at(0);
    for (auto rows = store.fetch(device, &after, 100, store.newest_row(), kNow);
         rows && !rows->empty();
         rows = store.fetch(device, &after, 100, store.newest_row(), kNow)) {
      after = rows->back();
    }
  }
  const auto left = store.fetch(device, nullptr, 1, store.newest_row(), kNow);
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->front().sequence == oldest->at(1).sequence);
}

TEST_CASE("a damaged store on a read-only disk is set aside as soon as it can be, however late") {
  FaultyDisk disk;
  {
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    REQUIRE(append(store, store.attach("press-07"), "a"));
    REQUIRE(store.close());
  }
  disk.damage("outbox.db", 0);
  disk.set_read_only(true);
  OutboxStore store(on(disk));
  for (int tries = 0; tries < 3 * kSetAsideMax; ++tries) CHECK_FALSE(store.recover());
  disk.set_read_only(false);
  CHECK(store.recover());
  CHECK(store.take_set_aside().size() == 1);
}

TEST_CASE(
    "rows that vanish with the log between a kill and a start do not leave their ids to others") {
  // The machine goes on: the log was cut or overwritten, or the disk was mounted anew.
  FaultyDisk disk;
  std::set<std::string> used;
  std::string first_epoch;
  {
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    first_epoch = store.epoch();
    const StoreDevice press = store.attach("press");
    REQUIRE(append(store, press, "kept"));
    REQUIRE(store.close());
    REQUIRE(store.open());
    CHECK(store.epoch() == first_epoch);
    for (int i = 0; i < 3; ++i) {
      const auto row = append(store, press, "lost");
      used.insert(message_id(row->epoch, "press", row->sequence));
      if (i == 1) release(store, press, *row);
    }
    disk.kill_process();
  }
  disk.write("outbox.db-wal", "");
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice press = store.attach("press");
  const auto left = waiting(store, press);
  REQUIRE(left.size() == 1);
  CHECK(left[0].epoch == first_epoch);  // what is sent again has the id it had
  CHECK(left[0].sequence == 1);
  for (int i = 0; i < 3; ++i) {
    const auto row = append(store, press, "new");
    CHECK(used.insert(message_id(row->epoch, "press", row->sequence)).second);
  }
}

TEST_CASE("rows that vanish while the store is opened anew do not leave their ids to others") {
  for (const bool vanish : {false, true}) {
    CAPTURE(vanish);
    FaultyDisk disk;
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    const std::string epoch = store.epoch();
    const StoreDevice scale = store.attach("scale");
    for (int i = 0; i < 3; ++i) REQUIRE(append(store, press, "1"));
    const auto sent = append(store, scale, "1");
    disk.set_broken(true);
    CHECK_FALSE(append(store, press, "refused"));
    CHECK_FALSE(store.recover());
    if (vanish) disk.write("outbox.db-wal", "");
    disk.set_broken(false);
    REQUIRE(store.recover());
    CHECK(store.counts(press).waiting == (vanish ? 0 : 3));
    const auto next = append(store, scale, "2");
    REQUIRE(next);
    CHECK((next->epoch == epoch) == !vanish);
    CHECK((next->epoch != sent->epoch || next->sequence != sent->sequence));
    CHECK(store.take_set_aside().empty());
  }
}

TEST_CASE("an I/O error while a sound store is read does not make it a damaged one") {
  for (const std::uint64_t errors : {1U, 2U, 5U}) {
    for (std::uint64_t nth = 0; nth < 120; ++nth) {
      CAPTURE(errors);
      CAPTURE(nth);
      FaultyDisk disk;
      const std::string body(1500, 'x');
      std::string epoch;
      {
        OutboxStore store(on(disk, 1));
        REQUIRE(store.open());
        epoch = store.epoch();
        for (int i = 0; i < 30; ++i) REQUIRE(append(store, store.attach("press"), body));
        REQUIRE(store.close());
        REQUIRE(store.open());
        // The rest stands in the log.
        for (int i = 0; i < 30; ++i) REQUIRE(append(store, store.attach("press"), body));
        disk.kill_process();
      }
      disk.fail_reads(nth, errors);
      OutboxStore store(on(disk, 2));
      (void)store.open();
      for (int i = 0; i < 9; ++i) {
        (void)store.recover();
        (void)waiting(store, store.attach("press"));
      }
      REQUIRE(store.take_set_aside().empty());
      REQUIRE(store.state().health == StoreHealth::Ready);
      REQUIRE(bodies(store, store.attach("press")) == Bodies(60, body));
      REQUIRE(store.epoch() != epoch);  // it was not closed cleanly
    }
  }
}

TEST_CASE("rows sent while the store could not be begun do not make it look damaged later") {
  FaultyDisk disk;
  {
    OutboxStore store(on(disk, 1));
    REQUIRE(store.open());
    for (const char* body : {"1", "2"}) REQUIRE(append(store, store.attach("press"), body));
    REQUIRE(store.sync());
    disk.kill_process();
  }
  // Another start of the machine: a new epoch begins, of which nobody knows whether it is on the
  // disk. All rows of the old one are sent, and still in the file.
  disk.fail_syncs(4);
  OutboxStore store(on(disk, 2));
  REQUIRE_FALSE(store.open());
  const StoreDevice press = store.attach("press");
  for (const StoredMessage& row : waiting(store, press)) release(store, press, row);
  for (int i = 0; i < 9 && !store.recover(); ++i) {
  }
  CHECK(store.state().health == StoreHealth::Ready);
  CHECK(store.take_set_aside().empty());
  CHECK(bodies(store, press).empty());
  CHECK(append(store, press, "3").has_value());
}

TEST_CASE("rows sent while the store was closed by a fault do not make it look damaged later") {
  FaultyDisk disk;
  std::string quarantined;
  {
    OutboxStore store(on(disk, 1));
    REQUIRE(store.open());
    for (const char* body : {"1", "2"}) REQUIRE(append(store, store.attach("press"), body));
    REQUIRE(store.sync());
    disk.kill_process();
  }
  {
    OutboxStore store(on(disk, 2));
    REQUIRE(store.open());
    const StoreDevice press = store.attach("press");
    const auto rows = waiting(store, press);
    REQUIRE(rows.size() == 2);
    disk.set_broken(true);
    CHECK_FALSE(append(store, press, "refused"));
    release(store, press, rows[0]);
    store.quarantine(press, rows[1].epoch, rows[1].sequence, ErrorCode::MessageQuarantined, kNow);
    quarantined = rows[1].epoch;
    CHECK_FALSE(store.recover());
    disk.set_broken(false);
    REQUIRE(store.open());  // anew, and then the process dies before anything is written
    disk.kill_process();
  }
  OutboxStore store(on(disk, 2));
  REQUIRE(store.open());
  CHECK(store.take_set_aside().empty());
  const StoreDevice press = store.attach("press");
  CHECK(bodies(store, press) == Bodies{"1", "2"});  // again, with the same ids
  CHECK(waiting(store, press).back().epoch == quarantined);
}

TEST_CASE("a failed sync is not trusted to have happened later: the rows are written anew") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    FaultyDisk disk;
    {
      OutboxStore store(on(disk, 1));
      REQUIRE(store.open());
      REQUIRE(append(store, store.attach("press"), "1"));
      disk.fail_syncs(1);
      CHECK_FALSE(store.sync());
      CHECK(store.state().health == StoreHealth::IoError);
      CHECK(store.unsynced());
      REQUIRE(append(store, store.attach("press"), "2"));
      CHECK(store.sync());
      CHECK(store.state().health == StoreHealth::Ready);
      disk.power_cut(random);
    }
    OutboxStore store(on(disk, 2));
    REQUIRE(store.open());
    CHECK(bodies(store, store.attach("press")) == Bodies{"1", "2"});
  }
}

TEST_CASE(
    "nor is one that failed while the store was opened: what was synced afterwards is there") {
  for (int failing = 1; failing <= 5; ++failing) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(failing);
      CAPTURE(seed);
      SeededRandom random(seed);
      FaultyDisk disk;
      {
        OutboxStore store(on(disk, 1));
        REQUIRE(store.open());
        REQUIRE(append(store, store.attach("press"), "1"));
        REQUIRE(store.sync());
        disk.power_cut(random);
      }
      {
        disk.fail_syncs(failing);
        OutboxStore store(on(disk, 2));
        (void)store.open();
        for (int i = 0; i < 9 && store.state().health != StoreHealth::Ready; ++i) {
          (void)store.recover();
        }
        REQUIRE(append(store, store.attach("press"), "2"));
        for (int i = 0; i < 9 && !store.sync(); ++i) {
        }
        REQUIRE_FALSE(store.unsynced());
        disk.power_cut(random);
      }
      OutboxStore store(on(disk, 3));
      REQUIRE(store.open());
      CHECK(bodies(store, store.attach("press")) == Bodies{"1", "2"});
    }
  }
}

TEST_CASE("nor is one that failed in a checkpoint, or before one that worked") {
  struct Row {
    int pages;
    bool sync_every_commit;
  };
  const Row rows[] = {{1, false}, {4, false}, {12, false}, {1, true}, {4, true}, {12, true}};
  for (const Row& row : rows) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      CAPTURE(row.pages);
      CAPTURE(row.sync_every_commit);
      CAPTURE(seed);
      SeededRandom random(seed);
      FaultyDisk disk;
      Bodies all;  // that were acknowledged
      int number = 0;
      const std::uint64_t often = 2 + random.next() % 12;
      {
        StoreOptions options = on(disk, 1);
        options.checkpoint_pages = row.pages;
        options.sync_every_commit = row.sync_every_commit;
        OutboxStore store(options);
        REQUIRE(store.open());
        const StoreDevice press = store.attach("press");
        const auto add = [&](std::uint64_t count) {
          for (std::uint64_t i = 0; i < count; ++i) {
            const std::string body = std::to_string(++number) + std::string(1000, 'x');
            if (append(store, press, body)) all.push_back(body);
            if (random.next() % often == 0) (void)store.sync();
          }
        };
        add(random.next() % 20);
        disk.fail_syncs(1 + static_cast<int>(random.next() % 3));
        add(1 + random.next() % 20);
        for (int i = 0; i < 9 && !store.sync(); ++i) {
        }
        REQUIRE_FALSE(store.unsynced());
        disk.power_cut(random);
        disk.fail_syncs(0);
      }
      OutboxStore store(on(disk, 2));
      REQUIRE(store.open());
      const Bodies found = bodies(store, store.attach("press"));
      for (const std::string& body : all) {
        CHECK(std::find(found.begin(), found.end(), body) != found.end());
      }
    }
  }
}

TEST_CASE("a store closed after a failed sync is as it was closed, or was not closed cleanly") {
  for (int failing = 0; failing <= 4; ++failing) {  // 0: the power fails while it is closed
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(failing);
      CAPTURE(seed);
      SeededRandom random(seed);
      FaultyDisk disk;
      std::set<std::string> used;
      bool closed = false;
      {
        OutboxStore store(on(disk, 1));
        REQUIRE(store.open());
        const StoreDevice press = store.attach("press");
        const auto first = append(store, press, "released");
        used.insert(message_id(first->epoch, "press", first->sequence));
        REQUIRE(store.sync());
        release(store, press, *first);
        for (const char* body : {"1", "2"}) {
          const auto row = append(store, press, body);
          used.insert(message_id(row->epoch, "press", row->sequence));
        }
        disk.fail_syncs(failing);
        if (failing > 0) {
          CHECK_FALSE(store.sync());
        } else {
          disk.fail_after(seed % 20);
        }
        closed = store.close().has_value();
        CHECK((closed || failing != 1));
        disk.power_cut(random);
        disk.fail_syncs(0);
      }
      OutboxStore store(on(disk, 2));
      REQUIRE(store.open());
      const StoreDevice press = store.attach("press");
      if (closed) CHECK(bodies(store, press) == Bodies{"1", "2"});
      const auto next = append(store, press, "3");
      REQUIRE(next);
      CHECK(used.insert(message_id(next->epoch, "press", next->sequence)).second);
      CHECK(store.take_set_aside().empty());
    }
  }
}

TEST_CASE("one checkpoint that failed does not keep the log from being emptied ever after") {
  for (const bool sync_every_commit : {false, true}) {
    for (std::uint64_t nth = 0; nth < 40; ++nth) {
      CAPTURE(sync_every_commit);
      CAPTURE(nth);
      FaultyDisk disk;
      StoreOptions options = on(disk);
      options.checkpoint_pages = 4;
      options.sync_every_commit = sync_every_commit;
      OutboxStore store(options);
      REQUIRE(store.open());
      const StoreDevice press = store.attach("press");
      for (int i = 0; i < 2; ++i) REQUIRE(append(store, press, std::string(1000, 'x')));
      disk.fail_after(nth);
      for (int i = 0; i < 9; ++i) (void)append(store, press, std::string(1000, 'x'));
      disk.fail_after(1'000'000);
      // Messages come before anybody looks after the store again.
      for (int i = 0; i < 3; ++i) REQUIRE(append(store, press, std::string(1000, 'x')));
      for (int i = 0; i < 100; ++i) {
        if (store.unsynced()) REQUIRE(store.sync());
        if (store.state().health != StoreHealth::Ready) REQUIRE(store.recover());
        REQUIRE(append(store, press, std::string(1000, 'x')));
      }
      // Ten checkpoints' worth; without one it has two hundred pages by now.
      CHECK(disk.read("outbox.db-wal").size() < std::size_t{40} * 4096);
    }
  }
}

TEST_CASE("an error at any single write leaves a store that works and has what it acknowledged") {
  for (std::uint64_t nth = 0; nth < 40; ++nth) {
    CAPTURE(nth);
    FaultyDisk disk;
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    const StoreDevice device = store.attach("press");
    Bodies acknowledged;
    disk.fail_after(nth);
    for (int i = 0; i < 30; ++i) {
      const std::string body = std::to_string(i);
      if (append(store, device, body)) acknowledged.push_back(body);
    }
    disk.fail_after(1'000'000);
    CHECK(store.recover());
    CHECK(append(store, device, "last").has_value());
    acknowledged.push_back("last");
    CHECK(bodies(store, device) == acknowledged);
  }
}

TEST_CASE("damage found while running is set aside and the messages of that commit are kept") {
  FaultyDisk disk;
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  const StoreDevice device = store.attach("press");
  for (int i = 0; i < 2000; ++i) REQUIRE(append(store, device, std::string(2000, 'x')));
  const std::string before = store.epoch();
  REQUIRE(store.close());
  REQUIRE(store.open());
  // Everything behind the first pages is overwritten under the running store.
  disk.damage("outbox.db", 5 * 4096);
  bool damaged = false;
  for (int i = 0; i < 2000 && !damaged; ++i) {
    const auto rows = store.fetch(device, nullptr, 20, store.newest_row(), kNow);
    if (rows) {
      for (const auto& row : *rows) release(store, device, row);
    }
    CHECK(append(store, device, "new").has_value());
    damaged = !store.take_set_aside().empty();
  }
  CHECK(damaged);
  CHECK(store.epoch() != before);
  CHECK(store.state().health == StoreHealth::Ready);
  CHECK(append(store, device, "newer").has_value());
}

TEST_CASE("whatever is overwritten or cut off, the store opens, and what it sends is true") {
  // A body tells whose it is, and its number.
  const auto body = [](const std::string& name, std::uint64_t sequence) {
    return name + ' ' + std::to_string(sequence) + std::string(300, 'x');
  };
  std::string sound;
  {
    FaultyDisk disk;
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    for (std::uint64_t i = 1; i <= 60; ++i) {
      for (const char* name : {"press", "scale"}) {
        REQUIRE(append(store, store.attach(name), body(name, i)));
      }
    }
    REQUIRE(store.close());
    sound = disk.read("outbox.db");
  }
  std::uint64_t sent = 0;
  const std::uint64_t rounds = seeds(300, 10'000);
  for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    std::string spoilt = sound;
    for (std::uint64_t i = 1 + random.next() % 8; i > 0; --i) {
      const std::size_t at = random.next() % spoilt.size();
      const std::size_t count =
          std::min(spoilt.size() - at, random.next() % (seed % 5 == 0 ? 3000 : 4));
      for (std::size_t k = 0; k < count; ++k) spoilt[at + k] = static_cast<char>(random.next());
    }
    if (seed % 7 == 0) spoilt.resize(random.next() % spoilt.size());
    FaultyDisk disk;
    disk.write("outbox.db", spoilt);
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    for (const char* name : {"press", "scale"}) {
      for (const StoredMessage& row : waiting(store, store.attach(name))) {
        REQUIRE(row.message.body == body(name, row.sequence));
        ++sent;
      }
      CHECK(append(store, store.attach(name), "new").has_value());
    }
  }
  // Most damage is to a few rows only.
  CHECK(sent > rounds * 60);
  MESSAGE("rows still sent: ", sent, " of ", rounds * 120);
}

}  // namespace hubward::outbox
