#include "adapters/mqtt/topic_routes.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::mqtt;

namespace {

DeviceSettings device(std::string name, std::string topic) {
  return {
      .device = {}, .device_name = std::move(name), .topic_template = std::move(topic), .tags = {}};
}

}  // namespace

TEST_CASE("a thousand devices with one template share one subscription") {
  std::vector<DeviceSettings> devices;
  for (int i = 0; i < 1000; ++i) {
    devices.push_back(device("s" + std::to_string(i), "plant/{device}/t"));
  }
  const auto routes = TopicRoutes::make(devices);
  REQUIRE(routes);
  CHECK(routes->filters() == std::vector<std::string>{"plant/+/t"});
  CHECK(routes->device_of("plant/s0/t") == 0);
  CHECK(routes->device_of("plant/s999/t") == 999);
  CHECK(!routes->device_of("plant/s1000/t"));
  CHECK(!routes->device_of("plant/s1/u"));
}

TEST_CASE("different templates stand side by side, and the device that was named first wins") {
  const auto routes = TopicRoutes::make(
      {device("a", "x/{device}/#"), device("b", "x/+/{device}"), device("c", "hall/door")});
  REQUIRE(routes);
  CHECK(routes->filters() == std::vector<std::string>{"x/+/#", "x/+/+", "hall/door"});
  CHECK(routes->device_of("x/a/q") == 0);
  CHECK(routes->device_of("x/q/b") == 1);
  CHECK(routes->device_of("x/a/b") == 0);
  CHECK(routes->device_of("hall/door") == 2);
}

TEST_CASE("templates that cannot work are refused and name the topic") {
  struct Row {
    const char* why;
    std::vector<DeviceSettings> devices;
  };
  const Row rows[] = {
      {"no template", {device("a", "x/#/y")}},
      {"same name on the same template", {device("a", "x/{device}"), device("a", "x/{device}")}},
      {"same topic without a name", {device("a", "hall/door"), device("b", "hall/door")}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto routes = TopicRoutes::make(row.devices);
    REQUIRE(!routes);
    CHECK(routes.error().code == ErrorCode::ConfigInvalid);
    CHECK(routes.error().context.find(row.devices[0].topic_template) != std::string::npos);
  }
}
