#include "adapters/serial/frame_extractor.h"
#include "tests/support/sample_site.h"

using namespace hubward;
using namespace hubward::serial;

TEST_CASE("the sample loads, and reads the line that the README shows") {
  const auto site = test::load_sample(HUBWARD_SOURCE_DIR, "adapters/serial/sample.json");
  REQUIRE(site.serial_lines.size() == 1);
  const DeviceSettings& device = site.serial_lines[0].devices[0];
  CHECK(std::get<Delimited>(device.frames.framing).end == "\r\n");
  CHECK(device.frames.bytes_max == 200);
  auto extractor = FrameExtractor::make(device);
  REQUIRE(extractor);
  const auto readings = extractor->extract("ST,GS,+  012.345kg,#00000123");
  REQUIRE(readings);
  REQUIRE(readings->size() == 3);
  CHECK(std::get<double>((*readings)[0].value) == doctest::Approx(12.345));
  CHECK(std::get<std::string>((*readings)[1].value) == "ST");
  CHECK(std::get<std::int64_t>((*readings)[2].value) == 123);
}
