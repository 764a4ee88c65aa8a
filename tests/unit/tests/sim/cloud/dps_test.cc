#include <doctest/doctest.h>

#include "tests/unit/tests/sim/cloud/cloud_fixture.h"

using namespace hubward;
using namespace hubward::simcloud;

namespace {

std::string member(const std::string& text, std::initializer_list<const char*> path) {
  const auto document = json::parse(text);
  const json::Value* value = document ? &*document : nullptr;
  for (const char* name : path) value = value ? json::find(*value, name) : nullptr;
  return value == nullptr ? "" : value->IsString() ? value->GetString() : json::to_text(*value);
}

}  // namespace

TEST_CASE("a registration is assigning first and assigned after the poll") {
  Cloud cloud;
  const auto connection = cloud.at_dps("press-07", Cloud::key_of("press-07"));
  CHECK(cloud.connack(connection) == 0);
  cloud.ask(connection, "press-07");
  const auto first = cloud.published(connection, "$dps/");
  CHECK(first.topic == "$dps/registrations/res/202/?$rid=1&retry-after=3");
  CHECK(member(first.payload, {"status"}) == "assigning");
  cloud.pass(std::chrono::seconds(3));
  cloud.poll(connection);
  const auto second = cloud.published(connection, "$dps/");
  CHECK(second.topic == "$dps/registrations/res/200/?$rid=2");
  CHECK(member(second.payload, {"registrationState", "assignedHub"}) == "127.0.0.2:8883");
  CHECK(member(second.payload, {"registrationState", "deviceId"}) == "press-07");
  CHECK(member(second.payload, {"registrationState", "substatus"}) == "initialAssignment");
  const DpsCounts& counts = cloud.model.world().dps_counts.at("press-07");
  CHECK(counts.conversations == 1);
  CHECK(counts.assigned == 1);
  CHECK(counts.impatient_polls == 0);
}

TEST_CASE("a poll sooner than retry-after is counted as impatient") {
  Cloud cloud;
  const auto connection = cloud.at_dps("a", Cloud::key_of("a"));
  cloud.ask(connection, "a");
  cloud.pass(std::chrono::milliseconds(2999));
  cloud.poll(connection);
  CHECK(cloud.model.world().dps_counts.at("a").impatient_polls == 1);
}

TEST_CASE("an enrollment can ask for more polls, or none") {
  for (const unsigned polls : {0U, 1U, 3U}) {
    CAPTURE(polls);
    Cloud cloud;
    cloud.enroll({.name = "a",
                  .keys = {Cloud::key_of("a")},
                  .device_id = {},
                  .hubs = {1},
                  .polls = polls,
                  .desired = {}});
    const auto connection = cloud.at_dps("a", Cloud::key_of("a"));
    cloud.ask(connection, "a");
    for (unsigned i = 0; i < polls; ++i) {
      CHECK(cloud.published(connection, "$dps/registrations/res/200/").topic.empty());
      cloud.pass(std::chrono::seconds(3));
      cloud.poll(connection);
    }
    const auto answer = cloud.published(connection, "$dps/registrations/res/200/");
    CHECK(member(answer.payload, {"status"}) == "assigned");
  }
}

TEST_CASE("an individual enrollment can name another device id") {
  Cloud cloud;
  cloud.enroll({.name = "reg-1",
                .keys = {Cloud::key_of("reg-1")},
                .device_id = "Device.One",
                .hubs = {2},
                .polls = {},
                .desired = {}});
  const auto answer = cloud.register_device("reg-1");
  CHECK(member(answer, {"registrationState", "deviceId"}) == "Device.One");
  CHECK(member(answer, {"registrationState", "assignedHub"}) == "127.0.0.3:8883");
}

