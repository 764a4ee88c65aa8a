#include "proto/modbus/bus_time.h"

#include <doctest/doctest.h>

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;
constexpr auto kHolding = Table::HoldingRegister;

BusTiming line(std::uint32_t baud, std::chrono::nanoseconds turnaround = 5ms) {
  return {RtuTiming::at(baud, 11), turnaround};
}

double ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

TEST_CASE("an exchange takes its characters, two silences and the device's turnaround") {
  struct Row {
    std::uint32_t baud;
    std::uint16_t registers;
    double ms;
  };
  // Computed by hand: (8 + 5 + 2 n) characters of 11 bits, 2 x 3.5 characters or 1.75 ms, 5 ms.
  const Row rows[] = {{9600, 1, 30.2},     {9600, 10, 50.8},    {9600, 125, 314.4},
                      {19200, 1, 17.6},    {19200, 125, 159.7}, {38400, 10, 18.0},
                      {115200, 10, 11.65}, {115200, 125, 33.6}};
  for (const Row& row : rows) {
    CAPTURE(row.baud);
    CAPTURE(row.registers);
    CHECK(ms(exchange_time({kHolding, 0, row.registers}, line(row.baud))) ==
          doctest::Approx(row.ms).epsilon(0.005));
  }
  CHECK(exchange_time({kHolding, 0, 125}, {std::nullopt, 12ms}) == 12ms);
}

TEST_CASE("the gap worth reading grows with the speed of the line and the slowness of the device") {
  CHECK(gap_worth_reading(line(9600, 5ms)) == 12);
  CHECK(gap_worth_reading(line(9600, 20ms)) == 18);
  CHECK(gap_worth_reading(line(1200, 0ms)) == 10);
  CHECK(gap_worth_reading(line(115200)) == kGapMax);
  CHECK(gap_worth_reading({std::nullopt, 1ms}) == kGapMax);
}

TEST_CASE("what falls due together shares a request, and is counted once") {
  const std::vector<PolledItem> together{{{kHolding, 0, 1}, 1000ms}, {{kHolding, 1, 1}, 1000ms}};
  const auto need = bus_need(together, {}, line(9600));
  CHECK(need.requests_a_s == doctest::Approx(1));
  CHECK(need.share == doctest::Approx(0.0325).epsilon(0.01));

  // The slow one rides along at every fifth poll of the fast one.
  const std::vector<PolledItem> nested{{{kHolding, 0, 1}, 1000ms}, {{kHolding, 1, 1}, 5000ms}};
  CHECK(bus_need(nested, {}, line(9600)).requests_a_s == doctest::Approx(1));
  const std::vector<PolledItem> apart{{{kHolding, 0, 1}, 1000ms}, {{kHolding, 500, 1}, 5000ms}};
  CHECK(bus_need(apart, {}, line(9600)).requests_a_s == doctest::Approx(1.2));
}

TEST_CASE("a need beyond the line is told as it is, and odd intervals end somewhere") {
  const std::vector<PolledItem> fast{{{kHolding, 0, 125}, 100ms}};
  CHECK(bus_need(fast, {}, line(9600)).share == doctest::Approx(3.144).epsilon(0.01));
  const std::vector<PolledItem> odd{
      {{kHolding, 0, 1}, 997ms}, {{kHolding, 100, 1}, 86'399'999ms}, {{kHolding, 200, 1}, 31ms}};
  CHECK(bus_need(odd, {}, line(9600)).requests_a_s ==
        doctest::Approx(1000.0 / 997 + 1000.0 / 31).epsilon(0.02));
  CHECK(bus_need({}, {}, line(9600)).share == 0);
  CHECK(bus_need(std::vector<PolledItem>{{{kHolding, 0, 1}, 0ms}}, {}, line(9600)).share >= 0);
}

}  // namespace
}  // namespace hubward::modbus
