#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>

#include "tests/unit/proto/mqtt/session_fixture.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;
using hubward::mqtt::test::SessionFixture;

namespace {

ClientSettings settings_v5() {
  return {.version = Version::V5, .client_id = "hubward", .filters = {"plant/#"}};
}

Properties with(PropertyId id, std::uint32_t value) { return {{.id = id, .number = value}}; }
Properties says(std::string words) {
  return {{.id = PropertyId::ReasonString, .text = std::move(words)}};
}

}  // namespace

TEST_CASE("a session of MQTT 5 never expires, and says what it can take") {
  SessionFixture f(settings_v5());
  f.session.on_open(f.now, f.actions);
  const auto hello = f.sent();
  REQUIRE(hello.size() == 1);
  const auto& connect = std::get<Connect>(hello[0]);
  CHECK(connect.protocol_level == 5);
  CHECK_FALSE(connect.clean_session);
  // Section 3.1.2.11.2: as clean session 0 of 3.1.1.
  CHECK(number_of(connect.properties, PropertyId::SessionExpiryInterval) == 0xFFFF'FFFFU);
  CHECK(number_of(connect.properties, PropertyId::ReceiveMaximum) == 2000U);
  CHECK(number_of(connect.properties, PropertyId::MaximumPacketSize) == 4U * 1024 * 1024);
  CHECK(number_of(connect.properties, PropertyId::RequestProblemInformation) == 1U);
  CHECK_FALSE(number_of(connect.properties, PropertyId::TopicAliasMaximum));
  f.receive(Connack{});
  const auto asked = f.sent();
  REQUIRE(asked.size() == 1);
  const auto& subscription = std::get<Subscribe>(asked[0]).subscriptions.at(0);
  CHECK(subscription.qos == Qos::AtLeastOnce);
  CHECK(subscription.no_local);
  CHECK_FALSE(subscription.retain_as_published);  // retained: the broker had kept it
  CHECK(subscription.retained == Subscription::Retained::Send);
}

TEST_CASE("a shared subscription is never without our own messages [MQTT-3.8.3-4]") {
  auto settings = settings_v5();
  settings.filters = {"$share/g/plant/#"};
  SessionFixture f(settings);
  f.session.on_open(f.now, f.actions);
  f.receive(Connack{});
  CHECK_FALSE(std::get<Subscribe>(f.sent().back()).subscriptions.at(0).no_local);
}

TEST_CASE("what ends a connection of MQTT 5 has words, and the broker is told of its mistakes") {
  struct Row {
    const char* why;
    std::vector<Packet> packets;
    std::optional<std::uint8_t> told = std::nullopt;  // in a DISCONNECT
  };
  Publish aliased{.topic = "plant/a", .properties = with(PropertyId::TopicAlias, 1)};
  Publish nameless{.properties = with(PropertyId::TopicAlias, 1)};
  Publish twice{.topic = "plant/a", .qos = Qos::ExactlyOnce, .packet_id = 1};
  const Row rows[] = {
      {"the broker does not speak MQTT 5: set \"version\": \"3.1.1\" under \"broker\"",
       {Connack{.return_code = 1}}},
      {"the broker does not speak MQTT 5: set \"version\": \"3.1.1\" under \"broker\"",
       {Connack{.return_code = 0x84}}},
      {"the broker refuses user name or password", {Connack{.return_code = 0x86}}},
      {"the broker does not allow this client: by rule 7",
       {Connack{.return_code = 0x87, .properties = says("by rule 7")}}},
      {"the broker refuses: this client is banned", {Connack{.return_code = 0x8A}}},
      {"the broker refuses the subscription plant/#: not allowed", {Connack{}, Suback{1, {0x87}}}},
      {"the broker refuses the subscription plant/#: it knows no filters with + or #: not here",
       {Connack{}, Suback{1, {0xA2}, says("not here")}}},
      {"the broker ends the connection: another client logged in with the same client id",
       {Connack{}, Disconnect{0x8E}}},
      {"the broker ends the connection: it is shutting down", {Connack{}, Disconnect{0x8B}}},
      {"the broker ends the connection", {Connack{}, Disconnect{}}},
      {"the broker sends PINGRESP where it may not", {Pingresp{}}, std::uint8_t{0x82}},
      {"the broker sends AUTH where it may not", {Connack{}, Auth{}}, std::uint8_t{0x82}},
      {"the broker sends a topic alias, which nobody allowed",
       {Connack{}, aliased},
       std::uint8_t{0x94}},
      {"the broker sends a topic alias, which nobody allowed",
       {Connack{}, nameless},
       std::uint8_t{0x94}},
      {"the broker sends at QoS 2, which nobody asked for", {Connack{}, twice}, std::uint8_t{0x82}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    SessionFixture f(settings_v5());
    f.session.on_open(f.now, f.actions);
    for (const Packet& packet : row.packets) f.receive(packet);
    CHECK(f.why_ended() == row.why);
    const auto sent = f.sent();
    const auto* const bye = std::get_if<Disconnect>(&sent.back());
    REQUIRE((bye != nullptr) == row.told.has_value());
    if (row.told) CHECK(bye->reason == *row.told);
  }
  SessionFixture noise(settings_v5());
  noise.connect();
  noise.session.on_bytes(std::vector<std::byte>(10, std::byte{0xFF}), noise.now, noise.actions);
  CHECK(noise.why_ended().starts_with("the broker sends what is not MQTT"));
  CHECK(noise.sent() == std::vector<Packet>{Disconnect{0x81}});
}

TEST_CASE(
    "one client's bad properties end nothing: its message is acknowledged in turn, and dropped") {
  struct Row {
    const char* fault;
    std::string_view properties;
  };
  const Row rows[] = {
      {"empty response topic or wildcard in it",
       "\x08\x00\x03"
       "a/+"sv},
      {"property with a value that it cannot have", "\x01\x02"sv},
      {"text is not UTF-8 or holds U+0000", "\x03\x00\x01\xFF"sv},
      {"unknown property, or one that has no place in this packet", "\x7E\x01\x02\x03"sv},
      {"property twice", "\x01\x00\x01\x00"sv},
  };
  for (const Row& row : rows) {
    CAPTURE(row.fault);
    SessionFixture f(settings_v5());
    f.connect();
    f.message(1, "before");
    const auto size = static_cast<char>(row.properties.size());
    const std::string body = "\x00\x07plant/b\x00\x02"s + size + std::string(row.properties) + "{}";
    const std::string packet = "\x32"s + static_cast<char>(body.size()) + body;
    f.session.on_bytes(std::as_bytes(std::span(packet)), f.now, f.actions);
    f.message(3, "after");
    CHECK(f.why_ended().empty());
    const auto arrived = f.take<MessageArrived>();
    REQUIRE(arrived.size() == 2);
    CHECK(arrived[0].payload == "before");
    CHECK(arrived[1].payload == "after");
    const auto dropped = f.take<MessageDropped>();
    REQUIRE(dropped.size() == 1);
    CHECK(dropped[0].topic == "plant/b");
    CHECK(dropped[0].code == ErrorCode::BadPayload);
    CHECK(dropped[0].why == "MQTT properties: "s + row.fault);
    CHECK(f.acknowledged().empty());
    f.decide(arrived[0].number);
    CHECK(f.acknowledged() == std::vector<PacketId>{1, 2});
  }
}

TEST_CASE("no more publishes are under way than the broker takes; the others wait") {
  SessionFixture f(settings_v5());
  f.connect(true, with(PropertyId::ReceiveMaximum, 2));
  for (int i = 0; i < 5; ++i) {
    ClientPublish message{.topic = "back", .payload = std::to_string(i)};
    if (i == 2) message.expires_after = 3s;
    REQUIRE(f.session.publish(message, f.now, f.actions));
  }
  auto sent = f.sent();
  REQUIRE(sent.size() == 2);
  f.now += 4s;
  f.receive(Puback{std::get<Publish>(sent[0]).packet_id});
  auto ended = f.take<PublishEnded>();
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].taken);
  CHECK_FALSE(ended[1].taken);
  CHECK(ended[1].refusal == "its time was over before the broker took more");
  sent = f.sent();
  REQUIRE(sent.size() == 1);
  CHECK(std::get<Publish>(sent[0]).payload == "3");
  f.drop();
  ended = f.take<PublishEnded>();
  REQUIRE(ended.size() == 3);  // two were sent: nobody knows
  CHECK(ended[0].refusal.empty());
  CHECK(ended[1].refusal.empty());
  CHECK(ended[2].refusal == "the connection ended before it was sent");
  f.connect();
  CHECK(f.session.publish({"back", "again"}, f.now, f.actions));
  CHECK(f.sent().size() == 1);
}

