#include <doctest/doctest.h>

#include "tests/unit/tests/sim/cloud/cloud_fixture.h"

using namespace hubward;
using namespace hubward::simcloud;
using namespace std::chrono_literals;

TEST_CASE("a registered device connects, and no other way in works") {
  struct Row {
    const char* why;
    void (*spoil)(Cloud& cloud, mqtt::Connect& packet);
    int code;
    const char* counted;
  };
  const Row rows[] = {
      {"as it should be", [](Cloud&, mqtt::Connect&) {}, 0, ""},
      {"wrong key", [](Cloud& c, mqtt::Connect& p) { p = c.hub_connect("a", 1, Key(32)); }, 5,
       "5 bad signature"},
      {"token for another hub",
       [](Cloud& c, mqtt::Connect& p) {
         p.password = c.hub_connect("a", 2, Cloud::key_of("a")).password;
       },
       5, "5 token for another resource"},
      {"user name for another hub",
       [](Cloud& c, mqtt::Connect& p) { p = c.hub_connect("a", 2, Cloud::key_of("a")); }, 5,
       "5 user name for another hub"},
      {"expired",
       [](Cloud& c, mqtt::Connect& p) {
         p.password = make_token("127.0.0.2/devices/a", Cloud::key_of("a"), c.now.wall);
       },
       5, "5 expired token"},
      {"no token", [](Cloud&, mqtt::Connect& p) { p.password.reset(); }, 5, "5 no token"},
      {"unknown device",
       [](Cloud& c, mqtt::Connect& p) { p = c.hub_connect("zzz", 1, Cloud::key_of("zzz")); }, 5,
       "5 unknown device"},
      {"other client id", [](Cloud&, mqtt::Connect& p) { p.client_id = "b"; }, 2, "2 client id"},
      {"no api-version", [](Cloud&, mqtt::Connect& p) { p.user_name = "127.0.0.2/a/"; }, 4,
       "4 user name"},
      {"level 3", [](Cloud&, mqtt::Connect& p) { p.protocol_level = 3; }, 1, "1 protocol level"},
      {"cloud's clock two hours ahead",
       [](Cloud& c, mqtt::Connect&) { c.model.world().clock_offset = 2h; }, 5, "5 expired token"},
      {"token lives too long",
       [](Cloud& c, mqtt::Connect&) { c.model.world().token_lifetime_max = 60s; }, 5,
       "5 token lives too long"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    cloud.register_device("a");
    auto packet = cloud.hub_connect("a", 1, Cloud::key_of("a"));
    row.spoil(cloud, packet);
    const auto connection = cloud.open("127.0.0.2");
    cloud.send(connection, packet);
    CHECK(cloud.connack(connection) == row.code);
    CHECK(cloud.seen(connection).closed == (row.code != 0));
    const auto& refused = cloud.model.world().places[1].counts.refused;
    CHECK(refused.size() == (row.code == 0 ? 0 : 1));
    if (row.code != 0) CHECK(refused.contains(row.counted));
  }
}

TEST_CASE("a new connection takes over from the old one") {
  Cloud cloud;
  const auto first = cloud.register_and_connect("a");
  const auto second = cloud.at_hub("a", 1);
  CHECK(cloud.seen(first).closed);
  CHECK(cloud.connack(second) == 0);
  CHECK_FALSE(cloud.seen(second).closed);
  CHECK(cloud.device("a").connection == second);
  cloud.model.closed_by_peer(first, cloud.now);  // the loser's news arrives late
  CHECK(cloud.device("a").connection == second);
}

TEST_CASE("a refused CONNECT with a device's name does not disturb its connection") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  const auto intruder = cloud.open("127.0.0.2");
  cloud.send(intruder, cloud.hub_connect("a", 1, Key(32)));
  CHECK(cloud.connack(intruder) == 5);
  CHECK_FALSE(cloud.seen(link).closed);
  CHECK(cloud.device("a").connection == link);
}