TEST_CASE("wrong credentials pass CONNECT at DPS and are refused by message") {
  struct Row {
    const char* why;
    std::string scope;
    Key key;
    std::chrono::seconds life;
    std::string topic;
    std::string code;
  };
  const Key good = Cloud::key_of("a");
  const Row rows[] = {
      {"wrong key", "0neTEST", Key(32), std::chrono::hours(1), "$dps/registrations/res/401/?$rid=1",
       "401002"},
      {"the group key itself", "0neTEST", Cloud::group_key(), std::chrono::hours(1),
       "$dps/registrations/res/401/?$rid=1", "401002"},
      {"expired", "0neTEST", good, std::chrono::seconds(-1), "$dps/registrations/res/401/?$rid=1",
       "401002"},
      {"unknown scope", "0neOTHER", good, std::chrono::hours(1),
       "$dps/registrations/res/404/?$rid=1", "404201"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    const auto connection = cloud.open("dps.test");
    const std::string resource = row.scope + "/registrations/a";
    cloud.send(connection,
               mqtt::Connect{.client_id = "a",
                             .user_name = resource + "/api-version=2019-03-31",
                             .password = make_token(resource, row.key, cloud.now.wall + row.life)});
    CHECK(cloud.connack(connection) == 0);
    cloud.subscribe(connection, "$dps/registrations/res/#");
    cloud.ask(connection, "a");
    const auto answer = cloud.published(connection, "$dps/");
    CHECK(answer.topic == row.topic);
    CHECK(member(answer.payload, {"errorCode"}) == row.code);
    CHECK(cloud.model.world().devices.empty());
  }
}

TEST_CASE("without any enrollment the answer is 404") {
  CountingRandom random;
  CloudModel model(Cloud::two_hubs(), random);
  Cloud other;
  model.receive(1, mqtt::Pingreq{}, other.now);  // unknown connection: nothing happens
  CHECK(model.open(1, "dps.test", other.now) == Admission::Accepted);
  model.receive(1, other.dps_connect("a", Key(32)), other.now);
  model.receive(1, mqtt::Subscribe{1, {{"$dps/registrations/res/#", mqtt::Qos::AtMostOnce}}},
                other.now);
  model.receive(1,
                mqtt::Publish{.topic = "$dps/registrations/PUT/iotdps-register/?$rid=1",
                              .payload = R"({"registrationId":"a"})"},
                other.now);
  const auto outputs = model.take_outputs();
  const auto& last = std::get<mqtt::Publish>(std::get<mqtt::Packet>(outputs.back().what));
  CHECK(last.topic == "$dps/registrations/res/404/?$rid=1");
}

TEST_CASE("a malformed CONNECT to DPS is refused with the code that says so") {
  struct Row {
    const char* why;
    mqtt::Connect packet;
    int code;
  };
  const Cloud helper;
  const mqtt::Connect good = helper.dps_connect("a", Cloud::key_of("a"));
  Row rows[] = {
      {"level 3", good, 1},
      {"client id is not the registration id", good, 2},
      {"no api-version", good, 4},
      {"no user name", good, 4},
  };
  rows[0].packet.protocol_level = 3;
  rows[1].packet.client_id = "b";
  rows[2].packet.user_name = "0neTEST/registrations/a";
  rows[3].packet.user_name.reset();
  rows[3].packet.password.reset();
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    const auto connection = cloud.open("dps.test");
    cloud.send(connection, row.packet);
    CHECK(cloud.connack(connection) == row.code);
    CHECK(cloud.seen(connection).closed);
  }
}

