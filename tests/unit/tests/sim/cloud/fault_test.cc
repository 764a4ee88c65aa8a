#include <doctest/doctest.h>

#include "tests/unit/tests/sim/cloud/cloud_fixture.h"

using namespace hubward;
using namespace hubward::simcloud;
using namespace std::chrono_literals;

TEST_CASE("identities that are gone or not wanted are closed and then refused with 5") {
  struct Row {
    const char* why;
    void (*hurt)(Cloud& cloud);
    const char* counted;
  };
  const Row rows[] = {
      {"disabled", [](Cloud& c) { REQUIRE(c.model.disable("a", false, c.now)); }, "5 disabled"},
      {"deleted", [](Cloud& c) { REQUIRE(c.model.remove_identity("a", c.now)); }, "5 deleted"},
      {"blocked", [](Cloud& c) { REQUIRE(c.model.block("a", true, c.now)); }, "5 blocked"},
      {"failed over", [](Cloud& c) { REQUIRE(c.model.fail_over("a", 2, {}, c.now)); }, "5 moved"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    const auto link = cloud.register_and_connect("a");
    row.hurt(cloud);
    CHECK(cloud.seen(link).closed);
    CHECK(cloud.seen(link).packets.size() == 1);  // CONNACK, and no word about the end
    const auto again = cloud.at_hub("a", 1);
    CHECK(cloud.connack(again) == 5);
    CHECK(cloud.device("a").counts.refused.contains(row.counted));
  }
}

TEST_CASE("a deleted or half-disabled device is let in again after registering") {
  Cloud cloud;
  cloud.register_and_connect("a");
  REQUIRE(cloud.model.remove_identity("a", cloud.now));
  CHECK(cloud.connack(cloud.register_and_connect("a")) == 0);
  REQUIRE(cloud.model.disable("a", true, cloud.now));
  CHECK(cloud.connack(cloud.register_and_connect("a")) == 0);
  REQUIRE(cloud.model.disable("a", false, cloud.now));
  CHECK(cloud.connack(cloud.register_and_connect("a")) == 5);
  REQUIRE(cloud.model.enable("a"));
  CHECK(cloud.connack(cloud.at_hub("a", 1)) == 0);
}

TEST_CASE("a failed-over device finds the other hub, and comes back when the time is over") {
  Cloud cloud;
  cloud.register_and_connect("a");
  REQUIRE(cloud.model.fail_over("a", 2, 30s, cloud.now));
  CHECK(cloud.connack(cloud.at_hub("a", 2)) == 5);  // not there before DPS says so
  cloud.register_device("a");
  const auto away = cloud.at_hub("a", 2);
  REQUIRE(cloud.connack(away) == 0);
  CHECK_FALSE(std::get<mqtt::Connack>(cloud.seen(away).packets.front()).session_present);
  cloud.pass(30s);
  CHECK(cloud.seen(away).closed);
  CHECK(cloud.connack(cloud.at_hub("a", 2)) == 5);
  CHECK(cloud.connack(cloud.register_and_connect("a")) == 0);
  CHECK(cloud.device("a").hub == Place{1});
}

TEST_CASE("an older failover's end does not disturb a newer one") {
  Cloud cloud;
  cloud.register_and_connect("a");
  REQUIRE(cloud.model.fail_over("a", 2, 30s, cloud.now));
  cloud.register_device("a");
  REQUIRE(cloud.model.fail_over("a", 1, {}, cloud.now));
  cloud.register_device("a");
  REQUIRE(cloud.model.fail_over("a", 2, {}, cloud.now));
  cloud.register_device("a");
  const auto link = cloud.at_hub("a", 2);
  cloud.pass(31s);
  CHECK_FALSE(cloud.seen(link).closed);
  CHECK_FALSE(cloud.model.fail_over("a", 2, {}, cloud.now));  // it is there already
  CHECK_FALSE(cloud.model.fail_over("a", 9, {}, cloud.now));
  CHECK_FALSE(cloud.model.fail_over("nobody", 2, {}, cloud.now));
}

TEST_CASE("a whole hub fails over") {
  Cloud cloud;
  const auto a = cloud.register_and_connect("a");
  const auto b = cloud.register_and_connect("b");
  CHECK(cloud.model.fail_over_hub(1, {}, {}, cloud.now) == 2);
  CHECK(cloud.seen(a).closed);
  CHECK(cloud.seen(b).closed);
  cloud.register_device("a");
  CHECK(cloud.device("a").hub == Place{2});
}

TEST_CASE("a hub that is down refuses connections and loses those it had") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  const auto id = cloud.model.add_fault({.kind = FaultKind::Down, .place = Place{1}}, cloud.now);
  CHECK(cloud.seen(link).closed);
  CHECK_FALSE(cloud.model.is_up(1));
  CHECK(cloud.model.is_up(2));
  cloud.open("127.0.0.2");
  CHECK(cloud.opened == Admission::Refused);
  cloud.open("127.0.0.3");
  CHECK(cloud.opened == Admission::Accepted);
  CHECK(cloud.model.remove_fault(id, cloud.now));
  CHECK_FALSE(cloud.model.remove_fault(id, cloud.now));
  CHECK(cloud.connack(cloud.at_hub("a", 1)) == 0);
  cloud.open("nowhere.test");
  CHECK(cloud.opened == Admission::Refused);
}

