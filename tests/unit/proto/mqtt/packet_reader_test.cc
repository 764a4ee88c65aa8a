#include "proto/mqtt/packet_reader.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/proto/mqtt/bytes.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::string_view_literals;

TEST_CASE("malformed bytes cost an error, once and for all") {
  struct Row {
    const char* why;
    std::string_view bytes;
  };
  const Row rows[] = {
      {"type 0 is reserved", "\x00\x00"sv},
      {"type 15 is reserved", "\xF0\x00"sv},
      {"length over four bytes", "\x30\xFF\xFF\xFF\xFF\x01"sv},
      {"SUBSCRIBE without flag 2",
       "\x80\x06\x00\x01\x00\x01"
       "a\x00"sv},
      {"PUBREL without flag 2", "\x60\x02\x00\x01"sv},
      {"PINGREQ with flags", "\xC1\x00"sv},
      {"PINGREQ with a body", "\xC0\x01\x00"sv},
      {"PUBLISH QoS 3", "\x36\x05\x00\x01t\x00\x01"sv},
      {"PUBLISH QoS 1 with id 0", "\x32\x05\x00\x01t\x00\x00"sv},
      {"DUP with QoS 0 [MQTT-3.3.1-2]", "\x38\x03\x00\x01t"sv},
      {"PUBLISH to a wildcard", "\x30\x03\x00\x01#"sv},
      {"PUBLISH to an empty topic", "\x30\x02\x00\x00"sv},
      {"topic longer than the packet", "\x30\x03\x00\x09t"sv},
      {"topic holds NUL", "\x30\x03\x00\x01\x00"sv},
      {"topic is not UTF-8", "\x30\x03\x00\x01\xFF"sv},
      {"PUBACK without its id", "\x40\x00"sv},
      {"PUBACK with id 0", "\x40\x02\x00\x00"sv},
      {"SUBSCRIBE without a filter [MQTT-3.8.3-3]", "\x82\x02\x00\x01"sv},
      {"SUBSCRIBE with an invalid filter",
       "\x82\x07\x00\x01\x00\x02"
       "a#\x00"sv},
      {"SUBSCRIBE for QoS 3",
       "\x82\x06\x00\x01\x00\x01"
       "a\x03"sv},
      {"SUBACK with code 3", "\x90\x03\x00\x01\x03"sv},
      {"UNSUBSCRIBE without a filter", "\xA2\x02\x00\x01"sv},
      {"CONNACK with reserved flags", "\x20\x02\x02\x00"sv},
      {"CONNECT of another protocol", "\x10\x0C\x00\x04MQTX\x04\x00\x00\x00\x00\x00"sv},
      {"CONNECT with the reserved flag [MQTT-3.1.2-3]",
       "\x10\x0C\x00\x04MQTT\x04\x01\x00\x00\x00\x00"sv},
      {"password flag without user name flag",
       "\x10\x0E\x00\x04MQTT\x04\x40\x00\x00\x00\x00\x00\x00"sv},
      {"will QoS without a will", "\x10\x0C\x00\x04MQTT\x04\x08\x00\x00\x00\x00"sv},
      {"CONNECT cut before its client id", "\x10\x0A\x00\x04MQTT\x04\x02\x00\x00"sv},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    PacketReader reader(1000);
    reader.feed(bytes_of(row.bytes));
    const auto packet = reader.next();
    REQUIRE_FALSE(packet);
    CHECK(packet.error().code == ErrorCode::Malformed);
    reader.feed(bytes_of("\xC0\x00"sv));  // a good packet does not heal the stream
    CHECK_FALSE(reader.next());
    CHECK(reader.bytes_waiting() == 0);
  }
}

TEST_CASE("a packet over the limit is refused before its body arrives") {
  PacketReader reader(100);
  reader.feed(bytes_of("\x30\x65"sv));
  const auto packet = reader.next();
  REQUIRE_FALSE(packet);
  CHECK(packet.error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("a packet of exactly the limit is read") {
  PacketReader reader(3);
  reader.feed(bytes_of("\x30\x03\x00\x01t"sv));
  const auto packet = reader.next();
  REQUIRE(packet);
  CHECK(packet->value() == Packet(Publish{.topic = "t"}));
}

TEST_CASE("a packet that is not complete yet is nothing, and its bytes are counted") {
  PacketReader reader(100);
  CHECK_FALSE(reader.next().value().has_value());
  reader.feed(bytes_of("\x30"sv));
  CHECK_FALSE(reader.next().value().has_value());
  reader.feed(bytes_of("\x03\x00\x01"sv));
  CHECK_FALSE(reader.next().value().has_value());
  CHECK(reader.bytes_waiting() == 4);
}

TEST_CASE("a CONNECT of level 3 is passed on, so that a server can name the refusal") {
  PacketReader reader(100);
  reader.feed(bytes_of("\x10\x0E\x00\x06MQIsdp\x03\x02\x00\x00\x00\x00"sv));
  const auto packet = reader.next();
  REQUIRE(packet);
  CHECK(std::get<Connect>(packet->value()).protocol_level == 3);
}

TEST_CASE("a PUBLISH over the bound ends the stream, or is passed over however it is split") {
  Publish small{.topic = "a", .payload = "x", .qos = Qos::AtLeastOnce, .packet_id = 8};
  Publish large{.topic = "plant/big", .payload = std::string(200'000, 'x')};
  large.qos = Qos::AtLeastOnce;
  large.packet_id = 7;
  std::vector<std::byte> bytes;
  REQUIRE(encode_to(Packet{small}, bytes));
  REQUIRE(encode_to(Packet{large}, bytes));
  REQUIRE(encode_to(Packet{small}, bytes));

  PacketReader strict(100'000);
  strict.feed(bytes);
  REQUIRE(strict.next());
  CHECK(strict.next().error().code == ErrorCode::LimitExceeded);

  for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, bytes.size()}) {
    CAPTURE(piece);
    PacketReader reader(100'000, PacketReader::BadPublish::PassOver);
    std::vector<Packet> packets;
    std::size_t kept_max = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
      for (;;) {
        auto packet = reader.next();
        REQUIRE(packet);
        if (!*packet) break;
        packets.push_back(std::move(**packet));
      }
      kept_max = std::max(kept_max, reader.bytes_waiting());
    }
    REQUIRE(packets.size() == 3);
    CHECK(packets[0] == Packet{small});
    const auto& passed = std::get<Publish>(packets[1]);
    CHECK(passed.too_long);
    CHECK(passed.payload.empty());
    CHECK(passed.packet_id == 7);
    CHECK(passed.topic == "plant/big");
    CHECK(packets[2] == Packet{small});
    CHECK(kept_max <= 70'000);
  }
}
