// What only the writer with its thread promises.
#include "gateway/outbox/outbox_writer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "tests/support/faulty_disk/faulty_disk.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thread_loop.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::FaultyDisk;
using hubward::test::SystemClock;
using hubward::test::TemporaryFolder;
using hubward::test::ThreadLoop;
using namespace std::chrono_literals;

namespace {

constexpr DeviceIndex kPress{0};

class EventLog final : public Log {
 public:
  void write(LogLevel, std::string_view event, std::initializer_list<LogField>) override {
    const std::lock_guard lock(mutex_);
    events_.emplace_back(event);
  }
  std::vector<std::string> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
};

// Goes on by hours at a call that the test chooses: the next one of its own thread.
class LeapingClock final : public Clock {
 public:
  void leap_at_next_call(std::chrono::hours by) { leap_ = by; }
  [[nodiscard]] SteadyTime steady() const override {
    if (std::this_thread::get_id() == test_) since_ = since_.load() + std::exchange(leap_, 0h);
    return SteadyTime{since_.load()};
  }
  [[nodiscard]] WallTime wall() const override { return kNow; }
  [[nodiscard]] bool wall_is_trusted() const override { return true; }

 private:
  const std::thread::id test_ = std::this_thread::get_id();
  mutable std::chrono::hours leap_{0};  // the test's thread only
  mutable std::atomic<std::chrono::nanoseconds> since_{std::chrono::hours{1}};
};

struct Watcher final : OutboxWatcher {
  void on_counts_changed(const std::vector<DeviceIndex>& devices) override {
    CHECK(devices == std::vector<DeviceIndex>{kPress});
    ++told;
    if (then) then();
  }
  void on_rows_found() override { ++found; }
  int told = 0;
  int found = 0;
  std::function<void()> then;
};

StoreOptions on(FaultyDisk& disk) {
  StoreOptions options = store_options("outbox.db");
  options.vfs = disk.vfs();
  options.rename = [&disk](const std::string& from, const std::string& to) {
    return disk.rename(from, to);
  };
  return options;
}

}  // namespace

TEST_CASE("thousands of messages share few commits and are all there after a stop") {
  FaultyDisk disk;
  const SystemClock clock;
  ThreadLoop loop;
  std::vector<std::uint64_t> sequences;
  {
    OutboxWriter writer({.store = on(disk)}, clock);
    writer.attach(kPress, "press", loop);
    for (int i = 0; i < 10000; ++i) {
      writer.append(kPress, text(std::to_string(i)), [&](const Result<StoredMessage>& stored) {
        sequences.push_back(stored->sequence);
      });
    }
    REQUIRE(loop.run_until([&] { return sequences.size() == 10000; }));
    CHECK(std::is_sorted(sequences.begin(), sequences.end()));
    CHECK(writer.counts(kPress).waiting == 10000);
    CHECK(writer.flush_and_stop(30s));
    CHECK(disk.syncs() < 200);
  }
  OutboxStore store(on(disk));
  REQUIRE(store.open());
  CHECK(waiting(store, store.attach("press")).size() == 10000);
}

TEST_CASE("devices on several loops are served at once, each in its own order") {
  const TemporaryFolder folder;
  const SystemClock clock;
  constexpr std::uint32_t kLoops = 4;
  constexpr std::uint32_t kDevicesEach = 5;
  constexpr std::uint64_t kMessages = 200;
  ThreadLoop loops[kLoops];
  OutboxWriter writer({.store = store_options(folder.file("outbox.db"))}, clock);
  std::atomic<int> faults{0};
  std::vector<std::jthread> threads;
  for (std::uint32_t l = 0; l < kLoops; ++l) {
    threads.emplace_back([&, l] {
      std::vector<std::uint64_t> last(kDevicesEach, 0);
      std::uint64_t delivered = 0;
      for (std::uint32_t d = 0; d < kDevicesEach; ++d) {
        const DeviceIndex device{l * kDevicesEach + d};
        writer.attach(device, "device-" + std::to_string(device.value), loops[l]);
        for (std::uint64_t i = 1; i <= kMessages; ++i) {
          writer.append(device, text(std::to_string(i)), [&, d, device](Result<StoredMessage> row) {
            if (!row || row->sequence != ++last[d]) ++faults;
            if (row) writer.release(device, *row);
            ++delivered;
          });
        }
      }
      bool fetched = false;
      const bool all = loops[l].run_until([&] {
        (void)writer.totals();
        return delivered == kDevicesEach * kMessages;
      });
      writer.fetch(DeviceIndex{l * kDevicesEach}, nullptr, nullptr, 10, [&](auto rows) {
        fetched = true;
        if (!rows || !rows->empty()) ++faults;
      });
      if (!all || !loops[l].run_until([&] { return fetched; })) ++faults;
    });
  }
  threads.clear();
  CHECK(faults == 0);
  CHECK(writer.flush_and_stop(30s));
  CHECK(writer.totals().appended == kLoops * kDevicesEach * kMessages);
  CHECK(writer.totals().delivered == writer.totals().appended);
}

