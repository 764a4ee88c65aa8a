#include "proto/mqtt/client_session.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/proto/mqtt/session_fixture.h"

using namespace hubward;
using namespace hubward::mqtt;
using hubward::mqtt::test::SessionFixture;
using namespace std::chrono_literals;

TEST_CASE("a session keeps what the broker keeps, and asks for QoS 1") {
  ClientSettings settings{.client_id = "hubward", .user_name = "gateway", .password = "secret"};
  settings.filters = {"plant/+/state", "hall/#"};
  SessionFixture f(settings);
  f.session.on_open(f.now, f.actions);
  const auto hello = f.sent();
  REQUIRE(hello.size() == 1);
  const auto& connect = std::get<Connect>(hello[0]);
  CHECK(connect.client_id == "hubward");
  CHECK(connect.user_name == "gateway");
  CHECK(connect.password == "secret");
  CHECK(connect.keep_alive == 15s);
  CHECK_FALSE(connect.clean_session);
  f.receive(Connack{});
  const auto asked = f.sent();
  REQUIRE(asked.size() == 1);
  const auto& subscribe = std::get<Subscribe>(asked[0]);
  CHECK(subscribe.subscriptions == std::vector<Subscription>{{"plant/+/state", Qos::AtLeastOnce},
                                                             {"hall/#", Qos::AtLeastOnce}});
  CHECK_FALSE(f.session.is_ready());
  f.receive(Suback{subscribe.packet_id, {1, 1}});
  CHECK(f.session.is_ready());
  CHECK(f.take<SessionReady>().size() == 1);
}

TEST_CASE("many messages wait for their decision at once; acknowledgements keep their order") {
  SessionFixture f;
  f.connect();
  for (PacketId id = 1; id <= 4; ++id) f.message(id, std::to_string(id));
  const auto arrived = f.take<MessageArrived>();
  REQUIRE(arrived.size() == 4);
  CHECK(f.acknowledged().empty());
  f.decide(arrived[2].number);
  f.decide(arrived[1].number);
  CHECK(f.acknowledged().empty());  // [MQTT-4.6.0-2]
  f.decide(arrived[0].number);
  CHECK(f.acknowledged() == std::vector<PacketId>{1, 2, 3});
  f.decide(arrived[3].number);
  f.decide(arrived[3].number);  // harmless
  CHECK(f.acknowledged() == std::vector<PacketId>{4});
}

TEST_CASE("what was taken is not handed up again when the broker delivers it twice") {
  SessionFixture f;
  f.connect();
  for (PacketId id = 1; id <= 3; ++id) f.message(id, std::to_string(id));
  const auto arrived = f.take<MessageArrived>();
  f.decide(arrived[0].number);  // its PUBACK may be lost
  f.decide(arrived[2].number);  // waits behind the second
  f.drop();
  (void)f.sent();
  SUBCASE("the second is decided before it comes again") {
    f.decide(arrived[1].number);
    f.connect();
    for (PacketId id = 1; id <= 3; ++id) f.message(id, std::to_string(id), true);
    CHECK(f.take<MessageArrived>().empty());
    CHECK(f.acknowledged() == std::vector<PacketId>{1, 2, 3});
  }
  SUBCASE("the second is decided after it came again") {
    f.connect();
    for (PacketId id = 1; id <= 3; ++id) f.message(id, std::to_string(id), true);
    CHECK(f.take<MessageArrived>().empty());
    CHECK(f.acknowledged() == std::vector<PacketId>{1});
    f.decide(arrived[1].number);
    CHECK(f.acknowledged() == std::vector<PacketId>{2, 3});
  }
  SUBCASE("the second is refused: it is handed up again") {
    f.decide(arrived[1].number, false);
    f.connect();
    for (PacketId id = 1; id <= 3; ++id) f.message(id, std::to_string(id), true);
    const auto again = f.take<MessageArrived>();
    REQUIRE(again.size() == 1);
    CHECK(again[0].payload == "2");
  }
  SUBCASE("another message under an old id is another message") {
    f.connect();
    f.message(1, "other", true);
    f.message(2, "1");
    CHECK(f.take<MessageArrived>().size() == 2);
  }
  SUBCASE("a broker that has forgotten the session counts anew") {
    f.connect(false);
    f.message(1, "1", true);
    CHECK(f.take<MessageArrived>().size() == 1);
  }
}

