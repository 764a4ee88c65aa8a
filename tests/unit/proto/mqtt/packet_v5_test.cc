#include <doctest/doctest.h>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/packet_reader.h"
#include "tests/unit/proto/mqtt/packet_vectors.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::string_view_literals;

namespace {

Property number(PropertyId id, std::uint32_t value) { return {.id = id, .number = value}; }
Property text(PropertyId id, std::string value) { return {.id = id, .text = std::move(value)}; }

// MQTT 5.0; the figures are those of its chapter 3.
const std::vector<test::PacketVector>& vectors() {
  using enum PropertyId;
  static const std::vector<test::PacketVector> kVectors = {
      {"CONNECT, the example of 3.1.2.12 (session expiry 10) with its payload filled in",
       Connect{.client_id = "c",
               .user_name = "u",
               .password = "p",
               .will = Will{.topic = "w", .payload = "m", .qos = Qos::AtLeastOnce},
               .keep_alive = std::chrono::seconds(10),
               .clean_session = true,
               .protocol_level = 5,
               .properties = {number(SessionExpiryInterval, 10)}},
       "\x10\x20\x00\x04MQTT\x05\xCE\x00\x0A\x05\x11\x00\x00\x00\x0A\x00\x01"
       "c\x00\x00\x01w\x00\x01m\x00\x01u\x00\x01p"sv},
      {"CONNECT with a password and no user name (3.1.2.9), a will with a delay",
       Connect{.password = "p",
               .will = Will{.topic = "w", .properties = {number(WillDelayInterval, 5)}},
               .clean_session = false,
               .protocol_level = 5,
               .properties = {number(ReceiveMaximum, 20), number(RequestProblemInformation, 1)}},
       "\x10\x20\x00\x04MQTT\x05\x44\x00\x00\x05\x21\x00\x14\x17\x01\x00\x00"
       "\x05\x18\x00\x00\x00\x05\x00\x01w\x00\x00\x00\x01p"sv},
      {"CONNACK always has a property length", Connack{.session_present = true},
       "\x20\x03\x01\x00\x00"sv},
      {"CONNACK with the limits of 3.2.2.3",
       Connack{.properties = {number(ReceiveMaximum, 10), number(MaximumQos, 0),
                              number(MaximumPacketSize, 1000), number(ServerKeepAlive, 60)}},
       "\x20\x10\x00\x00\x0D\x21\x00\x0A\x24\x00\x27\x00\x00\x03\xE8\x13\x00\x3C"sv},
      {"CONNACK, not authorised, with a reason string (3.2.2.3.9)",
       Connack{.return_code = 0x87, .properties = {text(ReasonString, "no")}},
       "\x20\x08\x00\x87\x05\x1F\x00\x02no"sv},
      {"PUBLISH QoS 1, the example of 3.3.2.4",
       Publish{.topic = "a/b", .qos = Qos::AtLeastOnce, .packet_id = 10},
       "\x32\x08\x00\x03"
       "a/b\x00\x0A\x00"sv},
      {"PUBLISH, a request (4.10) that expires",
       Publish{.topic = "a/b",
               .payload = "hi",
               .properties = {text(ResponseTopic, "r"), text(CorrelationData, "\x01\xFF"),
                              number(MessageExpiryInterval, 30)}},
       "\x30\x16\x00\x03"
       "a/b\x0E\x08\x00\x01r\x09\x00\x02\x01\xFF\x02\x00\x00\x00\x1Ehi"sv},
      {"PUBLISH with a topic alias instead of its topic (3.3.2.3.4)",
       Publish{.properties = {number(TopicAlias, 7)}}, "\x30\x06\x00\x00\x03\x23\x00\x07"sv},
      {"PUBACK without a reason is two bytes long (3.4.2.1)", Puback{0x1234}, "\x40\x02\x12\x34"sv},
      {"PUBACK, no matching subscribers", Puback{1, 0x10}, "\x40\x03\x00\x01\x10"sv},
      {"PUBACK, quota exceeded, with a reason string", Puback{1, 0x97, {text(ReasonString, "x")}},
       "\x40\x08\x00\x01\x97\x04\x1F\x00\x01x"sv},
      {"PUBREC", Pubrec{1, 0x80}, "\x50\x03\x00\x01\x80"sv},
      {"PUBREL", Pubrel{1, 0x92}, "\x62\x03\x00\x01\x92"sv},
      {"PUBCOMP", Pubcomp{1}, "\x70\x02\x00\x01"sv},
      {"SUBSCRIBE, the example of 3.8.3: no properties",
       Subscribe{10, {{"a/b", Qos::AtLeastOnce}, {"c/d", Qos::ExactlyOnce}}},
       "\x82\x0F\x00\x0A\x00\x00\x03"
       "a/b\x01\x00\x03"
       "c/d\x02"sv},
      {"SUBSCRIBE with every option of 3.8.3.1 and an identifier",
       Subscribe{1,
                 {{.filter = "a",
                   .qos = Qos::AtLeastOnce,
                   .no_local = true,
                   .retain_as_published = true,
                   .retained = Subscription::Retained::Keep}},
                 {number(SubscriptionIdentifier, 128)}},
       "\x82\x0A\x00\x01\x03\x0B\x80\x01\x00\x01"
       "a\x2D"sv},
      {"SUBACK, the second refused as not authorised", Suback{10, {1, 0x87}},
       "\x90\x05\x00\x0A\x00\x01\x87"sv},
      {"UNSUBSCRIBE", Unsubscribe{10, {"a/b"}},
       "\xA2\x08\x00\x0A\x00\x00\x03"
       "a/b"sv},
      {"UNSUBACK, no subscription existed", Unsuback{10, {0x11}}, "\xB0\x04\x00\x0A\x00\x11"sv},
      {"PINGREQ", Pingreq{}, "\xC0\x00"sv},
      {"PINGRESP", Pingresp{}, "\xD0\x00"sv},
      {"DISCONNECT, normal (3.14.2.1)", Disconnect{}, "\xE0\x00"sv},
      {"DISCONNECT, session taken over", Disconnect{0x8E}, "\xE0\x01\x8E"sv},
      {"DISCONNECT, use another server", Disconnect{0x9C, {text(ServerReference, "b")}},
       "\xE0\x06\x9C\x04\x1C\x00\x01"
       "b"sv},
      {"AUTH, continue (3.15)", Auth{0x18, {text(AuthenticationMethod, "m")}},
       "\xF0\x06\x18\x04\x15\x00\x01m"sv},
  };
  return kVectors;
}

Result<std::optional<Packet>> read(std::string_view bytes, std::size_t limit = test::kPacketLimit) {
  PacketReader reader = test::strict_reader(Version::V5, limit);
  reader.feed(bytes_of(bytes));
  return reader.next();
}

}  // namespace