TEST_CASE(
    "what waits for the broker ends with its time, or when it is withdrawn, and is not sent") {
  SessionFixture f(settings_v5());
  f.connect(true, with(PropertyId::ReceiveMaximum, 1));
  for (const auto left : {60s, 9s, 3s}) {
    ClientPublish message{.topic = "back", .payload = std::to_string(left.count())};
    message.expires_after = left;
    REQUIRE(f.session.publish(message, f.now, f.actions));
  }
  const auto sent = f.sent();
  REQUIRE(sent.size() == 1);
  CHECK(f.session.deadline() == f.now + 3s);
  f.now += 3s;
  f.session.on_timer(f.now, f.actions);
  auto ended = f.take<PublishEnded>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].refusal == "its time was over before the broker took more");
  CHECK(ended[0].code == ErrorCode::CommandExpired);
  CHECK(f.session.deadline() == f.now + 6s);
  f.session.withdraw_waiting(Error{ErrorCode::WritesPaused, ErrorKind::Permanent, "not now"},
                             f.actions);
  ended = f.take<PublishEnded>();
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].refusal == "not now");
  CHECK(ended[0].code == ErrorCode::WritesPaused);
  f.receive(Puback{std::get<Publish>(sent[0]).packet_id});
  CHECK(f.take<PublishEnded>().size() == 1);
  CHECK(f.sent().empty());
}