TEST_CASE("an equal message under a packet id that was used before is not taken for the old one") {
  SessionFixture f;
  f.connect();
  f.message(1, "21.5");
  f.decide(f.take<MessageArrived>()[0].number);
  CHECK(f.acknowledged() == std::vector<PacketId>{1});
  SUBCASE("the id came again as another message's: the broker has the acknowledgement") {
    f.message(1, "22.0");
    f.decide(f.take<MessageArrived>()[0].number);
    f.drop();
    f.connect();
    f.message(1, "21.5", true);
    CHECK(f.take<MessageArrived>().size() == 1);
  }
  SUBCASE("what was acknowledged before one that the broker has, it has as well") {
    f.message(2, "5");
    f.decide(f.take<MessageArrived>()[0].number);
    f.message(2, "6");  // id 2 is free again, so id 1 is
    f.decide(f.take<MessageArrived>()[0].number);
    f.drop();
    f.connect();
    f.message(1, "21.5", true);
    CHECK(f.take<MessageArrived>().size() == 1);
    f.message(2, "6", true);  // of this one nothing says so
    CHECK(f.take<MessageArrived>().empty());
  }
  SUBCASE("the broker has answered a PINGREQ since") {
    f.now += 15s;
    f.session.on_timer(f.now, f.actions);
    f.message(2, "5");  // acknowledged after the question
    f.decide(f.take<MessageArrived>()[0].number);
    f.receive(Pingresp{});
    f.drop();
    f.connect();
    f.message(1, "21.5", true);
    CHECK(f.take<MessageArrived>().size() == 1);
    f.message(2, "5", true);
    CHECK(f.take<MessageArrived>().empty());
  }
  SUBCASE("an acknowledgement of an earlier connection may have been lost with it") {
    f.drop();
    f.connect();
    f.message(2, "5");
    f.decide(f.take<MessageArrived>()[0].number);
    f.message(2, "6");
    f.decide(f.take<MessageArrived>()[0].number);
    f.message(1, "21.5", true);
    CHECK(f.take<MessageArrived>().empty());
  }
}

TEST_CASE("a message that is refused ends the connection and is not acknowledged") {
  SessionFixture f;
  f.connect();
  f.message(1, "1");
  f.message(2, "2");
  const auto arrived = f.take<MessageArrived>();
  f.decide(arrived[0].number, false);
  CHECK(f.why_ended() == "a message was not stored, the broker will deliver it again");
  CHECK(f.acknowledged().empty());
  CHECK_FALSE(f.session.deadline());
  f.connect();
  f.message(1, "1", true);
  f.message(2, "2", true);
  const auto again = f.take<MessageArrived>();
  REQUIRE(again.size() == 1);  // the second is still with its receiver
  CHECK(again[0].payload == "1");
  f.decide(again[0].number);
  f.decide(arrived[1].number);
  CHECK(f.acknowledged() == std::vector<PacketId>{1, 2});
}

TEST_CASE("a kept session delivers before it confirms the filters") {
  SessionFixture f;
  f.session.on_open(f.now, f.actions);
  f.receive(Connack{.session_present = true});
  const auto asked = f.sent();
  f.message(1, "1");
  CHECK(f.take<SessionReady>().size() == 1);
  CHECK(f.take<MessageArrived>().size() == 1);
  CHECK_FALSE(f.session.is_ready());
  f.receive(Suback{std::get<Subscribe>(asked.back()).packet_id, {1}});
  CHECK(f.session.is_ready());
  CHECK(f.take<SessionReady>().empty());
}

TEST_CASE("a message without a decision ends the connection after ten seconds") {
  SessionFixture f;
  f.connect();
  f.message(1, "1");
  f.now += 9s;
  f.session.on_timer(f.now, f.actions);
  CHECK(f.why_ended().empty());
  f.now += 1s;
  CHECK(f.session.deadline() == f.now);
  f.session.on_timer(f.now, f.actions);
  CHECK(f.why_ended() == "a message was not stored, the broker will deliver it again");
}

TEST_CASE("messages at QoS 0 and messages that are too long wait for nobody") {
  ClientSettings settings{.client_id = "hubward", .filters = {"#"}};
  settings.message_bytes_max = 1000;
  SessionFixture f(settings);
  f.connect();
  f.receive(Publish{.topic = "plant/a", .payload = "now"});
  const auto arrived = f.take<MessageArrived>();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].number == 0);
  f.message(9, std::string(100'000, 'x'));
  const auto dropped = f.take<MessageDropped>();
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].code == ErrorCode::InputTooLong);
  CHECK(f.acknowledged() == std::vector<PacketId>{9});
  CHECK(f.take<MessageArrived>().empty());
}