TEST_CASE("a device enrolled as assigned needs no registration") {
  Cloud cloud;
  cloud.enroll({.name = "a",
                .keys = {Cloud::key_of("a")},
                .device_id = {},
                .hubs = {2},
                .assigned = true,
                .polls = {},
                .desired = {}});
  CHECK(cloud.connack(cloud.at_hub("a", 2)) == 0);
}

TEST_CASE("telemetry is recorded with its properties and acknowledged") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.telemetry(link, "a", "%24.mid=e-a-1&%24.ct=application%2Fjson&site=hall%202", "{}", 77);
  REQUIRE(cloud.seen(link).last<mqtt::Puback>() != nullptr);
  CHECK(cloud.seen(link).last<mqtt::Puback>()->packet_id == 77);
  const auto& message = cloud.device("a").ledger.log().front();
  CHECK(message.id == "e-a-1");
  CHECK(message.hub == 1);
  CHECK(view_messages(cloud.model.world(), cloud.device("a"), 0, 9).find(R"("site":"hall 2")") !=
        std::string::npos);
}

TEST_CASE("the hub closes the link on what it does not support") {
  struct Row {
    const char* why;
    mqtt::Publish packet;
    const char* counted;
  };
  const std::string events = "devices/a/messages/events/";
  const Row rows[] = {
      {"QoS 2", {.topic = events, .qos = mqtt::Qos::ExactlyOnce, .packet_id = 1}, "QoS 2"},
      {"unknown topic", {.topic = "plant/press"}, "unknown topic"},
      {"another device's topic", {.topic = "devices/b/messages/events/"}, "unknown topic"},
      {"raw slash in a property", {.topic = events + "a=b/c&d=e"}, "unknown topic"},
      {"broken escape in a property", {.topic = events + "a=%2"}, "unknown topic"},
      {"body over 256 KB",
       {.topic = events, .payload = std::string(256 * 1024 + 1, 'x')},
       "message too large"},
      {"body and properties over 256 KB",
       {.topic = events + "%24.mid=m&k=v", .payload = std::string(256 * 1024 - 2, 'x')},
       "message too large"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    const auto link = cloud.register_and_connect("a");
    cloud.send(link, row.packet);
    CHECK(cloud.seen(link).closed);
    CHECK(cloud.device("a").counts.closed[row.counted] == 1);
    CHECK(cloud.device("a").ledger.total() == 0);
  }
}

TEST_CASE("a message of exactly 256 KB is taken") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  // $.mid counts with its value, k with name and value: three bytes.
  cloud.telemetry(link, "a", "%24.mid=m&k=v", std::string(256 * 1024 - 3, 'x'));
  CHECK_FALSE(cloud.seen(link).closed);
  CHECK(cloud.device("a").ledger.total() == 1);
}

TEST_CASE("a retained message and a will arrive as telemetry that says so") {
  Cloud cloud;
  cloud.register_device("a");
  auto packet = cloud.hub_connect("a", 1, Cloud::key_of("a"));
  packet.will = mqtt::Will{.topic = "devices/a/messages/events/x=1", .payload = "bye"};
  const auto link = cloud.open("127.0.0.2");
  cloud.send(link, packet);
  cloud.send(link,
             mqtt::Publish{.topic = "devices/a/messages/events/", .payload = "1", .retain = true});
  cloud.model.closed_by_peer(link, cloud.now);
  const auto& log = cloud.device("a").ledger.log();
  REQUIRE(log.size() == 2);
  CHECK(log[0].retain);
  CHECK(log[1].will);
  CHECK(log[1].body == "bye");
}

TEST_CASE("a will is not delivered after DISCONNECT") {
  Cloud cloud;
  cloud.register_device("a");
  auto packet = cloud.hub_connect("a", 1, Cloud::key_of("a"));
  packet.will = mqtt::Will{.topic = "devices/a/messages/events/", .payload = "bye"};
  const auto link = cloud.open("127.0.0.2");
  cloud.send(link, packet);
  cloud.send(link, mqtt::Disconnect{});
  CHECK(cloud.seen(link).closed);
  CHECK(cloud.device("a").ledger.total() == 0);
}

