#include "gateway/device/telemetry.h"

#include <doctest/doctest.h>

#include <limits>

#include "gateway/device/tag_json.h"

using namespace hubward;
using namespace hubward::device;

namespace {

DeviceDescription press() {
  DeviceDescription device;
  device.id = "press-07";
  const auto tag = [&](const char* name, const char* component = "") -> TagDescription& {
    TagDescription description;
    description.name = name;
    description.component = component;
    return device.tags.emplace_back(std::move(description));
  };
  tag("pressure");
  tag("running");
  tag("oilTemp", "hydraulics");
  tag("alarm").priority = Priority::Alarm;
  tag("serialNumber").as = TagDescription::As::Property;
  return device;
}

TagReading good(std::uint16_t tag, TagValue value) {
  return {TagIndex{tag}, std::move(value), Quality::Good, {}};
}

}  // namespace

TEST_CASE("readings taken together are one message, one more for each component") {
  ReadingBatch batch;
  batch.at = WallTime{std::chrono::milliseconds{1767600000125}};
  batch.readings = {good(0, 182.5), good(2, std::int64_t{-3}), good(1, true)};
  const auto messages = telemetry_messages(press(), batch, {.boot_id = 7});
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].body == R"({"pressure":182.5,"running":true})");
  CHECK(messages[0].component.empty());
  CHECK(messages[0].created == batch.at);
  CHECK(messages[0].boot_id == 7);
  CHECK(messages[0].priority == Priority::Normal);
  CHECK(messages[0].properties.empty());
  CHECK(messages[1].body == R"({"oilTemp":-3})");
  CHECK(messages[1].component == "hydraulics");
}

TEST_CASE("bad values, properties and numbers without a JSON form stay out") {
  ReadingBatch batch;
  batch.readings = {{TagIndex{0}, 1.0, Quality::Bad, ErrorCode::ModbusException},
                    good(4, std::string("A17")),
                    good(0, std::numeric_limits<double>::quiet_NaN()),
                    good(99, 1.0)};
  CHECK(telemetry_messages(press(), batch, {}).empty());
}

TEST_CASE("one alarm makes the message urgent, an untrusted clock is noted") {
  ReadingBatch batch;
  batch.readings = {good(0, 1.0), good(3, true)};
  const auto messages = telemetry_messages(press(), batch, {.boot_id = 1, .clock_trusted = false});
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].priority == Priority::Alarm);
  CHECK_FALSE(messages[0].clock_trusted);
  CHECK(messages[0].properties.empty());  // the mark is made when it is sent
}

TEST_CASE("values keep their exact text as JSON") {
  CHECK(to_json(TagValue(0.1)) == "0.1");
  CHECK(to_json(TagValue(std::uint64_t{18446744073709551615U})) == "18446744073709551615");
  CHECK(to_json(TagValue(std::int64_t{-1})) == "-1");
  CHECK(to_json(TagValue(false)) == "false");
  CHECK(to_json(TagValue(std::string("a\"\\\n\x1f"))) == R"("a\"\\\u000a\u001f")");
}
