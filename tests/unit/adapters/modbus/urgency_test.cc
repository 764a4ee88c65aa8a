// Who is asked when: deadlines, and what becomes of them on a line that cannot keep up.
#include <doctest/doctest.h>

#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/adapters/modbus/tcp_bench.h"

namespace hubward::modbus {
namespace {

using namespace test;
constexpr auto kHolding = Table::HoldingRegister;
const SerialSettings kLine{.path = "/dev/ttyUSB0", .baud = 9600};

std::map<std::pair<std::uint32_t, std::uint16_t>, double> polls(
    hubward::test::RecordingSink& sink) {
  std::map<std::pair<std::uint32_t, std::uint16_t>, double> count;
  for (const auto& delivery : std::exchange(sink.deliveries, {})) {
    for (const auto& reading : delivery.batch.readings) {
      ++count[{delivery.batch.device.value, reading.tag.value}];
    }
  }
  return count;
}

TEST_CASE("a fast tag does not wait behind the many slow ones of its own device and of others") {
  std::vector<DeviceSettings> devices;
  for (std::uint8_t u = 1; u <= 2; ++u) {
    std::vector<TagSettings> tags{tag(0, Table::InputRegister, 0, ValueType::Uint16, 200ms)};
    for (std::uint16_t i = 1; i <= 30; ++i) {  // 30 requests once in 10 s
      const auto address = static_cast<std::uint16_t>(i * 200);
      tags.push_back(tag(i, kHolding, address, ValueType::Uint32, 10'000ms));
    }
    devices.push_back(device(u - 1U, u, tags));
  }
  FaultyLine line(devices, kLine, {}, 1);
  line.run_for(11s);
  (void)polls(line.sink);
  line.run_for(100s);
  for (const auto& [which, count] : polls(line.sink)) {
    const auto tag_index = which.second;
    CAPTURE(tag_index);
    CHECK(count == (tag_index == 0 ? 500 : 10));
  }
}

TEST_CASE("a line that is asked for too much slows everybody down in proportion") {
  std::vector<DeviceSettings> devices;
  const std::chrono::milliseconds intervals[] = {40ms, 40ms, 100ms, 100ms, 400ms, 1000ms};
  std::uint8_t unit = 1;
  for (const auto interval : intervals) {
    devices.push_back(device(unit - 1U, unit, {tag(0, kHolding, 0, ValueType::Uint16, interval)}));
    ++unit;
  }
  FaultyLine line(devices, kLine, {.pieces = false}, 1);  // about 28 ms each: 210 %
  line.run_for(10s);
  (void)polls(line.sink);
  line.run_for(100s);
  const auto count = polls(line.sink);
  double least = 1;
  double most = 0;
  for (std::uint32_t d = 0; d < 6; ++d) {
    const double share = count.at({d, 0}) * static_cast<double>(intervals[d].count()) / 100'000;
    CAPTURE(d);
    CAPTURE(share);
    CHECK(share > 0.3);
    least = std::min(least, share);
    most = std::max(most, share);
  }
  CHECK(most / least < 1.7);
}

}  // namespace
}  // namespace hubward::modbus