TEST_CASE("a silent hub answers nothing, keeps nothing, and closes what it missed afterwards") {
  Cloud cloud;
  const auto idle = cloud.register_and_connect("b");
  const auto link = cloud.register_and_connect("a");
  cloud.model.add_fault({.kind = FaultKind::Silent, .place = Place{1}}, cloud.now);
  cloud.telemetry(link, "a", "", "{}");
  const auto late = cloud.at_hub("a", 1);
  cloud.pass(300s);
  CHECK(cloud.seen(link).packets.size() == 1);
  CHECK(cloud.seen(late).packets.empty());
  CHECK_FALSE(cloud.seen(link).closed);
  CHECK_FALSE(cloud.seen(late).closed);
  CHECK(cloud.device("a").ledger.total() == 0);
  cloud.model.clear_faults(cloud.now);
  CHECK(cloud.seen(link).closed);
  CHECK(cloud.seen(late).closed);
  CHECK_FALSE(cloud.seen(idle).closed);
}

TEST_CASE("a hub that does not even shake hands ignores the connection") {
  Cloud cloud;
  cloud.model.add_fault({.kind = FaultKind::SilentTcp, .place = Place{1}}, cloud.now);
  cloud.open("127.0.0.2");
  CHECK(cloud.opened == Admission::Ignored);
}

TEST_CASE("a CONNACK fault is used up, and only by its device") {
  Cloud cloud;
  cloud.register_device("a");
  cloud.register_device("b");
  cloud.model.add_fault(
      {.kind = FaultKind::Connack, .place = Place{1}, .device = "a", .code = 3, .times = 2},
      cloud.now);
  CHECK(cloud.connack(cloud.at_hub("b", 1)) == 0);
  CHECK(cloud.connack(cloud.at_hub("a", 1)) == 3);
  CHECK(cloud.connack(cloud.at_hub("a", 1)) == 3);
  CHECK(cloud.connack(cloud.at_hub("a", 1)) == 0);
}

TEST_CASE("a connection can be closed soon after CONNACK") {
  Cloud cloud;
  cloud.register_device("a");
  cloud.model.add_fault({.kind = FaultKind::CloseAfterConnack, .delay = 200ms}, cloud.now);
  const auto link = cloud.at_hub("a", 1);
  CHECK(cloud.connack(link) == 0);
  cloud.pass(199ms);
  CHECK_FALSE(cloud.seen(link).closed);
  cloud.pass(1ms);
  CHECK(cloud.seen(link).closed);
}

TEST_CASE("delayed PUBACKs come late and in order") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.model.add_fault({.kind = FaultKind::PubackDelay, .delay = 500ms, .times = 1}, cloud.now);
  cloud.telemetry(link, "a", "", "{}", 1);
  cloud.telemetry(link, "a", "", "{}", 2);  // not delayed itself, but may not overtake
  CHECK(cloud.count_of_pubacks(link) == 0);
  cloud.pass(500ms);
  const auto& packets = cloud.seen(link).packets;
  REQUIRE(packets.size() == 3);
  CHECK(packets[1] == mqtt::Packet(mqtt::Puback{1}));
  CHECK(packets[2] == mqtt::Packet(mqtt::Puback{2}));
}

TEST_CASE("withheld PUBACKs: the message is kept, or not") {
  for (const bool record : {true, false}) {
    CAPTURE(record);
    Cloud cloud;
    const auto link = cloud.register_and_connect("a");
    cloud.model.add_fault({.kind = FaultKind::PubackWithhold, .record = record}, cloud.now);
    cloud.telemetry(link, "a", "", "{}");
    CHECK(cloud.count_of_pubacks(link) == 0);
    CHECK(cloud.device("a").ledger.total() == (record ? 1 : 0));
  }
}

