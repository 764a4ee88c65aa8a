#include "proto/hub/address.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;
using hub::HubAddress;

TEST_CASE("an assigned hub is a host, or a host and a port") {
  CHECK(HubAddress::parse("iotc-7f3a.azure-devices.net") ==
        HubAddress{"iotc-7f3a.azure-devices.net", 8883});
  CHECK(HubAddress::parse("127.0.0.2:18883") == HubAddress{"127.0.0.2", 18883});
  CHECK(HubAddress::parse("Hub.Example:1") == HubAddress{"Hub.Example", 1});
  CHECK(HubAddress{"h", 8883}.to_text() == "h");
  CHECK(HubAddress{"h", 443}.to_text() == "h:443");
}

TEST_CASE("anything else is refused") {
  for (const std::string text :
       {"", ":8883", "host:", "host:0", "host:65536", "host:12a", "host:-1", "host:1:2", "ho st",
        "host/path", "https://host", "-host", ".host", "h\xc3\xb6st", "[::1]:8883"}) {
    CAPTURE(text);
    const auto address = HubAddress::parse(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == ErrorCode::Malformed);
  }
  CHECK(HubAddress::parse(std::string(253, 'a')));
  CHECK_FALSE(HubAddress::parse(std::string(254, 'a')));
}

TEST_CASE("a device id must be safe in a topic and in a user name") {
  CHECK(hub::check_device_id("press-line-07"));
  CHECK(hub::check_device_id("Press.07_a:b@c"));
  CHECK(hub::check_device_id(std::string(128, 'x')));
  for (const std::string& id :
       {std::string(), std::string(129, 'x'), std::string("a/b"), std::string("a+b"),
        std::string("a#"), std::string("a%b"), std::string("a&b"), std::string("a?b"),
        std::string("a b"), std::string("a\nb"), std::string("\xc3\xa4"), std::string("a\0", 2)}) {
    CAPTURE(id);
    CHECK_FALSE(hub::check_device_id(id));
  }
}
