#include "tests/sim/cloud/trace.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::simcloud;

TEST_CASE("a trace leaves out what differs from client to client") {
  struct Row {
    const char* why;
    const char* topic;
    const char* detail;
  };
  const Row rows[] = {
      {"request id", "$iothub/twin/GET/?$rid=ab12", "$iothub/twin/GET/?$rid=* qos0"},
      {"operation id", "$dps/x/?$rid=1&operationId=4.ab", "$dps/x/?$rid=*&operationId=* qos0"},
      {"version stays", "$iothub/twin/res/204/?$rid=1&$version=4",
       "$iothub/twin/res/204/?$rid=*&$version=4 qos0"},
      {"message id and time", "d/e/%24.mid=a-1&%24.ct=b&$.ctime=2026&x",
       "d/e/%24.mid=*&%24.ct=b&$.ctime=*&x qos0"},
      {"nothing to hide", "devices/a/messages/events/", "devices/a/messages/events/ qos0"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Trace trace;
    trace.add(1, 1, {}, true, mqtt::Publish{.topic = row.topic});
    CHECK(trace.entries().front().detail == row.detail);
  }
}

TEST_CASE("a trace never holds the password, and is bounded") {
  Trace trace;
  trace.add(1, 1, {}, true,
            mqtt::Connect{.client_id = "a", .user_name = "u", .password = "sesame"});
  CHECK(trace.entries().front().detail.find("sesame") == std::string::npos);
  for (int i = 0; i < 1000; ++i) trace.add(1, 1, {}, true, mqtt::Pingreq{});
  CHECK(trace.entries().size() == 400);
  CHECK(trace.entries().back().number == 1001);
}
