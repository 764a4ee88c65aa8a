#include "proto/mqtt/packet.h"

#include <doctest/doctest.h>

#include "proto/mqtt/packet_reader.h"
#include "tests/unit/proto/mqtt/packet_vectors.h"

using namespace hubward;
using namespace hubward::mqtt;
using namespace std::string_view_literals;

namespace {

const std::vector<test::PacketVector>& vectors() {
  static const std::vector<test::PacketVector> kVectors = {
      {"CONNECT, the example of figure 3.6 with its fields filled in",
       Connect{.client_id = "c",
               .user_name = "u",
               .password = "p",
               .will = Will{.topic = "w", .payload = "m", .qos = Qos::AtLeastOnce},
               .keep_alive = std::chrono::seconds(10),
               .clean_session = true},
       "\x10\x19\x00\x04MQTT\x04\xCE\x00\x0A\x00\x01"
       "c\x00\x01w\x00\x01m\x00\x01u\x00\x01p"sv},
      {"CONNECT with nothing optional", Connect{.clean_session = false},
       "\x10\x0C\x00\x04MQTT\x04\x00\x00\x00\x00\x00"sv},
      {"CONNACK, session present", Connack{.session_present = true}, "\x20\x02\x01\x00"sv},
      {"CONNACK, not authorised", Connack{.return_code = 5}, "\x20\x02\x00\x05"sv},
      {"PUBLISH QoS 0 has no packet id", Publish{.topic = "a/b", .payload = "hi"},
       "\x30\x07\x00\x03"
       "a/bhi"sv},
      {"PUBLISH QoS 1, figure 3.11 with id 10",
       Publish{.topic = "a/b",
               .qos = Qos::AtLeastOnce,
               .packet_id = 10,
               .retain = true,
               .duplicate = true},
       "\x3B\x07\x00\x03"
       "a/b\x00\x0A"sv},
      {"PUBACK", Puback{0x1234}, "\x40\x02\x12\x34"sv},
      {"PUBREC", Pubrec{1}, "\x50\x02\x00\x01"sv},
      {"PUBREL carries flag 2", Pubrel{1}, "\x62\x02\x00\x01"sv},
      {"PUBCOMP", Pubcomp{65535}, "\x70\x02\xFF\xFF"sv},
      {"SUBSCRIBE, the example of figure 3.23",
       Subscribe{10, {{"a/b", Qos::AtLeastOnce}, {"c/d", Qos::ExactlyOnce}}},
       "\x82\x0E\x00\x0A\x00\x03"
       "a/b\x01\x00\x03"
       "c/d\x02"sv},
      {"SUBACK, the example of figure 3.26", Suback{10, {0, 2, 0x80}},
       "\x90\x05\x00\x0A\x00\x02\x80"sv},
      {"UNSUBSCRIBE, the example of figure 3.30", Unsubscribe{10, {"a/b", "c/d"}},
       "\xA2\x0C\x00\x0A\x00\x03"
       "a/b\x00\x03"
       "c/d"sv},
      {"UNSUBACK", Unsuback{10}, "\xB0\x02\x00\x0A"sv},
      {"PINGREQ", Pingreq{}, "\xC0\x00"sv},
      {"PINGRESP", Pingresp{}, "\xD0\x00"sv},
      {"DISCONNECT", Disconnect{}, "\xE0\x00"sv},
  };
  return kVectors;
}

}  // namespace

TEST_CASE("packets are written as the specification shows them, and read back the same") {
  test::check_written_and_read_back(vectors(), Version::V311);
}

TEST_CASE("the length field takes one byte more at each border of section 2.2.3") {
  struct Row {
    std::size_t body;
    std::size_t header;
  };
  for (const Row row : {Row{127, 2}, Row{128, 3}, Row{16'383, 3}, Row{16'384, 4}, Row{2'097'151, 4},
                        Row{2'097'152, 5}}) {
    CAPTURE(row.body);
    const Publish packet{.topic = "t", .payload = std::string(row.body - 3, 'x')};
    const auto written = encode(packet);
    REQUIRE(written);
    CHECK(written->size() == row.header + row.body);
    PacketReader reader(row.body);
    reader.feed(*written);
    const auto read = reader.next();
    REQUIRE(read);
    CHECK(read->value() == Packet(packet));
  }
}

TEST_CASE("what cannot be written is an error and leaves the buffer as it was") {
  struct Row {
    const char* why;
    Packet packet;
    ErrorCode code;
  };
  const Row rows[] = {
      {"text over two length bytes", Publish{.topic = std::string(65'536, 't')},
       ErrorCode::LimitExceeded},
      {"packet id 0", Puback{0}, ErrorCode::Malformed},
      {"QoS 1 without an id", Publish{.topic = "t", .qos = Qos::AtLeastOnce}, ErrorCode::Malformed},
      {"SUBSCRIBE to nothing", Subscribe{1, {}}, ErrorCode::Malformed},
      {"UNSUBSCRIBE from nothing", Unsubscribe{1, {}}, ErrorCode::Malformed},
      {"password without user name", Connect{.password = "p"}, ErrorCode::Malformed},
      {"keep-alive over two bytes", Connect{.keep_alive = std::chrono::seconds(65'536)},
       ErrorCode::LimitExceeded},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    std::vector<std::byte> out = bytes_of("before"sv);
    const auto status = encode_to(row.packet, out);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == row.code);
    CHECK(out == bytes_of("before"sv));
  }
}

TEST_CASE("every packet has the name the specification gives it") {
  CHECK(name_of(Connect{}) == "CONNECT");
  CHECK(name_of(Publish{}) == "PUBLISH");
  CHECK(name_of(Unsuback{}) == "UNSUBACK");
  CHECK(name_of(Disconnect{}) == "DISCONNECT");
}

TEST_CASE("any split of the bytes gives the same packets") {
  test::check_any_split(vectors(), Version::V311);
}