TEST_CASE("more than may wait is refused at once and costs nothing that was taken") {
  FaultyDisk disk;
  const SystemClock clock;
  ThreadLoop loop;
  // The writer has just committed and gathers for an hour, as one whose disk does not keep up.
  OutboxWriter writer({.store = on(disk), .commit_interval = 1h}, clock);
  writer.attach(kPress, "press", loop);
  std::size_t stored = 0;
  std::vector<Error> refused;
  const auto answer = [&](Result<StoredMessage> row) {
    row ? static_cast<void>(++stored) : refused.push_back(row.error());
  };
  writer.append(kPress, text("first"), answer);
  REQUIRE(loop.run_until([&] { return stored == 1; }));
  for (int i = 0; i < 80; ++i) writer.append(kPress, text(std::string(1'000'000, 'x')), answer);
  REQUIRE(loop.run_until([&] { return !refused.empty(); }));
  CHECK(refused[0].code == ErrorCode::StoreFailed);
  CHECK(refused[0].kind == ErrorKind::Throttled);
  CHECK(writer.flush_and_stop(30s));
  REQUIRE(loop.run_until([&] { return stored + refused.size() == 81; }));
  CHECK(stored == 1 + kMailboxBytesMax / 1'000'000);
}

TEST_CASE("after a stop appends are refused, and the stop was clean") {
  const TemporaryFolder folder;
  const SystemClock clock;
  ThreadLoop loop;
  std::string epoch;
  {
    OutboxWriter writer({.store = store_options(folder.file("outbox.db"), 1)}, clock);
    writer.attach(kPress, "press", loop);
    writer.append(kPress, text("1"), [&](Result<StoredMessage> row) { epoch = row->epoch; });
    CHECK(writer.flush_and_stop(30s));
    REQUIRE(loop.run_until([&] { return !epoch.empty(); }));
    bool refused = false;
    writer.append(kPress, text("2"), [&](const Result<StoredMessage>& row) {
      refused = !row && row.error().code == ErrorCode::Stopped;
    });
    CHECK(loop.run_until([&] { return refused; }));
    CHECK(writer.flush_and_stop(1s));  // again is fine
  }
  // The machine was restarted since: a clean stop needs no new epoch.
  OutboxStore store(store_options(folder.file("outbox.db"), 2));
  REQUIRE(store.open());
  CHECK(store.epoch() == epoch);
}

TEST_CASE("a failing disk is named, shown and logged, and work goes on when it recovers") {
  FaultyDisk disk;
  const SystemClock clock;
  ThreadLoop loop;
  EventLog log;
  OutboxWriter writer({.store = on(disk), .log = &log}, clock);
  writer.attach(kPress, "press", loop);
  int stored = 0;
  int failed = 0;
  const auto answer = [&](const Result<StoredMessage>& row) { ++(row ? stored : failed); };
  writer.append(kPress, text("1"), answer);
  REQUIRE(loop.run_until([&] { return stored == 1; }));
  disk.set_broken(true);
  writer.append(kPress, text("2"), answer);
  REQUIRE(loop.run_until([&] { return failed == 1; }));
  CHECK(writer.state().health == StoreHealth::IoError);
  disk.set_broken(false);
  // By itself, without anybody asking for anything.
  REQUIRE(loop.run_until([&] { return writer.state().health == StoreHealth::Ready; }));
  writer.append(kPress, text("3"), answer);
  REQUIRE(loop.run_until([&] { return stored == 2; }));
  CHECK(writer.counts(kPress).waiting == 2);
  CHECK(log.events() == std::vector<std::string>{"outbox_ready", "outbox_failing", "outbox_ready"});
}

TEST_CASE("whoever watches is told of a count that changes long after the device's last word") {
  FaultyDisk disk;
  const SystemClock clock;
  ThreadLoop loop;
  OutboxWriter writer({.store = on(disk)}, clock);
  // As a page would: what is read now is all that is ever shown.
  Watcher watcher;
  std::uint64_t shown = 0;
  watcher.then = [&] { shown = writer.counts(kPress).waiting; };
  writer.watch(loop, watcher);
  writer.attach(kPress, "press", loop);
  std::optional<StoredMessage> row;
  writer.append(kPress, text("1"), [&](Result<StoredMessage> stored) { row = std::move(*stored); });
  REQUIRE(loop.run_until([&] { return row && shown == 1; }));
  const int before = watcher.told;
  writer.release(kPress, *row);  // answers nobody, and waits for something to share a commit with
  CHECK(loop.run_until([&] { return watcher.told > before && shown == 0; }));
  CHECK(watcher.found == 0);
}

