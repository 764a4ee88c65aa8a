#include "proto/dps/reply.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;
using namespace hubward::dps;
using namespace std::chrono_literals;

TEST_CASE("an answer's topic gives status, request and delay, in any order") {
  struct Row {
    const char* why;
    std::string topic;
    int status;
    const char* rid;
    std::optional<std::chrono::seconds> retry_after;
  };
  const Row rows[] = {
      {"as documented", "$dps/registrations/res/202/?$rid=1&retry-after=3", 202, "1", 3s},
      {"other order", "$dps/registrations/res/202/?retry-after=3&$rid=a-1", 202, "a-1", 3s},
      {"no delay", "$dps/registrations/res/200/?$rid=1", 200, "1", {}},
      {"unknown parameter", "$dps/registrations/res/200/?x=y&$rid=1&z", 200, "1", {}},
      {"delay is a word", "$dps/registrations/res/429/?$rid=1&retry-after=soon", 429, "1", {}},
      {"delay is negative", "$dps/registrations/res/429/?$rid=1&retry-after=-3", 429, "1", {}},
      {"delay is absurd", "$dps/registrations/res/429/?$rid=1&retry-after=999999999999", 429, "1",
       kMaxRetryAfter},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto topic = parse_reply_topic(row.topic);
    REQUIRE(topic);
    REQUIRE(topic->has_value());
    CHECK((*topic)->status == row.status);
    CHECK((*topic)->rid == row.rid);
    CHECK((*topic)->retry_after == row.retry_after);
  }
}

TEST_CASE("other topics are not DPS's") {
  for (const char* text :
       {"", "$dps/registrations/PUT/iotdps-register/?$rid=1",
        "x/$dps/registrations/res/200/?$rid=1", "$iothub/twin/res/200/?$rid=1"}) {
    CAPTURE(text);
    const auto topic = parse_reply_topic(text);
    REQUIRE(topic);
    CHECK_FALSE(topic->has_value());
  }
}

TEST_CASE("broken topics of DPS are errors") {
  for (const char* text :
       {"$dps/registrations/res/", "$dps/registrations/res/200",
        "$dps/registrations/res/ok/?$rid=1", "$dps/registrations/res/2000/?$rid=1",
        "$dps/registrations/res/200/?$rid=", "$dps/registrations/res/200/?retry-after=3",
        "$dps/registrations/res//?$rid=1"}) {
    CAPTURE(text);
    const auto topic = parse_reply_topic(text);
    REQUIRE_FALSE(topic);
    CHECK(topic.error().code == ErrorCode::Malformed);
  }
}

TEST_CASE("a body gives what was decided") {
  const auto body = parse_reply_body(
      R"({"operationId":"4.01.3f","status":"assigned","registrationState":{
          "deviceId":"press-07","assignedHub":"hub-a","substatus":"deviceDataReset"}})");
  REQUIRE(body);
  CHECK(body->status == RegistrationStatus::Assigned);
  CHECK(body->operation_id == "4.01.3f");
  CHECK(body->assigned_hub == "hub-a");
  CHECK(body->device_id == "press-07");
  CHECK(body->substatus == Substatus::DeviceDataReset);
}

TEST_CASE("a refusal's body gives code, words and tracking id") {
  const auto body = parse_reply_body(
      R"({"errorCode":401002,"trackingId":"0f3c","message":"CA\n\u00e9","timestampUtc":"x"})");
  REQUIRE(body);
  CHECK(body->status == RegistrationStatus::Absent);
  CHECK(body->error_code == 401002);
  CHECK(body->tracking_id == "0f3c");
  CHECK(body->message == "CA   ");  // one blank for each byte that is not printable ASCII
}

TEST_CASE("a failure's code stands inside the registration state") {
  const auto body = parse_reply_body(
      R"({"status":"failed","registrationState":{"errorCode":400209,"errorMessage":"no"}})");
  REQUIRE(body);
  CHECK(body->error_code == 400209);
  CHECK(body->message == "no");
}

TEST_CASE("members of the wrong type are absent, and foreign words are cut") {
  const auto body = parse_reply_body(
      R"({"operationId":5,"status":["assigned"],"registrationState":7,"errorCode":"x",)"
      R"("message":")" +
      std::string(5000, 'm') + R"("})");
  REQUIRE(body);
  CHECK(body->status == RegistrationStatus::Absent);
  CHECK(body->operation_id.empty());
  CHECK_FALSE(body->error_code);
  CHECK(body->message.size() == 256);
}

TEST_CASE("a body that is no JSON object is an error") {
  for (const char* text : {"", "[]", "1", "<html>", R"({"status":)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_reply_body(text));
  }
  CHECK(parse_reply_body(std::string(97 * 1024, ' ')).error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("an answer tells what the service's clock shows") {
  const WallTime one_past_eight{std::chrono::milliseconds{1767600001120}};
  const WallTime two_past_eight{std::chrono::milliseconds{1767600002400}};
  struct Row {
    const char* why;
    const char* body;
    std::optional<ServiceTime> time;
  };
  const Row rows[] = {
      {"a refusal is dated when it is made",
       R"({"errorCode":401002,"timestampUtc":"2026-01-05T08:00:02.4Z"})",
       ServiceTime{two_past_eight, true}},
      {"a registration was written at some time before",
       R"({"status":"assigned","registrationState":{"createdDateTimeUtc":"2026-01-05T08:00:01.12Z",
           "lastUpdatedDateTimeUtc":"2026-01-05T08:00:02.40Z"}})",
       ServiceTime{two_past_eight, false}},
      {"one that was never updated",
       R"({"status":"failed","registrationState":{"createdDateTimeUtc":"2026-01-05T08:00:01.12Z"}})",
       ServiceTime{one_past_eight, false}},
      {"what is dated now counts for more",
       R"({"timestampUtc":"2026-01-05T08:00:01.12Z",
           "registrationState":{"lastUpdatedDateTimeUtc":"2026-01-05T08:00:02.40Z"}})",
       ServiceTime{one_past_eight, true}},
      {"no time at all", R"({"status":"assigning","operationId":"4"})", {}},
      {"a time that is none", R"({"errorCode":401002,"timestampUtc":"soon"})", {}},
      {"a time of the wrong type", R"({"errorCode":401002,"timestampUtc":17})", {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto body = parse_reply_body(row.body);
    REQUIRE(body);
    CHECK(body->service_time == row.time);
  }
}
