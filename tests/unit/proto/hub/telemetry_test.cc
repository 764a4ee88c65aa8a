#include "proto/hub/telemetry.h"

#include <doctest/doctest.h>

using namespace hubward;
using hub::TelemetryProperties;

TEST_CASE("a message's properties stand encoded in its topic") {
  TelemetryProperties properties;
  properties.message_id = "a91f-000017";
  properties.component = "hydraulics";
  properties.created_at = WallTime{std::chrono::milliseconds{1767600000125}};
  properties.user = {{"site", "hall2"}};
  CHECK(hub::telemetry_topic("press-line-07", properties, 10) ==
        "devices/press-line-07/messages/events/%24.mid=a91f-000017&%24.ct=application%2Fjson"
        "&%24.ce=utf-8&%24.sub=hydraulics&%24.ctime=2026-01-05T08%3A00%3A00.125Z&site=hall2");
}

TEST_CASE("what is not set is not sent") {
  TelemetryProperties properties;
  properties.content_type = {};
  properties.content_encoding = {};
  CHECK(hub::telemetry_topic("d", properties, 0) == "devices/d/messages/events/");
  properties.user = {{"a b", ""}, {"\xc3\xa4", "1/2+#"}};
  CHECK(hub::telemetry_topic("d", properties, 0) ==
        "devices/d/messages/events/a%20b=&%C3%A4=1%2F2%2B%23");
}

TEST_CASE("the hub counts the body, the system values, and names and values of the others") {
  TelemetryProperties properties;  // application/json and utf-8: 21 bytes
  CHECK(hub::message_size(properties, 100) == 121);
  properties.message_id = "12345";
  properties.user = {{"ab", "cde"}};
  CHECK(hub::message_size(properties, 100) == 131);
}

TEST_CASE("a message of exactly 256 KB goes, one byte more does not") {
  const TelemetryProperties properties;
  CHECK(hub::telemetry_topic("d", properties, 262144 - 21));
  const auto over = hub::telemetry_topic("d", properties, 262144 - 20);
  REQUIRE_FALSE(over);
  CHECK(over.error().code == ErrorCode::MessageTooLarge);
}

TEST_CASE("properties that the hub would misread are refused") {
  struct Row {
    const char* why;
    TelemetryProperties properties;
    ErrorCode code;
  };
  Row rows[] = {
      {"message id of 129 characters", {}, ErrorCode::BadValue},
      {"nameless property", {}, ErrorCode::BadValue},
      {"poses as a system property", {}, ErrorCode::BadValue},
      {"longer than any topic, although under 256 KB", {}, ErrorCode::MessageTooLarge},
  };
  rows[0].properties.message_id = std::string(129, 'x');
  rows[1].properties.user = {{"", "x"}};
  rows[2].properties.user = {{"$.mid", "x"}};
  rows[3].properties.user = {{"x", std::string(65500, 'x')}};
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto topic = hub::telemetry_topic("d", row.properties, 0);
    REQUIRE_FALSE(topic);
    CHECK(topic.error().code == row.code);
  }
}
