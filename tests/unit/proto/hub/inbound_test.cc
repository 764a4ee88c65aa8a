#include "proto/hub/inbound.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::hub;

namespace {

template <class T>
T parsed(std::string_view topic) {
  const auto inbound = parse_inbound("press-line-07", topic);
  REQUIRE(inbound);
  REQUIRE(std::holds_alternative<T>(*inbound));
  return std::get<T>(*inbound);
}

}  // namespace

TEST_CASE("a direct method names command, component and request") {
  const auto root = parsed<DirectMethodRequest>("$iothub/methods/POST/reboot/?$rid=1");
  CHECK(root.name == "reboot");
  CHECK(root.component.empty());
  CHECK(root.command == "reboot");
  CHECK(root.rid == "1");
  const auto component =
      parsed<DirectMethodRequest>("$iothub/methods/POST/hydraulics*setPressure/?$rid=7a-b");
  CHECK(component.component == "hydraulics");
  CHECK(component.command == "setPressure");
  CHECK(parsed<DirectMethodRequest>("$iothub/methods/POST/a%2Ab/?$rid=1").component == "a");
}

TEST_CASE("a request id goes back as it came, even when it looks encoded") {
  CHECK(parsed<DirectMethodRequest>("$iothub/methods/POST/x/?a=b&$rid=%41%zz").rid == "%41%zz");
}

TEST_CASE("twin replies carry status, request id and sometimes a version") {
  const auto get = parsed<TwinResponse>("$iothub/twin/res/200/?$rid=g1");
  CHECK(get.status == 200);
  CHECK(get.rid == "g1");
  CHECK_FALSE(get.version);
  const auto report = parsed<TwinResponse>("$iothub/twin/res/204/?$version=8&$rid=r2");
  CHECK(report.status == 204);
  CHECK(report.rid == "r2");
  CHECK(report.version == 8);
  CHECK(parsed<TwinResponse>("$iothub/twin/res/429/?$rid=x").status == 429);
}

TEST_CASE("desired properties carry their version") {
  CHECK(parsed<DesiredPatch>("$iothub/twin/PATCH/properties/desired/?$version=13").version == 13);
}

TEST_CASE("a cloud-to-device message carries decoded properties") {
  const auto message = parsed<CloudToDevice>(
      "devices/press-line-07/messages/devicebound/"
      "%24.to=%2Fdevices%2Fpress-line-07%2Fmessages%2FdeviceBound&%24.mid=c1&method-name=reboot&"
      "null&empty=");
  CHECK(message.property("$.mid") == "c1");
  CHECK(message.property("$.to") == "/devices/press-line-07/messages/deviceBound");
  CHECK(message.offline_command() == "reboot");
  CHECK(message.property("empty") == "");
  CHECK_FALSE(message.property("null"));
  CHECK_FALSE(message.property("other"));
  CHECK(parsed<CloudToDevice>("devices/press-line-07/messages/devicebound/").properties.empty());
}

TEST_CASE("topics of others are not mine, whatever they contain") {
  for (const char* topic :
       {"", "x/$iothub/methods/POST/reboot/?$rid=1", "$iothub/methods/GET/reboot/?$rid=1",
        "$iothub/twin/PATCH/properties/reported/?$version=1",
        "devices/press-line-08/messages/devicebound/", "devices/press-line-07/messages/events/",
        "devices/press-line-0/messages/devicebound/", "$dps/registrations/res/200/?$rid=1"}) {
    CAPTURE(topic);
    const auto inbound = parse_inbound("press-line-07", topic);
    REQUIRE(inbound);
    CHECK(std::holds_alternative<NotMine>(*inbound));
  }
}

TEST_CASE("my topics with something wrong in them are errors") {
  struct Row {
    const char* why;
    std::string topic;
    ErrorCode code = ErrorCode::Malformed;
  };
  const Row rows[] = {
      {"method without a name", "$iothub/methods/POST/?$rid=1"},
      {"method with an empty name", "$iothub/methods/POST//?$rid=1"},
      {"method without a query", "$iothub/methods/POST/reboot"},
      {"method without a request id", "$iothub/methods/POST/reboot/?x=1"},
      {"method with an empty request id", "$iothub/methods/POST/reboot/?$rid="},
      {"method with a request id without value", "$iothub/methods/POST/reboot/?$rid"},
      {"method name of two levels", "$iothub/methods/POST/a/b/?$rid=1"},
      {"method name with half an escape", "$iothub/methods/POST/a%2/?$rid=1"},
      {"request id without end", "$iothub/methods/POST/a/?$rid=" + std::string(257, 'x'),
       ErrorCode::LimitExceeded},
      {"reply without a status", "$iothub/twin/res/?$rid=1"},
      {"reply whose status is a word", "$iothub/twin/res/ok/?$rid=1"},
      {"reply whose status is no status", "$iothub/twin/res/99/?$rid=1"},
      {"reply without a request id", "$iothub/twin/res/200/?"},
      {"reply whose version is negative", "$iothub/twin/res/204/?$rid=1&$version=-2"},
      {"desired without a version", "$iothub/twin/PATCH/properties/desired/"},
      {"desired whose version is a word", "$iothub/twin/PATCH/properties/desired/?$version=x"},
      {"message with half an escape", "devices/press-line-07/messages/devicebound/a=%4"},
      {"more properties than any message has",
       [] {
         std::string topic = "devices/press-line-07/messages/devicebound/";
         for (int i = 0; i < 600; ++i) topic += "a&";
         return topic;
       }(),
       ErrorCode::LimitExceeded},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto inbound = parse_inbound("press-line-07", row.topic);
    REQUIRE_FALSE(inbound);
    CHECK(inbound.error().code == row.code);
    CHECK(inbound.error().kind == ErrorKind::Corrupt);
  }
}