TEST_CASE("what the broker says of a publish is passed on") {
  struct Row {
    std::uint8_t reason;
    bool taken;
    const char* refusal;
    bool nobody_listens = false;
  };
  const Row rows[] = {
      {0x00, true, ""},
      {0x10, true, "", true},
      {0x87, false, "the broker does not take it: not allowed: by rule 7"},
      {0x97, false, "the broker does not take it: a quota is used up: by rule 7"},
      {0xF0, false, "the broker does not take it: reason 240: by rule 7"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    SessionFixture f(settings_v5());
    f.connect();
    REQUIRE(f.session.publish({"back", "1"}, f.now, f.actions));
    f.receive(Puback{std::get<Publish>(f.sent().back()).packet_id, row.reason, says("by rule 7")});
    const auto ended = f.take<PublishEnded>();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].taken == row.taken);
    CHECK(ended[0].refusal == row.refusal);
    if (!row.taken) CHECK(ended[0].code == ErrorCode::BrokerRefused);
    CHECK(ended[0].nobody_listens == row.nobody_listens);
  }
}

TEST_CASE("a request says where it wants its answer, what it is known by, and how long it counts") {
  ClientPublish request{.topic = "plant/v/set", .payload = "1"};
  request.response_topic = "plant/v/answer";
  request.correlation = "17-1";
  request.expires_after = 2500ms;
  SUBCASE("MQTT 5") {
    SessionFixture f(settings_v5());
    f.connect();
    REQUIRE(f.session.publish(request, f.now, f.actions));
    const auto publish = std::get<Publish>(f.sent().back());
    CHECK(text_of(publish.properties, PropertyId::ResponseTopic) == "plant/v/answer");
    CHECK(text_of(publish.properties, PropertyId::CorrelationData) == "17-1");
    CHECK(number_of(publish.properties, PropertyId::MessageExpiryInterval) == 3U);
  }
  SUBCASE("3.1.1 has no words for it") {
    SessionFixture f;
    f.connect();
    REQUIRE(f.session.publish(request, f.now, f.actions));
    CHECK(std::get<Publish>(f.sent().back()).properties.empty());
  }
}

TEST_CASE("an answer comes with what its request was known by") {
  SessionFixture f(settings_v5());
  f.connect();
  Publish answer{.topic = "plant/v/answer", .payload = "ok"};
  answer.qos = Qos::AtLeastOnce;
  answer.packet_id = 3;
  answer.retain = true;
  answer.properties = {{.id = PropertyId::CorrelationData, .text = "17-1"}};
  f.receive(answer);
  const auto arrived = f.take<MessageArrived>();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].correlation == "17-1");
  CHECK(arrived[0].retained);
  f.decide(arrived[0].number);
  CHECK(f.acknowledged() == std::vector<PacketId>{3});
}

