#include "adapters/mqtt/payload_extractor.h"
#include "adapters/mqtt/topic_routes.h"
#include "tests/support/sample_site.h"

using namespace hubward;
using namespace hubward::mqtt;

TEST_CASE("the sample loads, and reads the message that the README shows") {
  const auto site = test::load_sample(HUBWARD_SOURCE_DIR, "adapters/mqtt/sample.json");
  const DeviceSettings& sensor = site.mqtt_devices.at(0);
  const auto routes = TopicRoutes::make({{0, sensor.device_name, sensor.topic_template}},
                                        TopicRoutes::Sharing::Refused);
  REQUIRE(routes);
  CHECK(routes->filters() == std::vector<std::string>{"plant/+/telemetry"});
  CHECK(routes->owners_of("plant/sensor-01/telemetry") == std::vector<std::size_t>{0});
  const auto extractor = PayloadExtractor::make(sensor);
  REQUIRE(extractor);
  const auto samples = extractor->extract(
      R"({"seq":17,"environment":{"temperature":{"value":22.4,"unit":"degC"},"humidity":48.1},)"
      R"("status":{"door_open":false}})");
  REQUIRE(samples);
  const auto* const readings = &samples->front().readings;
  REQUIRE(readings->size() == 4);  // temperature, humidity, doorOpen, seq; the rest is not in it
  CHECK(std::get<double>((*readings)[0].value) == 22.4);
  CHECK(std::get<bool>((*readings)[2].value) == false);
  CHECK(std::get<std::int64_t>((*readings)[3].value) == 17);
}
