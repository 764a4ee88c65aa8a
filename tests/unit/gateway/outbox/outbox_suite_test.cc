// The promises of gateway/api/outbox.h, held by the writer with its thread and by the simulated
// one.
#include <doctest/doctest.h>

#include <map>
#include <memory>

#include "gateway/outbox/outbox_writer.h"
#include "gateway/outbox/row_codec.h"
#include "tests/support/faulty_disk/faulty_disk.h"
#include "tests/support/manual_loop.h"
#include "tests/support/scripted_random.h"
#include "tests/support/simulated_outbox.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thread_loop.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using namespace hubward::test;
using Bodies = std::vector<std::string>;

namespace {

constexpr DeviceIndex kPress{0};
constexpr DeviceIndex kScale{1};

class WriterHarness {
 public:
  explicit WriterHarness(StoreLimits limits = {}) : limits_(limits) { start(); }
  void start() {
    auto options = store_options(folder_.file("outbox.db"));
    options.limits = limits_;
    writer_ = std::make_unique<OutboxWriter>(WriterOptions{.store = options}, clock_);
    writer_->attach(kPress, "press", loop_);
    writer_->attach(kScale, "scale", loop_);
  }
  void restart() {
    CHECK(writer_->flush_and_stop(std::chrono::seconds{30}));
    writer_.reset();
    start();
  }
  Outbox& outbox() { return *writer_; }
  template <class Predicate>
  bool run_until(Predicate done) {
    return loop_.run_until(done);
  }

 private:
  StoreLimits limits_;
  TemporaryFolder folder_;
  SystemClock clock_;
  ThreadLoop loop_;
  std::unique_ptr<OutboxWriter> writer_;
};

class SimulatedHarness {
 public:
  explicit SimulatedHarness(StoreLimits limits = {}) : limits_(limits) { start(); }
  void start() {
    auto options = store_options("outbox.db");
    options.vfs = disk_.vfs();
    options.limits = limits_;
    outbox_ = std::make_unique<SimulatedOutbox>(SimulatedOutbox::Options{.store = options}, loop_);
    outbox_->attach(kPress, "press", loop_);
    outbox_->attach(kScale, "scale", loop_);
  }
  void restart() {
    CHECK(outbox_->stop());
    outbox_.reset();
    start();
  }
  Outbox& outbox() { return *outbox_; }
  template <class Predicate>
  bool run_until(Predicate done) {
    for (int i = 0; i < 1000 && !done(); ++i) loop_.run_for(std::chrono::milliseconds{1});
    return done();
  }

 private:
  StoreLimits limits_;
  FaultyDisk disk_;
  ManualClock clock_;
  ManualLoop loop_{clock_};
  std::unique_ptr<SimulatedOutbox> outbox_;
};

template <class Harness>
StoredMessage append_one(Harness& harness, DeviceIndex device, std::string body) {
  std::optional<Result<StoredMessage>> answer;
  harness.outbox().append(device, text(std::move(body)),
                          [&](Result<StoredMessage> stored) { answer = std::move(stored); });
  CHECK_FALSE(answer.has_value());  // never inside the call
  REQUIRE(harness.run_until([&] { return answer.has_value(); }));
  REQUIRE(answer->has_value());
  return **answer;
}

template <class Harness>
std::vector<StoredMessage> fetch_all(Harness& harness, DeviceIndex device,
                                     const StoredMessage* after = nullptr,
                                     std::size_t count_max = 1000) {
  std::optional<Result<std::vector<StoredMessage>>> answer;
  harness.outbox().fetch(device, after, nullptr, count_max,
                         [&](auto rows) { answer = std::move(rows); });
  REQUIRE(harness.run_until([&] { return answer.has_value(); }));
  REQUIRE(answer->has_value());
  return **answer;
}

Bodies bodies_of(const std::vector<StoredMessage>& rows) {
  Bodies all;
  for (const auto& row : rows) all.push_back(row.message.body);
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("an appended message is answered with its id and fetched whole", Harness,
                   WriterHarness, SimulatedHarness) {
  Harness harness;
  const StoredMessage stored = append_one(harness, kPress, "1");
  CHECK(stored.sequence == 1);
  CHECK(stored.message.body == "1");
  const auto rows = fetch_all(harness, kPress);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].epoch == stored.epoch);
  CHECK(rows[0].message.properties == stored.message.properties);
  CHECK(fetch_all(harness, kScale).empty());
}

TEST_CASE_TEMPLATE("answers come in the order of the calls, and a fetch sees no later append",
                   Harness, WriterHarness, SimulatedHarness) {
  Harness harness;
  Bodies order;
  const auto appended = [&](Result<StoredMessage> stored) {
    order.push_back("appended " + stored->message.body);
  };
  const auto fetched = [&](Result<std::vector<StoredMessage>> rows) {
    order.push_back("fetched " + std::to_string(rows->size()));
  };
  harness.outbox().fetch(kPress, nullptr, nullptr, 10, fetched);
  harness.outbox().append(kPress, text("1"), appended);
  harness.outbox().append(kScale, text("other"), appended);
  harness.outbox().append(kPress, text("2"), appended);
  harness.outbox().fetch(kPress, nullptr, nullptr, 10, fetched);
  harness.outbox().append(kPress, text("3"), appended);
  harness.outbox().fetch(kPress, nullptr, nullptr, 2, fetched);
  REQUIRE(harness.run_until([&] { return order.size() == 7; }));
  CHECK(order == Bodies{"fetched 0", "appended 1", "appended other", "appended 2", "fetched 2",
                        "appended 3", "fetched 2"});
}

