#include "proto/hub/connect.h"

#include <doctest/doctest.h>

using namespace hubward;

TEST_CASE("the hub's CONNECT names host, device, version, program and model") {
  const auto fields = hub::hub_connect("iotc-7f3a.azure-devices.net", "press-line-07",
                                       "acme-gw/4.2", "dtmi:acme:Press;3");
  CHECK(fields.client_id == "press-line-07");
  CHECK(fields.user_name ==
        "iotc-7f3a.azure-devices.net/press-line-07/?api-version=2021-04-12"
        "&DeviceClientType=acme-gw%2F4.2&model-id=dtmi%3Aacme%3APress%3B3");
  CHECK_FALSE(fields.clean_session);
  CHECK(fields.keep_alive <= std::chrono::seconds{1177});
}

TEST_CASE("a device without a model sends none") {
  CHECK(hub::hub_connect("h", "d", "", "").user_name == "h/d/?api-version=2021-04-12");
}

TEST_CASE("a device subscribes to four filters, and only its messages with acknowledgement") {
  const auto subscriptions = hub::hub_subscriptions("press-line-07");
  REQUIRE(subscriptions.size() == 4);
  CHECK(subscriptions[0].topic_filter == "devices/press-line-07/messages/devicebound/#");
  CHECK(subscriptions[0].qos == 1);
  for (std::size_t i = 1; i < 4; ++i) CHECK(subscriptions[i].qos == 0);
  CHECK(subscriptions[1].topic_filter == "$iothub/methods/POST/#");
  CHECK(subscriptions[2].topic_filter == "$iothub/twin/res/#");
  CHECK(subscriptions[3].topic_filter == "$iothub/twin/PATCH/properties/desired/#");
}
