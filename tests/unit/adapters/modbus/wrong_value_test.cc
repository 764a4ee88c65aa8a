// A Modbus answer on a serial line does not say what it answers. Whatever the line does to frames,
// no value may be handed up that is another register's, or older than the request.
#include <doctest/doctest.h>

#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus {
namespace {

using namespace test;
constexpr auto kHolding = Table::HoldingRegister;
constexpr auto kInput = Table::InputRegister;

// Every value is four registers: unit and table, address, and two of a count of all answers, so
// that a reading tells where and when it was made.
std::uint16_t witness(std::uint8_t unit, Table table, unsigned address, std::uint32_t count) {
  switch (address % 4) {
    case 0:
      return static_cast<std::uint16_t>(unsigned{unit} << 8 | static_cast<unsigned>(table));
    case 1:
      return static_cast<std::uint16_t>(address - 1);
    case 2:
      return static_cast<std::uint16_t>(count >> 16);
    default:
      return static_cast<std::uint16_t>(count & 0xFFFF);
  }
}

struct Verdict {
  std::uint64_t good = 0;
  std::uint64_t foreign = 0;  // another register's or unit's
  std::uint64_t stale = 0;    // made before its request was sent
};

// Same-sized blocks at different addresses, a unit with a single block, one with two tables.
std::vector<DeviceSettings> plant() {
  const auto u64 = [](std::uint16_t index, Table table, std::uint16_t address,
                      std::chrono::milliseconds interval) {
    return tag(index, table, address, ValueType::Uint64, interval);
  };
  std::vector<DeviceSettings> devices{
      device(0, 1,
             {u64(0, kHolding, 0, 200ms), u64(1, kHolding, 100, 200ms),
              u64(2, kHolding, 200, 200ms), u64(3, kHolding, 300, 400ms)}),
      device(1, 2, {u64(0, kHolding, 0, 200ms)}),
      device(2, 3,
             {u64(0, kHolding, 0, 300ms), u64(1, kHolding, 4, 300ms), u64(2, kInput, 0, 300ms),
              u64(3, kInput, 40, 900ms)}),
  };
  for (auto& d : devices) d.response_timeout = 100ms;
  return devices;
}

Verdict judge(FaultyLine::Faults faults, std::uint64_t seed, std::uint64_t transactions) {
  const auto devices = plant();
  FaultyLine line(devices, {.path = "/dev/ttyUSB0", .baud = 115200}, faults, seed);
  std::uint32_t count = 0;
  line.server = [&](std::uint8_t unit, const Request& request) -> Answer {
    ++count;
    const auto& read = std::get<ReadRequest>(request);
    ReadAnswer answer;
    for (unsigned i = 0; i < read.count; ++i) {
      answer.values.push_back(witness(unit, read.table, read.address + i, count));
    }
    return answer;
  };
  Verdict verdict;
  while (line.transactions < transactions) {
    const std::uint32_t count_before = count;
    line.run_for(20ms);
    for (const auto& delivery : std::exchange(line.sink.deliveries, {})) {
      const auto& settings = devices[delivery.batch.device.value];
      for (const auto& reading : delivery.batch.readings) {
        if (reading.quality != Quality::Good) continue;
        const auto value = std::get<std::uint64_t>(reading.value);
        const auto& expected = settings.tags[reading.tag.value];
        const auto place =
            std::uint64_t{witness(settings.unit_id, expected.table, 0, 0)} << 16 | expected.address;
        if (value >> 32 != place) {
          ++verdict.foreign;
          // A request is answered within its time-out, during which the others answer little.
        } else if ((value & 0xFFFFFFFF) + 60 < count_before) {
          ++verdict.stale;
        } else {
          ++verdict.good;
        }
      }
    }
    line.sink.bad.clear();
    line.sink.states.clear();
  }
  return verdict;
}

struct Row {
  const char* why;
  FaultyLine::Faults faults;
};

TEST_CASE("on no line does a wrong value get through, in 120,000 transactions") {
  const Row rows[] = {
      {"nothing goes wrong", {}},
      {"late answers", {.late = 0.05}},
      {"answers lost and late", {.request_lost = 0.02, .answer_lost = 0.05, .late = 0.1}},
      {"answers repeated", {.repeated = 0.2}},
      {"noise", {.damaged = 0.05, .cut = 0.05, .noise = 0.05, .glitch = 0.3}},
      {"a line with echo", {.late = 0.03, .damaged = 0.03, .echo = true}},
      {"everything",
       {.request_lost = 0.02,
        .answer_lost = 0.02,
        .late = 0.05,
        .repeated = 0.05,
        .damaged = 0.03,
        .cut = 0.03,
        .noise = 0.03,
        .glitch = 0.1}},
      {"everything, with echo",
       {.request_lost = 0.02,
        .answer_lost = 0.02,
        .late = 0.05,
        .repeated = 0.05,
        .damaged = 0.03,
        .cut = 0.03,
        .noise = 0.03,
        .glitch = 0.1,
        .echo = true}},
  };
  for (const Row& row : rows) {
    for (const std::uint64_t seed : {3U, 4U, 5U}) {
      CAPTURE(row.why);
      CAPTURE(seed);
      const Verdict verdict = judge(row.faults, seed, 5000);
      CHECK(verdict.foreign == 0);
      CHECK(verdict.stale == 0);
      CHECK(verdict.good > 1000);
    }
  }
}

}  // namespace
}  // namespace hubward::modbus