TEST_CASE("a publish is answered once: by the broker, or by the end of the connection") {
  SessionFixture f;
  f.connect();
  const auto first = f.session.publish({"back", "1"}, f.now, f.actions);
  const auto second = f.session.publish({"back", "2"}, f.now, f.actions);
  REQUIRE(first);
  REQUIRE(second);
  const auto sent = f.sent();
  REQUIRE(sent.size() == 2);
  const PacketId id = std::get<Publish>(sent[1]).packet_id;
  f.receive(Puback{id});
  f.receive(Puback{id});
  f.drop();
  f.drop();
  const auto ended = f.take<PublishEnded>();
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].number == *second);
  CHECK(ended[0].taken);
  CHECK(ended[1].number == *first);
  CHECK_FALSE(ended[1].taken);
  CHECK_FALSE(f.session.publish({std::string(70'000, 't'), ""}, f.now, f.actions));
}

TEST_CASE("a broker that does not answer is asked after 15 s and given up 15 s later") {
  SessionFixture f;
  f.connect();
  f.now += 15s;
  CHECK(f.session.deadline() == f.now);
  f.session.on_timer(f.now, f.actions);
  CHECK(f.sent() == std::vector<Packet>{Pingreq{}});
  SUBCASE("it answers") {
    f.receive(Pingresp{});
    f.now += 14s;
    f.session.on_timer(f.now, f.actions);
    CHECK(f.why_ended().empty());
  }
  SUBCASE("it does not") {
    f.now += 15s;
    f.session.on_timer(f.now, f.actions);
    CHECK(f.why_ended() == "the broker does not answer");
  }
}

TEST_CASE("a broker that says nothing is asked, however much is sent to it") {
  SessionFixture f;
  f.connect();
  for (int i = 0; i < 15; ++i) {
    f.now += 1s;
    f.session.on_timer(f.now, f.actions);
    CHECK(f.session.publish({"plant/a/set", "1"}, f.now, f.actions));
  }
  const auto sent = f.sent();
  CHECK(std::count(sent.begin(), sent.end(), Packet{Pingreq{}}) == 1);
  for (int i = 0; i < 15; ++i) {
    CHECK(f.why_ended().empty());
    f.now += 1s;
    CHECK(f.session.publish({"plant/a/set", "1"}, f.now, f.actions));
    f.session.on_timer(f.now, f.actions);
  }
  CHECK(f.why_ended() == "the broker does not answer");
}

TEST_CASE("what ends a connection has words") {
  struct Row {
    const char* why;
    std::vector<Packet> packets;
  };
  const Row before_login[] = {
      {"the broker does not speak MQTT 3.1.1", {Connack{.return_code = 1}}},
      {"the broker refuses the client id", {Connack{.return_code = 2}}},
      {"the broker is not ready", {Connack{.return_code = 3}}},
      {"the broker refuses user name or password", {Connack{.return_code = 4}}},
      {"the broker does not allow this client", {Connack{.return_code = 5}}},
      {"the broker refuses, code 9", {Connack{.return_code = 9}}},
      {"the broker sends PINGRESP where it may not", {Pingresp{}}},
      {"the broker refuses the subscription plant/#", {Connack{}, Suback{1, {0x80}}}},
      {"the broker answers another subscription", {Connack{}, Suback{1, {1, 1}}}},
      {"the broker sends CONNACK where it may not", {Connack{}, Connack{}}},
      {"the broker sends SUBSCRIBE where it may not", {Connack{}, Subscribe{1, {{"a"}}}}},
  };
  for (const Row& row : before_login) {
    CAPTURE(row.why);
    SessionFixture f;
    f.session.on_open(f.now, f.actions);
    for (const Packet& packet : row.packets) f.receive(packet);
    CHECK(f.why_ended() == row.why);
  }
  SessionFixture late;
  late.session.on_open(late.now, late.actions);
  late.now += 8s;
  CHECK(late.session.deadline() == late.now);
  late.session.on_timer(late.now, late.actions);
  CHECK(late.why_ended() == "no answer in 8 s");

  SessionFixture noise;
  noise.connect();
  noise.session.on_bytes(std::vector<std::byte>(10, std::byte{0xFF}), noise.now, noise.actions);
  CHECK(noise.why_ended().starts_with("the broker sends what is not MQTT"));
}

TEST_CASE(
    "a broker that does not want us is told apart from one that cannot be reached or is ill") {
  struct Row {
    const char* what;
    ErrorCode code;
    std::vector<Packet> packets;
  };
  using enum ErrorCode;
  const Row rows[] = {
      {"wrong client id", BrokerDenied, {Connack{.return_code = 2}}},
      {"not ready", BrokerUnavailable, {Connack{.return_code = 3}}},
      {"wrong password", BrokerDenied, {Connack{.return_code = 4}}},
      {"not allowed", BrokerDenied, {Connack{.return_code = 5}}},
      {"wrong password, MQTT 5", BrokerDenied, {Connack{.return_code = 0x86}}},
      {"busy, MQTT 5", BrokerUnavailable, {Connack{.return_code = 0x89}}},
      {"subscription", BrokerDenied, {Connack{}, Suback{1, {0x80}}}},
      {"no sense", BrokerUnavailable, {Pingresp{}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    SessionFixture f;
    f.session.on_open(f.now, f.actions);
    for (const Packet& packet : row.packets) f.receive(packet);
    const auto* const ended = std::get_if<SessionEnded>(&f.actions.back());
    REQUIRE(ended != nullptr);
    CHECK(ended->code == row.code);
  }
}

TEST_CASE("a broker that sends on and on while nothing is stored is cut off") {
  ClientSettings settings{.client_id = "hubward", .filters = {"#"}};
  settings.undecided_max = 10;
  SessionFixture f(settings);
  f.connect();
  for (PacketId id = 1; id <= 10; ++id) f.message(id, "x" + std::to_string(id));
  CHECK(f.why_ended().empty());
  f.message(11, "x");
  CHECK(f.why_ended() == "more than 10 messages wait to be stored");
}