TEST_CASE("the limits of the broker are kept") {
  SUBCASE("its keep-alive, where it is shorter than ours") {
    SessionFixture f(settings_v5());
    f.connect(true, with(PropertyId::ServerKeepAlive, 5));
    CHECK(f.session.deadline() == f.now + 5s);
    f.now += 5s;
    f.session.on_timer(f.now, f.actions);
    CHECK(f.sent() == std::vector<Packet>{Pingreq{}});
    f.drop();
    f.connect();  // said for one connection only
    CHECK(f.session.deadline() == f.now + 15s);
  }
  SUBCASE("its keep-alive, where it is longer: asking more often is allowed") {
    SessionFixture f(settings_v5());
    f.connect(true, with(PropertyId::ServerKeepAlive, 600));
    CHECK(f.session.deadline() == f.now + 15s);
  }
  SUBCASE("its keep-alive, where it wants none") {
    SessionFixture f(settings_v5());
    f.connect(true, with(PropertyId::ServerKeepAlive, 0));
    CHECK(f.session.deadline() == f.now + 15s);
  }
  SUBCASE("the size of a packet") {
    SessionFixture f(settings_v5());
    f.connect(true, with(PropertyId::MaximumPacketSize, 100));
    const auto refused = f.session.publish({"back", std::string(100, 'x')}, f.now, f.actions);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::LimitExceeded);
    CHECK(refused.error().context == "the broker takes packets of 100 bytes at most");
    CHECK(f.session.publish({"back", "x"}, f.now, f.actions));
  }
  SUBCASE("the size of a packet, with filters that are longer") {
    auto settings = settings_v5();
    settings.filters = {std::string(200, 'f')};
    SessionFixture f(settings);
    f.session.on_open(f.now, f.actions);
    f.receive(Connack{.properties = with(PropertyId::MaximumPacketSize, 100)});
    CHECK(f.why_ended() == "the broker takes packets of 100 bytes at most; SUBSCRIBE is longer");
  }
  SUBCASE("no acknowledgements: nothing waits for one") {
    SessionFixture f(settings_v5());
    f.connect(true, with(PropertyId::MaximumQos, 0));
    REQUIRE(f.session.publish({"back", "1"}, f.now, f.actions));
    CHECK(std::get<Publish>(f.sent().back()).qos == Qos::AtMostOnce);
    REQUIRE(f.take<PublishEnded>().size() == 1);
  }
}

TEST_CASE("a broker that keeps less than was asked for is remarked upon") {
  SUBCASE("a session that ends") {
    SessionFixture f(settings_v5());
    f.session.on_open(f.now, f.actions);
    f.receive(Connack{.properties = with(PropertyId::SessionExpiryInterval, 60)});
    f.receive(Suback{std::get<Subscribe>(f.sent().back()).packet_id, {1}});
    const auto ready = f.take<SessionReady>();
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].remark == "the broker keeps messages for 60 s only while hubward is away");
  }
  SUBCASE("both, also when a kept session delivers before the filters are granted") {
    auto settings = settings_v5();
    settings.filters = {"plant/#", "other/#", "more/#"};
    SessionFixture f(settings);
    f.session.on_open(f.now, f.actions);
    f.receive(Connack{.session_present = true,
                      .properties = with(PropertyId::SessionExpiryInterval, 60)});
    const PacketId id = std::get<Subscribe>(f.sent().back()).packet_id;
    f.message(1, "kept");
    REQUIRE(f.take<SessionReady>().size() == 1);
    f.receive(Suback{id, {1, 0, 0}});
    const auto ready = f.take<SessionReady>();
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].remark ==
          "the broker keeps messages for 60 s only while hubward is away; the broker delivers "
          "other/# and 1 more at QoS 0 only: what comes while hubward is away is lost");
    f.message(2, "next");
    CHECK(f.take<SessionReady>().empty());
  }
  SUBCASE("QoS 0, also with 3.1.1") {
    for (const Version version : {Version::V311, Version::V5}) {
      auto settings = settings_v5();
      settings.version = version;
      SessionFixture f(settings);
      f.session.on_open(f.now, f.actions);
      f.receive(Connack{});
      f.receive(Suback{std::get<Subscribe>(f.sent().back()).packet_id, {0}});
      const auto ready = f.take<SessionReady>();
      REQUIRE(ready.size() == 1);
      CHECK(ready[0].remark ==
            "the broker delivers plant/# at QoS 0 only: what comes while hubward is away is lost");
    }
  }
}

TEST_CASE("more messages than were allowed for cut a broker of MQTT 5 off, which is told so") {
  auto settings = settings_v5();
  settings.undecided_max = 3;
  SessionFixture f(settings);
  f.connect();
  for (PacketId id = 1; id <= 4; ++id) f.message(id, "x" + std::to_string(id));
  CHECK(f.why_ended() == "more than 3 messages wait to be stored");
  CHECK(f.sent() == std::vector<Packet>{Disconnect{0x93}});
}

TEST_CASE("the words of a broker are short and on one line") {
  SessionFixture f(settings_v5());
  f.session.on_open(f.now, f.actions);
  f.receive(Connack{.return_code = 0x80, .properties = says("a\nb" + std::string(300, 'x'))});
  const std::string why = f.why_ended();
  CHECK(why.starts_with("the broker refuses: it does not say why: a bxxx"));
  CHECK(why.size() < 260);
}