TEST_CASE("DPS closes on what it does not know, and answers 400 to a bad body") {
  struct Row {
    const char* why;
    mqtt::Publish packet;
    bool closed;
  };
  const std::string topic = "$dps/registrations/PUT/iotdps-register/?$rid=1";
  const Row rows[] = {
      {"unknown topic", {.topic = "$dps/registrations/PUT/other/?$rid=1"}, true},
      {"no request id", {.topic = "$dps/registrations/PUT/iotdps-register/?x=1"}, true},
      {"QoS 2", {.topic = topic, .qos = mqtt::Qos::ExactlyOnce, .packet_id = 1}, true},
      {"over 96 KB", {.topic = topic, .payload = std::string(96 * 1024 + 1, ' ')}, true},
      {"no JSON", {.topic = topic, .payload = "{"}, false},
      {"another registration id", {.topic = topic, .payload = R"({"registrationId":"b"})"}, false},
      {"payload is no object",
       {.topic = topic, .payload = R"({"registrationId":"a","payload":3})"},
       false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    const auto connection = cloud.at_dps("a", Cloud::key_of("a"));
    cloud.send(connection, row.packet);
    CHECK(cloud.seen(connection).closed == row.closed);
    const auto answer = cloud.published(connection, "$dps/registrations/res/");
    CHECK((answer.topic == "$dps/registrations/res/400/?$rid=1") == !row.closed);
  }
}

TEST_CASE("faults at DPS answer what they were told to") {
  struct Row {
    const char* why;
    Fault fault;
    std::string topic;
    std::string status_or_code;
  };
  Row rows[] = {
      {"401", {}, "$dps/registrations/res/401/?$rid=1", "401002"},
      {"429 with retry-after", {}, "$dps/registrations/res/429/?$rid=1&retry-after=7", "429001"},
      {"500", {}, "$dps/registrations/res/500/?$rid=1", "500000"},
      {"failed", {}, "$dps/registrations/res/200/?$rid=1", "failed"},
      {"disabled", {}, "$dps/registrations/res/200/?$rid=1", "disabled"},
  };
  for (auto& row : rows) row.fault.kind = FaultKind::DpsAnswer;
  rows[0].fault.code = 401, rows[0].fault.error_code = 401002;
  rows[1].fault.code = 429, rows[1].fault.error_code = 429001;
  rows[1].fault.retry_after = std::chrono::seconds(7);
  rows[2].fault.code = 500, rows[2].fault.error_code = 500000;
  rows[3].fault.text = "failed", rows[3].fault.error_code = 400207;
  rows[4].fault.text = "disabled";
  for (auto& row : rows) {
    CAPTURE(row.why);
    Cloud cloud;
    row.fault.times = 1;
    cloud.model.add_fault(row.fault, cloud.now);
    const auto connection = cloud.at_dps("a", Cloud::key_of("a"));
    cloud.ask(connection, "a");
    const auto answer = cloud.published(connection, "$dps/registrations/res/");
    CHECK(answer.topic == row.topic);
    const std::string status = member(answer.payload, {"status"});
    CHECK((status.empty() ? member(answer.payload, {"errorCode"}) : status) == row.status_or_code);
    if (row.status_or_code == "failed") {
      CHECK(member(answer.payload, {"registrationState", "errorCode"}) == "400207");
    }
    cloud.ask(connection, "a");  // used up
    CHECK(cloud.published(connection, "$dps/").topic ==
          "$dps/registrations/res/202/?$rid=1&retry-after=3");
  }
}

TEST_CASE("a blocked device is refused by the poll, a disabled enrollment at once") {
  Cloud cloud;
  cloud.register_device("a");
  REQUIRE(cloud.model.block("a", true, cloud.now));
  const auto blocked = cloud.register_device("a");
  CHECK(member(blocked, {"status"}) == "failed");
  CHECK(member(blocked, {"registrationState", "errorCode"}) == "400209");
  REQUIRE(cloud.model.block("a", false, cloud.now));
  CHECK(member(cloud.register_device("a"), {"status"}) == "assigned");
  REQUIRE(cloud.model.disable_enrollment("plant", true));
  const auto disabled = cloud.register_device("a");
  CHECK(member(disabled, {"status"}) == "disabled");
  CHECK(member(disabled, {"operationId"}).empty());
}

TEST_CASE("the reprovisioning policy decides what a move takes along") {
  struct Row {
    Reprovision policy;
    std::string hub;
    std::string substatus;
    std::int64_t desired_version;
  };
  const Row rows[] = {
      {Reprovision::Migrate, "127.0.0.3:8883", "deviceDataMigrated", 3},
      {Reprovision::Reset, "127.0.0.3:8883", "deviceDataReset", 2},
      {Reprovision::Never, "127.0.0.2:8883", "reprovisionedToInitialAssignment", 3},
  };
  for (const auto& row : rows) {
    CAPTURE(row.substatus);
    Cloud cloud;
    Enrollment enrollment{.name = "a",
                          .keys = {Cloud::key_of("a")},
                          .device_id = {},
                          .hubs = {1},
                          .policy = row.policy,
                          .polls = {},
                          .desired = R"({"speed":1})"};
    cloud.enroll(enrollment);
    cloud.register_device("a");
    REQUIRE(cloud.model.hubs().patch_desired(cloud.device("a"), R"({"speed":2})", cloud.now));
    enrollment.hubs = {2};
    cloud.enroll(enrollment);
    const auto answer = cloud.register_device("a");
    CHECK(member(answer, {"registrationState", "assignedHub"}) == row.hub);
    CHECK(member(answer, {"registrationState", "substatus"}) == row.substatus);
    CHECK(cloud.device("a").twin.desired_version() == row.desired_version);
  }
}

TEST_CASE("groups spread their devices over their hubs in turn") {
  Cloud cloud;
  cloud.enroll({.name = "plant",
                .group = true,
                .keys = {Cloud::group_key()},
                .device_id = {},
                .hubs = {1, 2},
                .polls = {},
                .desired = {}});
  for (const char* id : {"a", "b", "c"}) cloud.register_device(id);
  CHECK(cloud.device("a").hub == Place{1});
  CHECK(cloud.device("b").hub == Place{2});
  CHECK(cloud.device("c").hub == Place{1});
}

TEST_CASE("an operation of another registration cannot be polled") {
  Cloud cloud;
  const auto first = cloud.at_dps("a", Cloud::key_of("a"));
  cloud.ask(first, "a");
  const auto reply = json::parse(cloud.published(first, "$dps/").payload);
  const auto second = cloud.at_dps("b", Cloud::key_of("b"));
  cloud.send(
      second,
      mqtt::Publish{.topic = "$dps/registrations/GET/iotdps-get-operationstatus/"
                             "?$rid=9&operationId=" +
                             std::string(*json::as_string(json::find(*reply, "operationId")))});
  CHECK(cloud.published(second, "$dps/").topic == "$dps/registrations/res/404/?$rid=9");
}
