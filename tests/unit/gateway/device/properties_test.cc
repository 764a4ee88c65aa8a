#include "gateway/device/properties.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::device;

namespace {

DeviceDescription press() {
  DeviceDescription device;
  TagDescription serial;
  serial.name = "serialNumber";
  serial.as = TagDescription::As::Property;
  TagDescription target;
  target.name = "targetPressure";
  target.component = "hydraulics";
  target.writable = true;
  target.write_max = 200;
  target.as = TagDescription::As::Property;
  TagDescription pressure;
  pressure.name = "pressure";
  device.tags = {serial, target, pressure};
  return device;
}

TagReading good(std::uint16_t tag, TagValue value) {
  return {TagIndex{tag}, std::move(value), Quality::Good, {}};
}

hub::Twin twin(std::string_view body) {
  const std::vector<std::string> components{"hydraulics"};
  auto parsed = hub::parse_twin(body, components);
  REQUIRE(parsed);
  return std::move(*parsed);
}

}  // namespace

TEST_CASE("a property is reported when it changes, and only then") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(0, std::string("A17")));
  properties.on_reading(good(2, 1.0));  // telemetry
  CHECK(properties.take_report() == R"({"serialNumber":"A17"})");
  properties.report_accepted();
  properties.on_reading(good(0, std::string("A17")));
  CHECK_FALSE(properties.take_report());
  properties.on_reading(good(1, 100.0));
  CHECK(properties.take_report() ==
        R"({"hydraulics":{"__t":"c","targetPressure":{"value":100,"ac":203,"av":0}}})");
}

TEST_CASE(
    "a wish that was made while the device was away for long is refused, where that is asked") {
  using namespace std::chrono_literals;
  DeviceDescription device = press();
  device.tags[1].wish_age_max = 60s;
  Properties properties(device);
  const auto wishing = [](int value, int version) {
    return twin(R"({"desired":{"hydraulics":{"targetPressure":)" + std::to_string(value) +
                R"(},"$version":)" + std::to_string(version) + R"(},"reported":{"$version":1}})");
  };
  // The first twin of a run: nobody knows how old.
  CHECK(properties.on_twin(wishing(190, 7), SteadyTime{10s}).empty());
  CHECK(properties.take_report() ==
        R"({"hydraulics":{"__t":"c","targetPressure":{"value":190,"ac":400,"av":7,)"
        R"("ad":"not written: it was set while the device was away; set it again"}}})");
  properties.report_accepted();
  properties.on_away(SteadyTime{100s});
  CHECK(properties.on_twin(wishing(180, 8), SteadyTime{160s}).size() == 1);
  properties.on_away(SteadyTime{200s});
  CHECK(properties.on_twin(wishing(170, 9), SteadyTime{261s}).empty());
  // What comes while we listen is new.
  CHECK(properties.on_patch({10, {{"hydraulics", "targetPressure", "160", 10, {}}}}).size() == 1);
}

TEST_CASE("a wish is written once and answered with what came of it") {
  const DeviceDescription device = press();
  Properties properties(device);
  const auto wishes = properties.on_twin(
      twin(
          R"({"desired":{"hydraulics":{"targetPressure":190},"$version":7},"reported":{"$version":1}})"),
      {});
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].tag == TagIndex{1});
  CHECK(wishes[0].value == TagValue(std::int64_t{190}));
  CHECK_FALSE(properties.take_report());
  properties.on_written(wishes[0], {WriteResult::Outcome::Written, {}, {}, std::nullopt});
  CHECK(
      properties.take_report() ==
      R"({"hydraulics":{"__t":"c","targetPressure":{"value":190,"ac":200,"av":7,"ad":"written"}}})");
  properties.report_accepted();
  // The next connect fetches the same twin: nothing to do.
  CHECK(properties
            .on_twin(twin(R"({"desired":{"hydraulics":{"targetPressure":190},"$version":7},)"
                          R"("reported":{"$version":2}})"),
                     {})
            .empty());
}

TEST_CASE("an old setpoint is not written again because another property changed or we restarted") {
  const DeviceDescription device = press();
  Properties restarted(device);
  CHECK(restarted
            .on_twin(
                twin(R"({"desired":{"hydraulics":{"targetPressure":190},"other":1,"$version":9},)"
                     R"("reported":{"hydraulics":{"__t":"c","targetPressure":)"
                     R"({"value":190,"ac":200,"av":7}},"$version":3}})"),
                {})
            .empty());
  // A refusal that was answered for this very version stays answered too.
  Properties again(device);
  CHECK(again
            .on_twin(twin(R"({"desired":{"hydraulics":{"targetPressure":300},"$version":9},)"
                          R"("reported":{"hydraulics":{"__t":"c","targetPressure":)"
                          R"({"value":190,"ac":400,"av":9}},"$version":3}})"),
                     {})
            .empty());
}

