#include "proto/hub/twin.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::hub;

namespace {

const std::vector<std::string> kComponents{"hydraulics", "drive"};

std::string nested(std::size_t levels) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += R"({"a":)";
  return text + "1" + std::string(levels, '}');
}

ErrorCode refusal(const ReportedProperty& property) {
  const auto patch = reported_patch(std::span(&property, 1));
  REQUIRE_FALSE(patch);
  return patch.error().code;
}

}  // namespace

TEST_CASE("a fetched twin lists what is desired, per component, and what was acknowledged") {
  const auto twin = parse_twin(R"({
    "desired":{"targetPressure":190,"hydraulics":{"__t":"c","limit":8,"mode":{"a":1}},
               "$version":12},
    "reported":{"serialNumber":"A17","targetPressure":{"value":180,"ac":200,"av":11},
                "hydraulics":{"__t":"c","limit":{"value":8,"ac":500,"av":12,"ad":"no answer"}},"$version":123}})",
                               kComponents);
  REQUIRE(twin);
  CHECK(twin->desired.version == 12);
  CHECK(twin->reported_version == 123);
  REQUIRE(twin->desired.properties.size() == 3);
  const auto& pressure = twin->desired.properties[0];
  CHECK(pressure.component.empty());
  CHECK(pressure.name == "targetPressure");
  CHECK(pressure.value == "190");
  CHECK(pressure.version == 12);
  REQUIRE(pressure.answered);
  CHECK(pressure.answered->value == "180");
  CHECK(pressure.answered->ack == Acknowledgement{AckCode::Done, 11, {}});
  const auto& limit = twin->desired.properties[1];
  CHECK(limit.component == "hydraulics");
  CHECK(limit.name == "limit");
  REQUIRE(limit.answered);
  CHECK(limit.answered->ack == Acknowledgement{AckCode::Failed, 12, "no answer"});
  const auto& mode = twin->desired.properties[2];
  CHECK(mode.value == R"({"a":1})");
  CHECK_FALSE(mode.answered);
}

TEST_CASE("the oldest form of the reply, wrapped in properties, reads the same") {
  const auto twin = parse_twin(
      R"({"properties":{"desired":{"a":1,"$version":2},"reported":{"$version":3}}})", {});
  REQUIRE(twin);
  CHECK(twin->desired.version == 2);
  REQUIRE(twin->desired.properties.size() == 1);
  CHECK(twin->reported_version == 3);
}