TEST_CASE("a connection is cut in the middle of the chosen message") {
  for (const bool record : {true, false}) {
    CAPTURE(record);
    Cloud cloud;
    const auto link = cloud.register_and_connect("a");
    cloud.model.add_fault({.kind = FaultKind::Cut, .record = record, .after = 2, .times = 1},
                          cloud.now);
    for (mqtt::PacketId i = 1; i <= 3; ++i) cloud.telemetry(link, "a", "", "{}", i);
    CHECK(cloud.seen(link).cut);
    CHECK(cloud.count_of_pubacks(link) == 2);
    CHECK(cloud.device("a").ledger.total() == (record ? 3 : 2));
    CHECK(cloud.connack(cloud.at_hub("a", 1)) == 0);
  }
}

TEST_CASE("a poisonous body closes the link every time and is never kept") {
  Cloud cloud;
  cloud.register_device("a");
  cloud.model.add_fault({.kind = FaultKind::Poison, .text = "666"}, cloud.now);
  for (int i = 0; i < 3; ++i) {
    const auto link = cloud.at_hub("a", 1);
    cloud.telemetry(link, "a", "", R"({"counter":665})");
    cloud.telemetry(link, "a", "", R"({"counter":666})");
    CHECK(cloud.seen(link).closed);
  }
  CHECK(cloud.device("a").ledger.total() == 3);
}

TEST_CASE("a connect rate queues what is over it, or closes it") {
  for (const bool close_excess : {false, true}) {
    CAPTURE(close_excess);
    Cloud cloud;
    for (const char* id : {"a", "b", "c", "d"}) cloud.register_device(id);
    cloud.model.add_fault({.kind = FaultKind::ConnectRate,
                           .place = Place{1},
                           .per_second = 2,
                           .close_excess = close_excess},
                          cloud.now);
    cloud.at_hub("a", 1);
    cloud.at_hub("b", 1);  // a second's worth passes at once
    const auto third = cloud.at_hub("c", 1);
    CHECK(cloud.connack(third) == -1);
    CHECK(cloud.seen(third).closed == close_excess);
    if (close_excess) continue;
    cloud.send(third, mqtt::Pingreq{});  // an impatient client stays in the line
    cloud.pass(500ms);
    CHECK(cloud.connack(third) == 0);
  }
}

TEST_CASE("a send rate delays PUBACKs, and a full line ends in a close") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.model.add_fault({.kind = FaultKind::SendRate, .place = Place{1}, .per_second = 10},
                        cloud.now);
  for (mqtt::PacketId i = 1; i <= 30; ++i) cloud.telemetry(link, "a", "", "{}", i);
  CHECK(cloud.count_of_pubacks(link) == 10);
  cloud.pass(1s);
  CHECK(cloud.count_of_pubacks(link) == 20);
  cloud.pass(1s);
  CHECK(cloud.count_of_pubacks(link) == 30);
  for (mqtt::PacketId i = 1; i <= 400; ++i) cloud.telemetry(link, "a", "", "{}", i);
  CHECK(cloud.seen(link).closed);
  CHECK(cloud.device("a").counts.closed["throttled"] == 1);
}

TEST_CASE("twin requests can be refused") {
  Cloud cloud;
  const auto link = cloud.register_and_connect("a");
  cloud.subscribe(link, "$iothub/twin/res/#");
  cloud.model.add_fault({.kind = FaultKind::TwinStatus, .code = 429, .times = 2}, cloud.now);
  cloud.send(link, mqtt::Publish{.topic = "$iothub/twin/GET/?$rid=1"});
  CHECK(cloud.published(link, "$iothub/").topic == "$iothub/twin/res/429/?$rid=1");
  cloud.send(link, mqtt::Publish{.topic = "$iothub/twin/PATCH/properties/reported/?$rid=2",
                                 .payload = "{}"});
  CHECK(cloud.published(link, "$iothub/").topic == "$iothub/twin/res/429/?$rid=2");
  CHECK(cloud.device("a").twin.reported_version() == 1);
}

TEST_CASE("every kind of fault has a name that leads back to it") {
  for (int i = 0; i <= static_cast<int>(FaultKind::TwinStatus); ++i) {
    const auto kind = static_cast<FaultKind>(i);
    CAPTURE(name_of(kind));
    CHECK(fault_kind(name_of(kind)) == kind);
  }
  CHECK_FALSE(fault_kind("meteor"));
}