TEST_CASE("what cannot be written is refused at once, with the reason and the actual value") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(1, 100.0));
  (void)properties.take_report();
  properties.report_accepted();
  CHECK(properties
            .on_patch({8,
                       {{"hydraulics", "targetPressure", "300", 8, std::nullopt},
                        {"", "unknownThing", "1", 8, std::nullopt},
                        {"hydraulics", "targetPressure", "null", 8, std::nullopt}}})
            .empty());
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":400,"av":8)") != std::string::npos);
  CHECK(report->find("no more than 200") != std::string::npos);
}

TEST_CASE("an unknown outcome is reported as failed, with what was read back") {
  const DeviceDescription device = press();
  Properties properties(device);
  const Wish wish{TagIndex{1}, TagValue(std::int64_t{190}), "190", 7};
  properties.on_written(wish, {WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown, "",
                               TagValue(std::int64_t{100})});
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":500,"av":7)") != std::string::npos);
}

TEST_CASE("a wish that was sent to all units of a line stays under way, with the value last read") {
  const DeviceDescription device = press();
  Properties properties(device);
  const Wish wish{TagIndex{1}, TagValue(std::int64_t{190}), "190", 7};
  properties.on_written(wish, {WriteResult::Outcome::Written, {}, {}, TagValue(std::int64_t{100})});
  (void)properties.take_report();
  properties.report_accepted();
  properties.on_written({TagIndex{1}, TagValue(std::int64_t{200}), "200", 8},
                        {WriteResult::Outcome::Sent, {}, "", std::nullopt});
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":202,"av":8)") != std::string::npos);
  CHECK(report->find("nobody confirms it") != std::string::npos);
}

TEST_CASE("a wish that the tag's type cannot hold is rejected, not failed") {
  const DeviceDescription device = press();
  Properties properties(device);
  const Wish wish{TagIndex{1}, TagValue(std::string("on")), "\"on\"", 7};
  properties.on_written(wish, {WriteResult::Outcome::Refused, ErrorCode::BadValue,
                               "a number is needed", std::nullopt});
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("ac":400,"av":7)") != std::string::npos);
}

TEST_CASE("a report that did not get through is part of the next one, newer values win") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(0, std::string("A17")));
  CHECK(properties.take_report());
  CHECK_FALSE(properties.take_report());  // one at a time
  properties.on_reading(good(0, std::string("A18")));
  properties.report_failed();
  CHECK(properties.take_report() == R"({"serialNumber":"A18"})");
  properties.report_failed();
  CHECK(properties.has_report());
  CHECK(properties.take_report() == R"({"serialNumber":"A18"})");
  properties.report_refused();
  CHECK_FALSE(properties.take_report());
}

TEST_CASE("a new value of the plant changes nothing about what became of the wish") {
  const DeviceDescription device = press();
  const auto wish_of = [&](Properties& properties, const char* value) {
    return properties.on_twin(
        twin(R"({"desired":{"hydraulics":{"targetPressure":)" + std::string(value) +
             R"(},"$version":7},"reported":{"$version":1}})"),
        {});
  };
  const auto report_after = [](Properties& properties) {
    while (properties.take_report()) properties.report_accepted();
    properties.on_reading(good(1, 101.0));
    return properties.take_report().value_or("");
  };

  Properties refused(device);
  CHECK(wish_of(refused, "900").empty());  // over the tag's maximum
  CHECK(report_after(refused).find(R"("value":101,"ac":400,"av":7)") != std::string::npos);

  Properties failed(device);
  auto wishes = wish_of(failed, "190");
  REQUIRE(wishes.size() == 1);
  failed.on_written(
      wishes[0], {WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown, {}, std::nullopt});
  CHECK(report_after(failed).find(R"("value":101,"ac":500,"av":7)") != std::string::npos);

  Properties under_way(device);
  CHECK(wish_of(under_way, "190").size() == 1);
  CHECK(report_after(under_way).find(R"("value":101,"ac":202,"av":7)") != std::string::npos);

  Properties done(device);
  wishes = wish_of(done, "190");
  REQUIRE(wishes.size() == 1);
  done.on_written(wishes[0], {WriteResult::Outcome::Written, {}, {}, std::nullopt});
  CHECK(report_after(done).find(R"("value":101,"ac":200,"av":7)") != std::string::npos);
}