TEST_CASE("subscriptions survive with clean session 0 and end with 1") {
  Cloud cloud;
  const auto first = cloud.register_and_connect("a");
  cloud.subscribe(first, "$iothub/methods/POST/#", mqtt::Qos::AtMostOnce);
  cloud.model.closed_by_peer(first, cloud.now);
  const auto second = cloud.at_hub("a", 1);
  CHECK(std::get<mqtt::Connack>(cloud.seen(second).packets.front()).session_present);
  CHECK(cloud.device("a").subscriptions.size() == 1);
  auto clean = cloud.hub_connect("a", 1, Cloud::key_of("a"));
  clean.clean_session = true;
  const auto third = cloud.open("127.0.0.2");
  cloud.send(third, clean);
  CHECK_FALSE(std::get<mqtt::Connack>(cloud.seen(third).packets.front()).session_present);
  CHECK(cloud.device("a").subscriptions.empty());
}

TEST_CASE("foreign filters are refused, QoS 2 is granted as 1") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.send(link, mqtt::Subscribe{9,
                                   {{"#", mqtt::Qos::AtMostOnce},
                                    {"devices/b/messages/devicebound/#", mqtt::Qos::AtLeastOnce},
                                    {"devices/a/messages/devicebound/#", mqtt::Qos::ExactlyOnce}}});
  const auto* suback = cloud.seen(link).last<mqtt::Suback>();
  REQUIRE(suback != nullptr);
  CHECK(suback->return_codes == std::vector<std::uint8_t>{0x80, 0x80, 1});
}

TEST_CASE("C2D messages wait for the device and are completed by PUBACK") {
  Cloud cloud;
  const auto first = cloud.register_and_connect("a");
  cloud.subscribe(first, "devices/a/messages/devicebound/#");
  cloud.model.closed_by_peer(first, cloud.now);
  REQUIRE(cloud.model.hubs().send_c2d(cloud.device("a"), "k=v", "hello", 1h, cloud.now));
  const auto second = cloud.at_hub("a", 1);
  const auto message = cloud.published(second, "devices/a/messages/devicebound/k=v");
  CHECK(message.payload == "hello");
  CHECK_FALSE(message.duplicate);
  cloud.model.closed_by_peer(second, cloud.now);  // not acknowledged: comes again
  const auto third = cloud.at_hub("a", 1);
  const auto again = cloud.published(third, "devices/a/messages/devicebound/");
  CHECK(again.duplicate);
  cloud.send(third, mqtt::Puback{again.packet_id});
  CHECK(cloud.device("a").c2d.empty());
  CHECK(cloud.device("a").counts.c2d_completed == 1);
}

TEST_CASE("an unacknowledged C2D message comes again after its lock") {
  Cloud cloud;
  cloud.register_device("a");
  auto packet = cloud.hub_connect("a", 1, Cloud::key_of("a"));
  packet.keep_alive = 1000s;
  const auto link = cloud.open("127.0.0.2");
  cloud.send(link, packet);
  cloud.subscribe(link, "devices/a/messages/devicebound/#");
  REQUIRE(cloud.model.hubs().send_c2d(cloud.device("a"), "", "x", 1h, cloud.now));
  const auto count = [&] {
    const auto& packets = cloud.seen(link).packets;
    return std::count_if(packets.begin(), packets.end(),
                         [](const auto& p) { return std::holds_alternative<mqtt::Publish>(p); });
  };
  cloud.pass(59s);
  CHECK(count() == 1);
  cloud.pass(2s);
  CHECK(count() == 2);
}