TEST_CASE("what the hub has taken is not counted as expired because its release lingers") {
  const TemporaryFolder folder;
  LeapingClock clock;
  ThreadLoop loop;
  StoreOptions options = store_options(folder.file("outbox.db"), 1);
  options.limits.age_max = 1h;
  OutboxWriter writer({.store = options, .commit_interval = 0ms}, clock);
  writer.attach(kPress, "press", loop);
  OutboxMessage message = text("1");
  message.since_boot = clock.steady().time_since_epoch();
  message.boot_id = 1;
  std::optional<StoredMessage> row;
  writer.append(kPress, message, [&](Result<StoredMessage> stored) { row = std::move(*stored); });
  REQUIRE(loop.run_until([&] { return row.has_value(); }));
  clock.leap_at_next_call(2h);  // which is that of the mailbox, closed to the writer meanwhile
  writer.release(kPress, *row);
  CHECK(writer.flush_and_stop(30s));
  CHECK(writer.counts(kPress).waiting == 0);
  CHECK(writer.counts(kPress).expired == 0);
}

TEST_CASE("whoever watches is told of rows that a store found late, once") {
  FaultyDisk disk;
  const SystemClock clock;
  ThreadLoop loop;
  {
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    REQUIRE(append(store, store.attach("press"), "of the last run"));
    disk.kill_process();
  }
  disk.set_broken(true);
  StoreOptions options = on(disk);
  options.limits.memory_bytes_max = 10'000;
  OutboxWriter writer({.store = options}, clock);
  Watcher watcher;
  writer.watch(loop, watcher);
  writer.attach(kPress, "press", loop);
  bool stored = false;
  writer.append(kPress, text("m"),
                [&](const Result<StoredMessage>& row) { stored = row.has_value(); });
  REQUIRE(loop.run_until([&] { return stored; }));
  CHECK(watcher.found == 0);
  disk.set_broken(false);
  REQUIRE(loop.run_until([&] { return watcher.found > 0; }));
  std::vector<std::string> bodies;
  writer.fetch(kPress, nullptr, nullptr, 9, [&](const Result<std::vector<StoredMessage>>& found) {
    for (const StoredMessage& row : *found) bodies.push_back(row.message.body);
  });
  REQUIRE(loop.run_until([&] { return !bodies.empty(); }));
  CHECK(bodies == std::vector<std::string>{"of the last run", "m"});
  CHECK(watcher.found == 1);
}

TEST_CASE("a store of no use is set aside at the start, and that is told") {
  FaultyDisk disk;
  disk.write("outbox.db", std::string(10000, 'z'));
  const SystemClock clock;
  EventLog log;
  OutboxWriter writer({.store = on(disk), .log = &log}, clock);
  REQUIRE(writer.set_aside().size() == 1);
  CHECK(disk.read(writer.set_aside()[0].path) == std::string(10000, 'z'));
  CHECK(writer.state().health == StoreHealth::Ready);
  CHECK(log.events() == std::vector<std::string>{"outbox_set_aside", "outbox_ready"});
}

TEST_CASE("a store set aside on a full disk is one, also when it is read out only later") {
  FaultyDisk disk;
  {
    OutboxStore store(on(disk));
    REQUIRE(store.open());
    for (int i = 0; i < 40; ++i) {
      REQUIRE(append(store, store.attach("press"), std::string(1000, 'x')));
    }
    REQUIRE(store.close());
  }
  disk.damage("outbox.db", disk.read("outbox.db").size() - 4096);
  disk.set_capacity(0);  // it can be moved, and nothing be put in its place
  const SystemClock clock;
  ThreadLoop loop;
  OutboxWriter writer({.store = on(disk)}, clock);
  REQUIRE(writer.set_aside().size() == 1);
  CHECK(writer.set_aside()[0].rescued == 0);
  disk.set_capacity(std::nullopt);
  REQUIRE(loop.run_until([&] { return writer.state().health == StoreHealth::Ready; }));
  REQUIRE(writer.set_aside().size() == 1);
  CHECK(writer.set_aside()[0].rescued > 30);
}

TEST_CASE("quarantined messages can be listed for export") {
  FaultyDisk disk;
  const SystemClock clock;
  ThreadLoop loop;
  OutboxWriter writer({.store = on(disk)}, clock);
  writer.attach(kPress, "press", loop);
  writer.append(kPress, text("bad"), [&](Result<StoredMessage> row) {
    writer.quarantine(kPress, *row, ErrorCode::MessageQuarantined);
  });
  REQUIRE(loop.run_until([&] { return writer.counts(kPress).quarantined == 1; }));
  std::vector<QuarantinedMessage> listed;
  writer.list_quarantined(10, loop, [&](auto rows) { listed = *rows; });
  REQUIRE(loop.run_until([&] { return !listed.empty(); }));
  CHECK(listed[0].device_id == "press");
  CHECK(listed[0].stored.message.body == "bad");
}

}  // namespace hubward::outbox
