#include "tests/sim/cloud/control.h"

#include <doctest/doctest.h>

#include "proto/base64.h"
#include "tests/unit/tests/sim/cloud/cloud_fixture.h"

using namespace hubward;
using namespace hubward::simcloud;
using namespace std::chrono_literals;

namespace {

struct Desk {
  Cloud cloud;
  Control control{cloud.model};

  HttpResponse ask(std::string method, std::string path, std::string body = {},
                   std::string query = {}) {
    const auto response = control.handle(
        {std::move(method), std::move(path), std::move(query), std::move(body)}, 1, cloud.now);
    REQUIRE(response);
    CAPTURE(response->body);
    if (response->content_type == "application/json") CHECK(json::parse(response->body));
    return *response;
  }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every endpoint that looks at something answers with JSON") {
  Desk desk;
  const auto link = desk.cloud.register_and_connect("a");
  desk.cloud.subscribe(link, "$iothub/twin/res/#");
  desk.cloud.telemetry(link, "a", "%24.mid=e-a-1&k", R"({"counter":1})");
  desk.cloud.telemetry(link, "a", "%24.mid=e-a-2", "plain");
  desk.cloud.telemetry(link, "a", "", "\xff\xfe");
  CHECK(contains(desk.ask("GET", "/").body, "POST /enroll"));
  CHECK(contains(desk.ask("GET", "/devices").body, R"("hub":"hub-1","home":"hub-1")"));
  const auto device = desk.ask("GET", "/devices/a").body;
  CHECK(contains(device, R"("connected":true)"));
  CHECK(contains(device, R"("total":3,"unique":3)"));
  const auto messages = desk.ask("GET", "/devices/a/messages").body;
  CHECK(contains(messages, R"("properties":{"$.mid":"e-a-1","k":null},"body":{"counter":1})"));
  CHECK(contains(messages, R"("body":null,"text":"plain")"));
  CHECK(contains(messages, R"("body":null,"base64":"//4=")"));
  CHECK(contains(desk.ask("GET", "/devices/a/messages", "", "after=2").body,
                 R"("messages":[{"n":3)"));
  CHECK(contains(desk.ask("GET", "/devices/a/ids").body,
                 R"({"prefix":"e-a-","count":2,"ranges":[[1,2]]})"));
  CHECK(contains(desk.ask("GET", "/devices/a/counters").body, R"("counter":{"received":1)"));
  CHECK(contains(desk.ask("GET", "/devices/a/twin").body, "desired"));
  CHECK(contains(desk.ask("GET", "/counts").body, R"("connected":1)"));
  CHECK(contains(desk.ask("GET", "/dps").body, R"("a":{"connects":1,"conversations":1)"));
  CHECK(contains(desk.ask("GET", "/trace", "", "device=a").body, R"("packet":"CONNECT")"));
  CHECK(contains(desk.ask("GET", "/trace", "", "device=a&plain=1").body, "hub-1 > PUBACK\n"));
  CHECK(desk.ask("DELETE", "/trace", "", "device=a").status == 200);
  CHECK(desk.ask("GET", "/trace", "", "device=a&plain=1").body.empty());
}

TEST_CASE("a method call waits for the device") {
  Desk desk;
  const auto link = desk.cloud.register_and_connect("a");
  desk.cloud.subscribe(link, "$iothub/methods/POST/#");
  const HttpRequest request{"POST", "/devices/a/method", "", R"({"name":"go","payload":[1]})"};
  CHECK_FALSE(desk.control.handle(request, 42, desk.cloud.now));
  const auto call = desk.cloud.published(link, "$iothub/methods/POST/go/");
  CHECK(call.payload == "[1]");
  CHECK(desk.control.take_finished().empty());
  desk.cloud.send(link, mqtt::Publish{.topic = "$iothub/methods/res/200/?$rid=1", .payload = "{}"});
  const auto finished = desk.control.take_finished();
  REQUIRE(finished.size() == 1);
  CHECK(finished[0].first == 42);
  CHECK(finished[0].second.body == R"({"answered":true,"status":200,"payload":{}})");
}

TEST_CASE("what a test asks for happens") {
  struct Row {
    const char* path;
    const char* body;
    const char* in_device;
  };
  const Row rows[] = {
      {"/devices/a/failover", R"({"to":"hub-2","ttl_s":5})", R"("failed_over_to":"hub-2")"},
      {"/hubs/hub-1/failover", "{}", R"("failed_over_to":"hub-2")"},
      {"/devices/a/disable", "{}", R"("disabled":true)"},
      {"/devices/a/delete", "{}", R"("deleted":true)"},
      {"/devices/a/block", "", R"("blocked":true)"},
      {"/devices/a/drop", "", R"("connected":false)"},
      {"/devices/a/twin", R"({"speed":4})", R"("desired":{"speed":4,"$version":2})"},
      {"/devices/a/c2d", R"({"text":"x","properties":{"a":"b c"},"ttl_s":9})",
       R"("c2d_waiting":1)"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    Desk desk;
    desk.cloud.register_and_connect("a");
    CHECK(desk.ask("POST", row.path, row.body).status == 200);
    CHECK(contains(desk.ask("GET", "/devices/a").body, row.in_device));
  }
}

TEST_CASE("enrolling through the control side makes a device that can register") {
  Desk desk;
  const std::string key = base64_encode(Cloud::key_of("press"));
  const auto answer = desk.ask("POST", "/enroll",
                               R"({"registrationId":"press","deviceId":"Press","hubs":["hub-2"],)"
                               R"("polls":0,"desired":{"a":1},"policy":"reset","key":")" +
                                   key + "\"}");
  CHECK(contains(answer.body, key));
  CHECK(contains(desk.cloud.register_device("press"), R"("deviceId":"Press")"));
  CHECK(contains(desk.ask("GET", "/devices/Press").body, R"("hub":"hub-2")"));
  CHECK(contains(desk.ask("POST", "/enroll", R"({"name":"g","group":true})").body, R"("key":)"));
  CHECK(desk.ask("POST", "/enrollments/press/disable").status == 200);
  CHECK(contains(desk.cloud.register_device("press"), R"("status":"disabled")"));
}

TEST_CASE("faults come and go through the control side") {
  Desk desk;
  CHECK(desk.ask("POST", "/faults", R"({"kind":"down","target":"hub-1"})").body == R"({"id":1})");
  CHECK_FALSE(desk.cloud.model.is_up(1));
  CHECK(contains(desk.ask("GET", "/faults").body, R"("kind":"down","target":"hub-1")"));
  CHECK(desk.ask("DELETE", "/faults/1").status == 200);
  CHECK(desk.cloud.model.is_up(1));
  desk.ask("POST", "/faults", R"({"kind":"dps_answer","code":429,"retry_after_s":5,"times":1})");
  CHECK(contains(desk.cloud.register_device("a"), R"("errorCode":429000)"));
  desk.ask("POST", "/faults", R"({"kind":"silent"})");
  CHECK(desk.ask("DELETE", "/faults").status == 200);
  CHECK(desk.cloud.model.world().faults.all().empty());
  CHECK(desk.ask("POST", "/config", R"({"token_grace_s":7,"clock_offset_ms":1000})").status == 200);
  CHECK(desk.cloud.model.world().token_grace == 7s);
}

TEST_CASE("a request that makes no sense is refused with a reason") {
  struct Row {
    const char* method;
    const char* path;
    const char* body;
    int status;
  };
  const Row rows[] = {
      {"GET", "/nothing", "", 404},
      {"POST", "/enroll", "{", 400},
      {"POST", "/enroll", "{}", 400},
      {"POST", "/enroll", R"({"name":"a","key":"!"})", 400},
      {"POST", "/enroll", R"({"name":"a","hubs":["hub-9"]})", 400},
      {"POST", "/enroll", R"({"name":"a","hubs":["dps"]})", 400},
      {"POST", "/enroll", R"({"name":"a","policy":"maybe"})", 400},
      {"POST", "/enrollments/none/disable", "", 400},
      {"GET", "/devices/none", "", 404},
      {"POST", "/devices/none/method", "{}", 404},
      {"POST", "/devices/a/method", "{", 400},
      {"POST", "/devices/a/dance", "", 404},
      {"POST", "/devices/a/failover", R"({"to":"hub-9"})", 400},
      {"POST", "/devices/a/twin", "[]", 400},
      {"POST", "/hubs/dps/failover", "{}", 404},
      {"POST", "/faults", R"({"kind":"meteor"})", 400},
      {"POST", "/faults", R"({"kind":"down","target":"hub-9"})", 400},
      {"POST", "/faults", R"({"kind":"connack"})", 400},
      {"POST", "/faults", R"({"kind":"poison"})", 400},
      {"POST", "/faults", R"({"kind":"send_rate"})", 400},
      {"POST", "/faults", R"({"kind":"dps_answer"})", 400},
      {"POST", "/faults", R"({"kind":"silent","times":0})", 400},
      {"DELETE", "/faults/77", "", 404},
      {"GET", "/trace", "", 404},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    CAPTURE(row.body);
    Desk desk;
    desk.cloud.register_device("a");
    const auto answer = desk.ask(row.method, row.path, row.body);
    CHECK(answer.status == row.status);
    CHECK(contains(answer.body, "error"));
  }
}