TEST_CASE("C2D messages expire, and only 50 may wait") {
  Cloud cloud;
  cloud.register_device("a");
  for (int i = 0; i < 50; ++i) {
    REQUIRE(cloud.model.hubs().send_c2d(cloud.device("a"), "", "x", 10s, cloud.now));
  }
  CHECK_FALSE(cloud.model.hubs().send_c2d(cloud.device("a"), "", "x", 10s, cloud.now));
  CHECK_FALSE(cloud.model.hubs().send_c2d(cloud.device("a"), "", std::string(64 * 1024 + 1, 'x'),
                                          10s, cloud.now));
  cloud.pass(11s);
  const auto link = cloud.at_hub("a", 1);
  cloud.subscribe(link, "devices/a/messages/devicebound/#");
  CHECK(cloud.published(link, "devices/").topic.empty());
  CHECK(cloud.model.hubs().send_c2d(cloud.device("a"), "", "x", 10s, cloud.now));
}

TEST_CASE("a direct method reaches the device and its answer the caller") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  Device& device = cloud.device("a");
  const auto unheard = cloud.model.hubs().call_method(device, "reboot", "{}", 5s, cloud.now);
  auto results = cloud.model.hubs().take_method_results();
  REQUIRE(results.size() == 1);
  CHECK(results[0].call == unheard);
  CHECK(results[0].status == 404);  // not subscribed
  cloud.subscribe(link, "$iothub/methods/POST/#", mqtt::Qos::AtMostOnce);
  const auto call = cloud.model.hubs().call_method(device, "reboot", R"({"d":1})", 5s, cloud.now);
  const auto request = cloud.published(link, "$iothub/methods/POST/");
  CHECK(request.topic == "$iothub/methods/POST/reboot/?$rid=" + std::to_string(call));
  CHECK(request.payload == R"({"d":1})");
  cloud.send(link, mqtt::Publish{.topic = "$iothub/methods/res/207/?$rid=" + std::to_string(call),
                                 .payload = "true"});
  results = cloud.model.hubs().take_method_results();
  REQUIRE(results.size() == 1);
  CHECK(results[0].answered);
  CHECK(results[0].status == 207);
  CHECK(results[0].payload == "true");
}

TEST_CASE("a method without an answer times out, and a late answer is lost") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.subscribe(link, "$iothub/methods/POST/#", mqtt::Qos::AtMostOnce);
  const auto call = cloud.model.hubs().call_method(cloud.device("a"), "m", "", 5s, cloud.now);
  cloud.pass(5s);
  const auto results = cloud.model.hubs().take_method_results();
  REQUIRE(results.size() == 1);
  CHECK(results[0].status == 504);
  cloud.send(link, mqtt::Publish{.topic = "$iothub/methods/res/200/?$rid=" + std::to_string(call)});
  CHECK(cloud.model.hubs().take_method_results().empty());
  CHECK_FALSE(cloud.seen(link).closed);
}

TEST_CASE("one device cannot answer another's method") {
  Cloud cloud;
  const auto a = cloud.register_and_connect("a");
  const auto b = cloud.register_and_connect("b");
  cloud.subscribe(a, "$iothub/methods/POST/#");
  const auto call = cloud.model.hubs().call_method(cloud.device("a"), "m", "", 5s, cloud.now);
  cloud.send(b, mqtt::Publish{.topic = "$iothub/methods/res/200/?$rid=" + std::to_string(call)});
  CHECK(cloud.model.hubs().take_method_results().empty());
}

TEST_CASE("the twin is read, reported and changed from the cloud") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.subscribe(link, "$iothub/twin/res/#", mqtt::Qos::AtMostOnce);
  cloud.subscribe(link, "$iothub/twin/PATCH/properties/desired/#", mqtt::Qos::AtMostOnce);
  cloud.send(link, mqtt::Publish{.topic = "$iothub/twin/GET/?$rid=g1"});
  CHECK(cloud.published(link, "$iothub/twin/res/200/?$rid=g1").payload ==
        R"({"desired":{"$version":1},"reported":{"$version":1}})");
  cloud.send(link, mqtt::Publish{.topic = "$iothub/twin/PATCH/properties/reported/?$rid=r1",
                                 .payload = R"({"serial":"A"})"});
  CHECK(cloud.published(link, "$iothub/twin/res/").topic ==
        "$iothub/twin/res/204/?$rid=r1&$version=2");
  cloud.send(link, mqtt::Publish{.topic = "$iothub/twin/PATCH/properties/reported/?$rid=r2",
                                 .payload = "no JSON"});
  CHECK(cloud.published(link, "$iothub/twin/res/").topic == "$iothub/twin/res/400/?$rid=r2");
  REQUIRE(cloud.model.hubs().patch_desired(cloud.device("a"), R"({"speed":3})", cloud.now));
  const auto notice = cloud.published(link, "$iothub/twin/PATCH/");
  CHECK(notice.topic == "$iothub/twin/PATCH/properties/desired/?$version=2");
  CHECK(notice.payload == R"({"speed":3,"$version":2})");
}