TEST_CASE("packets of MQTT 5 are written as the specification has them, and read back the same") {
  test::check_written_and_read_back(vectors(), Version::V5);
}

TEST_CASE("any split of the bytes of MQTT 5 gives the same packets") {
  test::check_any_split(vectors(), Version::V5);
}

TEST_CASE("what is malformed or a protocol error in MQTT 5 is an error") {
  struct Row {
    const char* why;
    std::string_view bytes;
  };
  const Row rows[] = {
      {"PUBLISH without a property length", "\x30\x03\x00\x01t"sv},
      {"property length over the packet", "\x30\x05\x00\x01t\x05\x01"sv},
      {"property length over four bytes (1.5.5)", "\x30\x09\x00\x01t\x80\x80\x80\x80\x01\x00"sv},
      {"unknown property", "\x30\x06\x00\x01t\x02\x7E\x00"sv},
      {"a property of another packet: receive maximum", "\x30\x07\x00\x01t\x03\x21\x00\x01"sv},
      {"a property twice [2.2.2.2]",
       "\x30\x0E\x00\x01t\x0A\x02\x00\x00\x00\x01\x02\x00\x00\x00\x01"sv},
      {"a property that is cut", "\x30\x06\x00\x01t\x02\x02\x00"sv},
      {"payload format indicator 2", "\x30\x06\x00\x01t\x02\x01\x02"sv},
      {"topic alias 0 [MQTT-3.3.2-8]", "\x30\x07\x00\x01t\x03\x23\x00\x00"sv},
      {"no topic and no alias", "\x30\x03\x00\x00\x00"sv},
      {"response topic with a wildcard [MQTT-3.3.2-14]", "\x30\x08\x00\x01t\x04\x08\x00\x01#"sv},
      {"subscription identifier 0", "\x30\x06\x00\x01t\x02\x0B\x00"sv},
      {"user property that is no UTF-8", "\x30\x0A\x00\x01t\x06\x26\x00\x01\xFF\x00\x00"sv},
      {"receive maximum 0", "\x20\x06\x00\x00\x03\x21\x00\x00"sv},
      {"maximum packet size 0", "\x20\x08\x00\x00\x05\x27\x00\x00\x00\x00"sv},
      {"maximum QoS 2", "\x20\x05\x00\x00\x02\x24\x02"sv},
      {"authentication data without a method", "\x20\x07\x00\x00\x04\x16\x00\x01x"sv},
      {"CONNACK accepted without a property length", "\x20\x02\x00\x00"sv},
      {"CONNACK refused in the way of 5 without one", "\x20\x02\x00\x87"sv},
      {"SUBACK with code 3", "\x90\x04\x00\x01\x00\x03"sv},
      {"SUBACK without a code", "\x90\x03\x00\x01\x00"sv},
      {"UNSUBACK without a code", "\xB0\x03\x00\x01\x00"sv},
      {"retain handling 3",
       "\x82\x07\x00\x01\x00\x00\x01"
       "a\x30"sv},
      {"reserved subscription options",
       "\x82\x07\x00\x01\x00\x00\x01"
       "a\x40"sv},
      {"PINGREQ with a body", "\xC0\x01\x00"sv},
      {"AUTH with flags", "\xF1\x00"sv},
      {"DISCONNECT with bytes left over", "\xE0\x03\x00\x00\x00"sv},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto packet = read(row.bytes);
    REQUIRE_FALSE(packet);
    CHECK(packet.error().code == ErrorCode::Malformed);
  }
}

