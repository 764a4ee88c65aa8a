// What units that do not answer cost those that do, and how soon they are found again.
#include <doctest/doctest.h>

#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus {
namespace {

using namespace test;
constexpr auto kHolding = Table::HoldingRegister;

// Answered polls by device.
std::map<std::uint32_t, double> good_polls(hubward::test::RecordingSink& sink) {
  std::map<std::uint32_t, double> good;
  for (const auto& delivery : std::exchange(sink.deliveries, {})) {
    if (delivery.batch.readings.at(0).quality == Quality::Good) ++good[delivery.batch.device.value];
  }
  return good;
}

// How much of their polls the live ones keep that they have alone: of the one that suffers most.
double share_kept(const std::map<std::uint32_t, double>& alone,
                  const std::map<std::uint32_t, double>& beside_dead) {
  double least = 1;
  for (const auto& [device, polls] : alone) {
    const auto found = beside_dead.find(device);
    least = std::min(least, found == beside_dead.end() ? 0 : found->second / polls);
  }
  return least;
}

template <class Bench>
std::chrono::nanoseconds time_until_back(Bench& bench, std::uint8_t unit, std::uint32_t device) {
  bench.silent.erase(unit);
  bench.sink.deliveries.clear();
  const SteadyTime from = bench.clock.steady();
  while (bench.clock.steady() < from + 60s) {
    bench.run_for(10ms);
    if (good_polls(bench.sink).contains(device)) break;
  }
  return bench.clock.steady() - from;
}

std::vector<DeviceSettings> units(std::uint8_t count, std::chrono::milliseconds interval,
                                  const std::set<std::uint8_t>& without = {}) {
  std::vector<DeviceSettings> devices;
  for (std::uint8_t u = 1; u <= count; ++u) {
    if (without.contains(u)) continue;
    std::vector<TagSettings> tags;
    for (std::uint16_t i = 0; i < 10; ++i) {
      tags.push_back(tag(i, kHolding, i, ValueType::Uint16, interval));
    }
    devices.push_back(device(u - 1U, u, tags));  // 1 s time-out
  }
  return devices;
}

TEST_CASE("of 32 units on a line 8 dead ones cost the others less than a twentieth") {
  struct Row {
    const char* why;
    std::uint32_t baud;
    std::chrono::milliseconds interval;
    std::set<std::uint8_t> dead;
  };
  const std::set<std::uint8_t> spread{4, 8, 12, 16, 20, 24, 28, 32};
  const Row rows[] = {
      {"a line with time to spare", 115200, 1000ms, spread},
      {"a line that just carries what is asked", 19200, 1000ms, spread},
      {"a slow line that is asked for twice what it can carry", 9600, 600ms, spread},
      {"all at the beginning", 19200, 1000ms, {1, 2, 3, 4, 5, 6, 7, 8}},
      {"all at the end", 19200, 200ms, {25, 26, 27, 28, 29, 30, 31, 32}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const SerialSettings settings{.path = "/dev/ttyUSB0", .baud = row.baud};
    FaultyLine alone(units(32, row.interval, row.dead), settings, {}, 1);
    FaultyLine line(units(32, row.interval), settings, {}, 1);
    line.silent = row.dead;
    for (FaultyLine* one : {&alone, &line}) {
      one->run_for(30s);
      one->sink.deliveries.clear();
      one->run_for(300s);
    }
    const auto alone_polls = good_polls(alone.sink);
    CHECK(alone_polls.size() == 24);
    const double kept = share_kept(alone_polls, good_polls(line.sink));
    CAPTURE(kept);
    CHECK(kept >= 0.95);
    for (const std::uint8_t unit : row.dead) {
      line.run_for(3700ms);
      const auto back = time_until_back(line, unit, unit - 1U);
      CHECK(back <= 10s);
      line.silent.insert(unit);
      line.run_for(40s);
    }
  }
}

TEST_CASE("of 10 units behind a TCP endpoint a dead one costs the others less than a twentieth") {
  for (const auto interval : {1000ms, 20ms}) {
    CAPTURE(interval.count());
    TcpBench alone(units(10, interval, {7}));
    TcpBench bench(units(10, interval));
    bench.silent = {7};
    for (TcpBench* one : {&alone, &bench}) {
      one->connect();
      one->run_for(30s);
      one->sink.deliveries.clear();
      one->run_for(300s);
    }
    const auto alone_polls = good_polls(alone.sink);
    CHECK(alone_polls.size() == 9);
    const double kept = share_kept(alone_polls, good_polls(bench.sink));
    CAPTURE(kept);
    CHECK(kept >= 0.95);
    CHECK(bench.streams.size() == 1);  // one connection for all of them
    CHECK(bench.stream().opens == 1);
    for (int i = 0; i < 10; ++i) {
      bench.run_for(3700ms);
      const auto back = time_until_back(bench, 7, 6);
      CHECK(back <= 10s);
      bench.silent.insert(7);
      bench.run_for(40s);
    }
  }
}

TEST_CASE("a line tells who uses and needs how much of it") {
  const SerialSettings settings{.path = "/dev/ttyUSB0", .baud = 9600};
  FaultyLine line(units(3, 200ms), settings, {.pieces = false}, 1);
  line.silent = {3};
  (void)line.adapter->line_use();
  line.run_for(60s);
  (void)line.adapter->line_use();
  line.run_for(10s);
  const LineUse use = line.adapter->line_use();
  CHECK(use.place == "/dev/ttyUSB0");
  REQUIRE(use.parts.size() == 3);
  CHECK(use.parts[0].device == DeviceIndex{0});
  // Five times a second 33 characters and 5 ms: about 39 ms, with the silence around them 46.
  CHECK(use.parts[0].used == doctest::Approx(0.2).epsilon(0.05));
  CHECK(use.parts[0].needed == doctest::Approx(0.23).epsilon(0.05));
  CHECK(static_cast<double>(use.parts[1].turnaround->count()) == doctest::Approx(5e6).epsilon(0.3));
  CHECK(use.parts[2].used < 0.01);
  CHECK_FALSE(use.parts[2].turnaround);
  CHECK(use.parts[2].unanswered == use.parts[2].requests);
}

TEST_CASE("however many are dead, they take a twentieth of a busy line at most") {
  std::set<std::uint8_t> dead;
  for (std::uint8_t u = 3; u <= 200; ++u) dead.insert(u);
  const SerialSettings settings{.path = "/dev/ttyUSB0", .baud = 19200};
  FaultyLine alone(units(200, 20ms, dead), settings, {}, 1);
  FaultyLine line(units(200, 20ms), settings, {}, 1);
  line.silent = dead;
  for (FaultyLine* one : {&alone, &line}) {
    one->run_for(60s);
    one->sink.deliveries.clear();
    one->run_for(120s);
  }
  CHECK(share_kept(good_polls(alone.sink), good_polls(line.sink)) >= 0.95);
}

TEST_CASE("a unit that is slower than its neighbours, or has become so, is found all the same") {
  const SerialSettings settings{.path = "/dev/ttyUSB0", .baud = 19200};
  for (const auto interval : {1000ms, 300ms}) {
    CAPTURE(interval.count());
    FaultyLine line(units(8, interval), settings, {}, 1);
    line.slow = {5};  // from the start
    line.run_for(10s);
    CHECK(good_polls(line.sink).size() == 8);
    line.silent = {2};
    line.run_for(60s);
    line.slow.insert(2);
    CHECK(time_until_back(line, 2, 1) <= 10s);
    line.sink.deliveries.clear();
    line.run_for(10s);
    for (const auto& [device, polls] : good_polls(line.sink)) CHECK(polls >= 5);
  }
}

TEST_CASE("a gateway that is busy with a dead unit does not make others look dead") {
  auto devices = units(3, 200ms);
  TcpBench bench(devices);
  bench.connect();
  bench.run_for(5s);
  bench.sink.states.clear();
  SteadyTime busy_until;
  for (const SteadyTime end = bench.clock.steady() + 60s; bench.clock.steady() < end;) {
    for (const TcpFrame& frame : bench.take_requests()) {
      const auto at = std::max(busy_until, bench.clock.steady());
      if (frame.unit == 2) {  // it waits a second for it, and then says so
        busy_until = at + 990ms;
        bench.loop.call_at(busy_until, [&, frame] {
          bench.stream().send(
              encode_tcp(frame.transaction, frame.unit, hubward::test::bytes("83 0B")));
        });
        continue;
      }
      busy_until = at + 5ms;
      bench.loop.call_at(busy_until, [&, frame] { bench.stream().send(bench.answer_to(frame)); });
    }
    bench.loop.run_for(1ms);
  }
  for (const auto& [device, state] : bench.sink.states) CHECK(device == DeviceIndex{1});
  CHECK(bench.sink.bad.empty());  // what it says late is nothing odd
  CHECK(good_polls(bench.sink).at(0) >= 0.8 * 65 * 5);
}

TEST_CASE("from the very start dead units cost next to nothing, once one has answered") {
  const SerialSettings settings{.path = "/dev/ttyUSB0", .baud = 19200};
  FaultyLine line(units(32, 1000ms), settings, {}, 1);
  line.silent = {4, 8, 12, 16, 20, 24, 28, 32};
  line.run_for(31s);  // the first of them without a word
  const auto polls = good_polls(line.sink);
  CHECK(polls.size() == 24);
  for (const auto& [device, count] : polls) CHECK(count >= 0.95 * 30);
}

}  // namespace
}  // namespace hubward::modbus