TEST_CASE("silence of one and a half keep-alives ends the connection") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");  // keep-alive 60 s
  cloud.pass(80s);
  cloud.send(link, mqtt::Pingreq{});
  CHECK(cloud.seen(link).last<mqtt::Pingresp>() != nullptr);
  cloud.pass(89s);
  CHECK_FALSE(cloud.seen(link).closed);
  cloud.pass(1s);
  CHECK(cloud.seen(link).closed);
  CHECK(cloud.device("a").counts.closed["keep-alive"] == 1);
}

TEST_CASE("a token's end closes the connection after the grace") {
  Cloud cloud;
  cloud.register_device("a");
  auto packet = cloud.hub_connect("a", 1, Cloud::key_of("a"));
  packet.keep_alive = 1177s;
  packet.password = make_token("127.0.0.2/devices/a", Cloud::key_of("a"), cloud.now.wall + 100s);
  const auto link = cloud.open("127.0.0.2");
  cloud.send(link, packet);
  cloud.pass(399s);
  CHECK_FALSE(cloud.seen(link).closed);
  cloud.pass(2s);
  CHECK(cloud.seen(link).closed);
  CHECK(cloud.device("a").counts.closed["token expired"] == 1);
}

TEST_CASE("moving the cloud's clock ends connections whose token is over by it") {
  Cloud cloud;
  Control control(cloud.model);
  const auto link = cloud.register_and_connect("a");  // a token of one hour
  const auto move = [&](const char* body) {
    return control.handle({"POST", "/config", "", body}, 1, cloud.now)->status;
  };
  CHECK(move(R"({"clock_offset_ms":3590000})") == 200);
  CHECK_FALSE(cloud.seen(link).closed);  // within the grace of five minutes
  CHECK(move(R"({"token_grace_s":0,"clock_offset_ms":3600001})") == 200);
  CHECK(cloud.seen(link).closed);
  CHECK(cloud.device("a").counts.closed["token expired"] == 1);
}

TEST_CASE("a token that lasts for centuries is no trouble") {
  Cloud cloud;
  cloud.register_device("a");
  auto packet = cloud.hub_connect("a", 1, Cloud::key_of("a"));
  packet.password = make_token("127.0.0.2/devices/a", Cloud::key_of("a"),
                               WallTime(std::chrono::seconds(9'999'999'999)));
  const auto link = cloud.open("127.0.0.2");
  cloud.send(link, packet);
  for (int i = 0; i < 200; ++i) {
    cloud.pass(60s);
    cloud.send(link, mqtt::Pingreq{});
  }
  CHECK_FALSE(cloud.seen(link).closed);
}

TEST_CASE("a connection without CONNECT, or with two, is closed") {
  Cloud cloud;
  const auto idle = cloud.open("127.0.0.2");
  cloud.pass(60s);
  CHECK(cloud.seen(idle).closed);
  const auto rude = cloud.open("127.0.0.2");
  cloud.send(rude, mqtt::Pingreq{});
  CHECK(cloud.seen(rude).closed);
  const auto twice = cloud.register_and_connect("a");
  cloud.send(twice, cloud.hub_connect("a", 1, Cloud::key_of("a")));
  CHECK(cloud.seen(twice).closed);
  const auto broken = cloud.at_hub("a", 1);
  cloud.model.protocol_error(broken, cloud.now);
  CHECK(cloud.seen(broken).closed);
  CHECK(cloud.device("a").counts.closed["malformed"] == 1);
}