TEST_CASE("components are known by the model or by their mark") {
  struct Row {
    const char* why;
    const char* patch;
    const char* component;
    const char* name;
  };
  const Row rows[] = {
      {"mark missing, model knows", R"({"drive":{"speed":1}})", "drive", "speed"},
      {"mark present, model does not know", R"({"pump":{"__t":"c","speed":1}})", "pump", "speed"},
      {"an object that is a property", R"({"pump":{"speed":1}})", "", "pump"},
      {"another mark", R"({"pump":{"__t":"x","speed":1}})", "", "pump"},
      {"a plain value named like a component", R"({"drive":5})", "", "drive"},
      {"a component inside a component is a property", R"({"drive":{"hydraulics":{"x":1}}})",
       "drive", "hydraulics"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto desired = parse_desired_patch(row.patch, 7, kComponents);
    REQUIRE(desired);
    CHECK(desired->version == 7);
    REQUIRE(desired->properties.size() == 1);
    CHECK(desired->properties[0].component == row.component);
    CHECK(desired->properties[0].name == row.name);
  }
}

TEST_CASE("a patch's own version counts, and a withdrawn wish is null") {
  const auto desired = parse_desired_patch(R"({"a":null,"$version":14,"$metadata":{}})", 13, {});
  REQUIRE(desired);
  CHECK(desired->version == 14);
  REQUIRE(desired->properties.size() == 1);
  CHECK(desired->properties[0].value == "null");
  CHECK(desired->properties[0].version == 14);
}

TEST_CASE("twins that cannot be read are errors") {
  for (const char* body : {"", "[]", "5", "{", R"({"reported":{}})", R"({"desired":5})",
                           R"({"properties":5})", R"({"properties":{}})"}) {
    CAPTURE(body);
    CHECK_FALSE(parse_twin(body, {}));
  }
  for (const char* body : {"", "[]", "null", R"({"a":)"}) {
    CAPTURE(body);
    CHECK_FALSE(parse_desired_patch(body, 1, {}));
  }
  CHECK(parse_twin(std::string(600 * 1024, ' '), {}).error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("reports and acknowledgements share one patch, grouped by component") {
  const ReportedProperty properties[] = {
      {"", "serialNumber", R"("A17")", {}},
      {"hydraulics", "limit", "9", Acknowledgement{AckCode::Done, 13, "applied"}},
      {"", "targetPressure", "190", Acknowledgement{AckCode::DeviceDefault, 0, ""}},
      {"hydraulics", "temperature", "41.5", {}},
      {"", "old", "null", {}},
  };
  CHECK(reported_patch(properties) ==
        R"({"serialNumber":"A17","hydraulics":{"__t":"c",)"
        R"("limit":{"value":9,"ac":200,"av":13,"ad":"applied"},"temperature":41.5},)"
        R"("targetPressure":{"value":190,"ac":203,"av":0},"old":null})");
  CHECK(reported_patch({}) == "{}");
}

TEST_CASE("of two reports of one property the later one counts") {
  const ReportedProperty properties[] = {{"c", "a", "1", {}}, {"c", "a", "2", {}}};
  CHECK(reported_patch(properties) == R"({"c":{"__t":"c","a":2}})");
}

TEST_CASE("what no twin may hold is refused before the hub sees it") {
  CHECK(refusal({"", "a.b", "1", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "a b", "1", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "$version", "1", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "", "1", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", std::string(1025, 'a'), "1", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"c.d", "a", "1", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "a", R"({"b\u0001":1})", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "a", "4503599627370497", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "a", "[-4503599627370497]", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "a", "18446744073709551615", {}}) == ErrorCode::BadValue);
  CHECK(refusal({"", "a", "not json", {}}) == ErrorCode::Malformed);
  CHECK(refusal({"", "a", "\"" + std::string(4097, 'x') + "\"", {}}) == ErrorCode::LimitExceeded);
  CHECK(refusal({"", "a", "1", Acknowledgement{AckCode::Done, 1, std::string(4097, 'x')}}) ==
        ErrorCode::LimitExceeded);

  const ReportedProperty fits[] = {{"", "a", "4503599627370496", {}},
                                   {"", "b", "\"" + std::string(4096, 'x') + "\"", {}}};
  CHECK(reported_patch(fits));
}

TEST_CASE("ten levels below the root are allowed, counted with component and acknowledgement") {
  const ReportedProperty fits{"", "a", nested(10), {}};
  CHECK(reported_patch(std::span(&fits, 1)));
  CHECK(refusal({"", "a", nested(11), {}}) == ErrorCode::LimitExceeded);
  CHECK(refusal({"c", "a", nested(10), {}}) == ErrorCode::LimitExceeded);
  CHECK(refusal({"", "a", nested(10), Acknowledgement{}}) == ErrorCode::LimitExceeded);
}

TEST_CASE("a patch is at most 32 KB") {
  std::vector<ReportedProperty> properties;
  for (int i = 0; i < 9; ++i) {
    properties.push_back({"", "p" + std::to_string(i), "\"" + std::string(4000, 'x') + "\"", {}});
  }
  const auto patch = reported_patch(properties);
  REQUIRE_FALSE(patch);
  CHECK(patch.error().code == ErrorCode::LimitExceeded);
  properties.pop_back();
  CHECK(reported_patch(properties));
}

TEST_CASE("a name cannot be property and component at once") {
  const ReportedProperty properties[] = {{"", "c", "1", {}}, {"c", "a", "2", {}}};
  const auto patch = reported_patch(properties);
  REQUIRE_FALSE(patch);
  CHECK(patch.error().code == ErrorCode::BadValue);
}

TEST_CASE("requests are published on their topics") {
  CHECK(twin_get_topic("g1") == "$iothub/twin/GET/?$rid=g1");
  CHECK(reported_patch_topic("r1") == "$iothub/twin/PATCH/properties/reported/?$rid=r1");
}