TEST_CASE_TEMPLATE("a released row is gone and counted, the others stay in order", Harness,
                   WriterHarness, SimulatedHarness) {
  Harness harness;
  for (const char* body : {"1", "2", "3", "4"}) append_one(harness, kPress, body);
  const auto rows = fetch_all(harness, kPress);
  harness.outbox().release(kPress, rows[1]);
  harness.outbox().release(kPress, rows[1]);
  CHECK(bodies_of(fetch_all(harness, kPress)) == Bodies{"1", "3", "4"});
  CHECK(bodies_of(fetch_all(harness, kPress, &rows[1], 1)) == Bodies{"3"});
  const OutboxCounts counts = harness.outbox().counts(kPress);
  CHECK(counts.appended == 4);
  CHECK(counts.delivered == 1);
  CHECK(counts.waiting == 3);
  CHECK(counts.waiting_bytes == 3 * charged_bytes(text("1")));
  CHECK(counts.oldest_waiting == kNow);
  CHECK(harness.outbox().counts(kScale).waiting == 0);
  CHECK(harness.outbox().totals().waiting == 3);
}

TEST_CASE_TEMPLATE("a quarantined row blocks nobody", Harness, WriterHarness, SimulatedHarness) {
  Harness harness;
  const StoredMessage bad = append_one(harness, kPress, "bad");
  append_one(harness, kPress, "good");
  harness.outbox().quarantine(kPress, bad, ErrorCode::MessageQuarantined);
  CHECK(bodies_of(fetch_all(harness, kPress)) == Bodies{"good"});
  CHECK(harness.outbox().counts(kPress).quarantined == 1);
}

TEST_CASE_TEMPLATE("what waits survives a restart, what was released does not come back", Harness,
                   WriterHarness, SimulatedHarness) {
  Harness harness;
  for (const char* body : {"1", "2"}) append_one(harness, kPress, body);
  const StoredMessage last = append_one(harness, kScale, "1");
  harness.outbox().release(kPress, fetch_all(harness, kPress)[0]);
  harness.outbox().release(kScale, last);
  harness.restart();
  CHECK(bodies_of(fetch_all(harness, kPress)) == Bodies{"2"});
  CHECK(fetch_all(harness, kScale).empty());
  CHECK(append_one(harness, kScale, "2").sequence == 2);
  CHECK(harness.outbox().counts(kPress).waiting == 1);
  CHECK(harness.outbox().counts(kPress).appended == 0);
}

TEST_CASE_TEMPLATE("over the limit the oldest are dropped and everything is accounted for", Harness,
                   WriterHarness, SimulatedHarness) {
  StoreLimits limits;
  limits.bytes_max = 10 * charged_bytes(text("000"));
  Harness harness(limits);
  std::uint64_t answered = 0;
  for (int i = 100; i < 200; ++i) {
    harness.outbox().append(i % 2 == 0 ? kPress : kScale, text(std::to_string(i)),
                            [&](auto stored) {
                              CHECK(stored.has_value());
                              ++answered;
                            });
  }
  REQUIRE(harness.run_until([&] { return answered == 100; }));
  const OutboxCounts totals = harness.outbox().totals();
  CHECK(totals.waiting == 10);
  CHECK(totals.appended == totals.delivered + totals.dropped + totals.quarantined + totals.waiting);
  CHECK(harness.outbox().counts(kScale).dropped == 45);
  CHECK(bodies_of(fetch_all(harness, kPress)) == Bodies{"190", "192", "194", "196", "198"});
}

TEST_CASE_TEMPLATE("an append without an answer is stored as well", Harness, WriterHarness,
                   SimulatedHarness) {
  Harness harness;
  harness.outbox().append(kPress, text("1"), {});
  CHECK(bodies_of(fetch_all(harness, kPress)) == Bodies{"1"});
}

// --- Only the simulation

TEST_CASE("a simulated gateway that dies answers nothing more, and loses nothing it answered") {
  FaultyDisk disk;
  ManualClock clock;
  ManualLoop loop(clock);
  const auto open = [&](std::uint64_t boot) {
    auto options = store_options("outbox.db", boot);
    options.vfs = disk.vfs();
    auto outbox =
        std::make_unique<SimulatedOutbox>(SimulatedOutbox::Options{.store = options}, loop);
    outbox->attach(kPress, "press", loop);
    return outbox;
  };
  int answered = 0;
  const auto count = [&](const Result<StoredMessage>&) { ++answered; };
  auto outbox = open(1);
  outbox->append(kPress, text("1"), count);
  loop.run_for(std::chrono::milliseconds{10});
  CHECK(answered == 1);
  outbox->append(kPress, text("2"), count);  // not committed when it dies
  disk.kill_process();
  outbox->die();
  loop.run_for(std::chrono::seconds{1});
  CHECK(answered == 1);
  outbox = open(1);
  loop.run_for(std::chrono::milliseconds{200});
  CHECK(outbox->counts(kPress).waiting == 1);

  // Committed, answered, and not synced yet when the power goes; 50 ms later it would be.
  outbox->append(kPress, text("3"), count);
  loop.run_for(std::chrono::milliseconds{10});
  CHECK(answered == 2);
  FixedRandom everything_unsynced_is_lost{0.0};
  disk.power_cut(everything_unsynced_is_lost);
  outbox->die();
  outbox = open(2);
  loop.run_for(std::chrono::milliseconds{200});
  CHECK(outbox->counts(kPress).waiting == 1);
  outbox->append(kPress, text("4"), count);
  loop.run_for(std::chrono::milliseconds{60});
  disk.power_cut(everything_unsynced_is_lost);
  outbox->die();
  outbox = open(3);
  loop.run_for(std::chrono::milliseconds{200});
  CHECK(outbox->counts(kPress).waiting == 2);
}

}  // namespace hubward::outbox
