#include "proto/hub/methods.h"

#include <doctest/doctest.h>

#include "proto/json.h"

using namespace hubward;
using namespace hubward::hub;

TEST_CASE("a response goes back with status and request id") {
  const auto response = method_response("7a%2", MethodStatus::Done, R"({"ok":true})");
  CHECK(response.topic == "$iothub/methods/res/200/?$rid=7a%2");
  CHECK(response.payload == R"({"ok":true})");
  CHECK(method_response("1", MethodStatus::NotFound, "").topic ==
        "$iothub/methods/res/404/?$rid=1");
}

TEST_CASE("an answer too large for the hub becomes a failure that the caller hears") {
  CHECK(
      method_response("1", MethodStatus::Done, std::string(kMaxMethodBytes, '1')).payload.size() ==
      kMaxMethodBytes);
  const auto response =
      method_response("1", MethodStatus::Done, std::string(kMaxMethodBytes + 1, '1'));
  CHECK(response.topic == "$iothub/methods/res/500/?$rid=1");
  CHECK(json::parse(response.payload));
}

TEST_CASE("words are escaped into JSON") {
  CHECK(message_json("the \"lid\" is open\n") == R"({"message":"the \"lid\" is open\n"})");
}
