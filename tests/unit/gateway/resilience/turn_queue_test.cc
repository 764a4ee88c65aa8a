#include "gateway/resilience/turn_queue.h"

#include <doctest/doctest.h>

#include <vector>

using namespace hubward;
using namespace hubward::resilience;

namespace {
std::vector<std::uint32_t> order_of(TurnQueue& queue) {
  std::vector<std::uint32_t> order;
  while (const auto device = queue.pop()) order.push_back(device->value);
  return order;
}
}  // namespace

TEST_CASE("new, moved and returning devices take turns; commanded ones go before all") {
  TurnQueue queue;
  for (std::uint32_t i = 10; i < 14; ++i) queue.push(DeviceIndex{i}, Turn::Returning);
  queue.push(DeviceIndex{20}, Turn::New);
  queue.push(DeviceIndex{30}, Turn::Moved);
  queue.push(DeviceIndex{31}, Turn::Moved);
  queue.push(DeviceIndex{1}, Turn::Commanded);
  queue.push(DeviceIndex{2}, Turn::Commanded);
  CHECK(order_of(queue) == std::vector<std::uint32_t>{1, 2, 20, 30, 10, 31, 11, 12, 13});
  CHECK(queue.empty());
}

TEST_CASE("asking again keeps the place, another turn gets a new one, and who left is not called") {
  TurnQueue queue;
  queue.push(DeviceIndex{1}, Turn::New);
  queue.push(DeviceIndex{2}, Turn::New);
  queue.push(DeviceIndex{3}, Turn::New);
  queue.push(DeviceIndex{1}, Turn::New);
  queue.push(DeviceIndex{2}, Turn::Commanded);
  queue.remove(DeviceIndex{3});
  CHECK(queue.size() == 2);
  CHECK(queue.contains(DeviceIndex{2}));
  CHECK(order_of(queue) == std::vector<std::uint32_t>{2, 1});
}

TEST_CASE("coming and going a million times does not grow the line") {
  TurnQueue queue;
  queue.push(DeviceIndex{7}, Turn::Returning);
  for (int i = 0; i < 1'000'000; ++i) {
    queue.push(DeviceIndex{1}, Turn::Returning);
    queue.remove(DeviceIndex{1});
  }
  CHECK(queue.size() == 1);
  CHECK(order_of(queue) == std::vector<std::uint32_t>{7});
}
