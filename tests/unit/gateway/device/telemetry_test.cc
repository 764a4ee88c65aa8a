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

std::vector<OutboxMessage> telemetry_messages(const DeviceDescription& device,
                                              const ReadingBatch& batch, const RunStamp& stamp) {
  PollMessages messages(device);
  messages.add(batch, stamp);
  return messages.take();
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

TEST_CASE("the responses of one poll are one message with the time of the first") {
  const DeviceDescription device = press();
  PollMessages messages(device);
  CHECK(messages.take().empty());
  ReadingBatch first{DeviceIndex{0}, WallTime{std::chrono::milliseconds{1000}}, {}, {good(0, 1.0)}};
  ReadingBatch second{
      DeviceIndex{0}, WallTime{std::chrono::milliseconds{1020}}, {}, {good(1, true), good(2, 2.0)}};
  messages.add(first, {});
  messages.add(second, {});
  const auto sent = messages.take();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].body == R"({"pressure":1,"running":true})");
  CHECK(sent[0].created == first.at);
  CHECK(sent[1].body == R"({"oilTemp":2})");
  CHECK(messages.take().empty());
}

TEST_CASE("a tag that comes again before its message was sent begins another") {
  const DeviceDescription device = press();
  PollMessages messages(device);
  ReadingBatch batch;
  batch.readings = {good(0, 1.0), good(2, 5.0), good(0, 2.0), good(1, true)};
  messages.add(batch, {});
  const auto sent = messages.take();
  REQUIRE(sent.size() == 3);
  CHECK(sent[0].body == R"({"pressure":1})");
  CHECK(sent[1].body == R"({"oilTemp":5})");
  CHECK(sent[2].body == R"({"pressure":2,"running":true})");
}

TEST_CASE("messages are split long before the hub's limit") {
  DeviceDescription device;
  for (int i = 0; i < 600; ++i) {
    TagDescription tag;
    tag.name = "t" + std::to_string(i);
    device.tags.push_back(tag);
  }
  ReadingBatch batch;
  for (std::uint16_t i = 0; i < 600; ++i) batch.readings.push_back(good(i, std::string(240, 'x')));
  const auto sent = telemetry_messages(device, batch, {});
  CHECK(sent.size() == 3);
  for (const auto& message : sent) CHECK(message.body.size() < kBodyBytesMax + 300);
}

TEST_CASE("a tag that reports on change tells its changes of quality, bad ones by their reason") {
  DeviceDescription device = press();
  device.tags[0].report.on_change = true;
  PollMessages messages(device);
  const auto sent = [&](TagReading reading) {
    ReadingBatch batch;
    batch.readings = {std::move(reading)};
    messages.add(batch, {});
    return messages.take();
  };
  CHECK(sent(good(0, 1.0)).size() == 1);
  CHECK(sent(good(0, 1.0)).empty());
  const auto bad = sent({TagIndex{0}, false, Quality::Bad, ErrorCode::NoValue});
  REQUIRE(bad.size() == 1);
  CHECK(bad[0].body == "{}");
  CHECK(bad[0].properties ==
        std::vector<std::pair<std::string, std::string>>{{"bad", "pressure=no_value"}});
  CHECK(sent({TagIndex{0}, false, Quality::Bad, ErrorCode::NoValue}).empty());
  CHECK(sent({TagIndex{0}, false, Quality::Bad, ErrorCode::NoAnswer}).size() == 1);
  CHECK(sent(good(0, 1.0)).size() == 1);  // unchanged, and yet news
}

TEST_CASE("what the store refused is told again, also if it has not changed") {
  DeviceDescription device = press();
  device.tags[0].report.on_change = true;
  PollMessages messages(device);
  const auto sent = [&] {
    ReadingBatch batch;
    batch.readings = {good(0, 1.0)};
    messages.add(batch, {});
    return messages.take().size();
  };
  CHECK(sent() == 1);
  CHECK(sent() == 0);
  messages.on_refused();
  CHECK(sent() == 1);
  CHECK(sent() == 0);
}

TEST_CASE("a device of many tags that falls silent says so in messages that fit a topic") {
  DeviceDescription device = press();
  device.tags.resize(1000, device.tags[0]);
  ReadingBatch batch;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    device.tags[i].name = std::string(60, 'n') + std::to_string(i);
    device.tags[i].component = {};
    device.tags[i].as = TagDescription::As::Telemetry;
    device.tags[i].report.on_change = true;
    batch.readings.push_back({TagIndex{i}, false, Quality::Bad, ErrorCode::NoAnswer});
  }
  PollMessages messages(device);
  messages.add(batch, {});
  std::size_t told = 0;
  for (const auto& message : messages.take()) {
    REQUIRE(message.properties.size() == 1);
    const std::string& bad = message.properties[0].second;
    CHECK(bad.size() < 4096 + 100);
    told += static_cast<std::size_t>(std::count(bad.begin(), bad.end(), '='));
  }
  CHECK(told == 1000);
}

TEST_CASE("values keep their exact text as JSON") {
  CHECK(to_json(TagValue(0.1)) == "0.1");
  CHECK(to_json(TagValue(std::uint64_t{18446744073709551615U})) == "18446744073709551615");
  CHECK(to_json(TagValue(std::int64_t{-1})) == "-1");
  CHECK(to_json(TagValue(false)) == "false");
  CHECK(to_json(TagValue(std::string("a\"\\\n\x1f"))) == R"("a\"\\\u000a\u001f")");
}