TEST_CASE("user properties and subscription identifiers may come in any number, and are not kept") {
  std::string properties;
  for (int i = 0; i < 1000; ++i) properties += "\x26\x00\x01k\x00\x01v\x0B\x07"sv;
  REQUIRE(properties.size() == 9000);
  const std::string body = std::string("\x00\x01t\xA8\x46", 5) + properties + "x";  // A8 46: 9,000
  const std::string length = "\xAE\x46";                                            // 9,006
  const auto packet = read("\x30" + length + body);
  REQUIRE(packet);
  REQUIRE(*packet);
  CHECK(**packet == Packet{Publish{.topic = "t", .payload = "x"}});
}

TEST_CASE("a refusal of MQTT 5 by a server that knows only 3.1.1 is read") {
  const auto packet = read("\x20\x02\x00\x01"sv);
  REQUIRE(packet);
  REQUIRE(*packet);
  CHECK(std::get<Connack>(**packet).return_code == 1);
}

TEST_CASE("3.1.1 has no properties, no reasons and no AUTH: they are not written") {
  const auto same = [](const Packet& one, const Packet& other) {
    return *encode(one) == *encode(other);
  };
  CHECK(same(Puback{1, 0x97}, Puback{1}));
  CHECK(same(Disconnect{0x8E}, Disconnect{}));
  CHECK(same(Publish{.topic = "t", .properties = {text(PropertyId::ResponseTopic, "r")}},
             Publish{.topic = "t"}));
  CHECK(same(Subscribe{1, {{.filter = "a", .no_local = true}}}, Subscribe{1, {{.filter = "a"}}}));
  CHECK_FALSE(encode(Auth{}));
}

TEST_CASE("a property that has no place in a packet is not written") {
  const Packet rows[] = {
      Publish{.topic = "t", .properties = {number(PropertyId::ReceiveMaximum, 1)}},
      Puback{1, 0x80, {number(PropertyId::TopicAlias, 1)}},
      Publish{.topic = "t", .properties = {text(PropertyId::UserProperty, "x")}},
      Publish{.topic = "t",
              .properties = {text(PropertyId::CorrelationData, std::string(65'536, 'x'))}},
  };
  for (const Packet& packet : rows) CHECK_FALSE(encode(packet, Version::V5));
}

TEST_CASE("a long PUBLISH of MQTT 5 is passed over with its properties") {
  Publish large{.topic = "plant/big", .payload = std::string(200'000, 'x')};
  large.qos = Qos::AtLeastOnce;
  large.packet_id = 7;
  large.properties = {text(PropertyId::ContentType, std::string(60'000, 'c'))};
  std::vector<std::byte> bytes;
  REQUIRE(encode_to(large, bytes, Version::V5));
  REQUIRE(encode_to(Pingresp{}, bytes, Version::V5));
  PacketReader reader(1000, PacketReader::BadPublish::PassOver, Version::V5);
  reader.feed(bytes);
  const auto passed = reader.next();
  REQUIRE(passed);
  REQUIRE(*passed);
  CHECK(std::get<Publish>(**passed).too_long);
  CHECK(std::get<Publish>(**passed).packet_id == 7);
  CHECK(reader.next()->value() == Packet{Pingresp{}});
}

TEST_CASE("where bad messages are passed over, only lengths that break end the stream") {
  struct Row {
    const char* why;
    std::string_view bytes;
    bool ends;
  };
  const Row rows[] = {
      {"response topic with a wildcard", "\x30\x08\x00\x01t\x04\x08\x00\x01#"sv, false},
      {"payload format indicator 2", "\x30\x06\x00\x01t\x02\x01\x02"sv, false},
      {"unknown property", "\x30\x06\x00\x01t\x02\x7E\x00"sv, false},
      {"property length over the packet", "\x30\x05\x00\x01t\x05\x01"sv, true},
      {"property length over four bytes", "\x30\x09\x00\x01t\x80\x80\x80\x80\x01\x00"sv, true},
      {"a property that is cut", "\x30\x06\x00\x01t\x02\x02\x00"sv, true},
      {"a user property that is no UTF-8, and cut", "\x30\x08\x00\x01t\x04\x26\x00\x01\xFF"sv,
       true},
      {"CONNACK with receive maximum 0", "\x20\x06\x00\x00\x03\x21\x00\x00"sv, true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    PacketReader reader(test::kPacketLimit, PacketReader::BadPublish::PassOver, Version::V5);
    reader.feed(bytes_of(row.bytes));
    reader.feed(bytes_of("\xD0\x00"sv));
    const auto packet = reader.next();
    CHECK(packet.has_value() != row.ends);
    if (row.ends || !packet || !*packet) continue;
    CHECK_FALSE(std::get<Publish>(**packet).fault.empty());
    CHECK(reader.next()->value() == Packet{Pingresp{}});
  }
}
