#include "gateway/outbox/row_codec.h"

#include <doctest/doctest.h>

#include <set>

namespace hubward::outbox {

TEST_CASE("properties come back as they went in") {
  const Properties rows[] = {
      {},
      {{"", ""}},
      {{"a", "b"}, {"a", "c"}},
      {{std::string(127, 'k'), std::string(128, 'v')}},
      {{"long", std::string(70000, 'x')}, {std::string("nul\0inside", 10), "\xFF"}},
  };
  for (const Properties& properties : rows) {
    std::string bytes;
    encode_properties(properties, bytes);
    CHECK(decode_properties(bytes) == properties);
  }
}

TEST_CASE("bytes that are no properties are refused") {
  struct Row {
    const char* why;
    std::string bytes;
  };
  const Row rows[] = {
      {"a key without a value", std::string("\1a", 2)},
      {"longer than what follows", "\5ab"},
      {"a length that never ends", "\x80\x80\x80\x80\x80\x80\x80"},
      {"a length cut off", "\x80"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK_FALSE(decode_properties(row.bytes).has_value());
  }
}

TEST_CASE("the checksum covers every part of a row that has a meaning") {
  const RowIdentity first{"a", 1, 1};
  OutboxMessage plain;
  plain.component = "a";
  plain.body = "b";
  std::set<std::uint32_t> sums{
      row_checksum(first, plain, "p"),       row_checksum({"a", 1, 2}, plain, "p"),
      row_checksum(first, plain, "q"),       row_checksum({"b", 1, 1}, plain, "p"),
      row_checksum({"a", 2, 1}, plain, "p"), row_checksum({"", 1, 1}, plain, "p"),
      row_checksum_before_3(1, plain, "p")};
  const auto changed = [&](auto change) {
    OutboxMessage message = plain;
    change(message);
    sums.insert(row_checksum(first, message, "p"));
  };
  changed([](OutboxMessage& m) { m.priority = Priority::Alarm; });
  changed([](OutboxMessage& m) { m.created += std::chrono::milliseconds{1}; });
  changed([](OutboxMessage& m) { m.since_boot += std::chrono::nanoseconds{1}; });
  changed([](OutboxMessage& m) { m.boot_id = 1; });
  changed([](OutboxMessage& m) { m.clock_trusted = false; });
  changed([](OutboxMessage& m) { m.component = "c"; });
  changed([](OutboxMessage& m) { m.body = "c"; });
  changed([](OutboxMessage& m) { m.component = "", m.body = "ab"; });
  CHECK(sums.size() == 15);
}

TEST_CASE("a message is charged what stands in its row") {
  for (const Properties& properties : {Properties{}, Properties{{"k", ""}},
                                       Properties{{std::string(127, 'k'), std::string(128, 'v')}},
                                       Properties{{"k", std::string(70000, 'v')}, {"", "v"}}}) {
    OutboxMessage message;
    message.component = "meter";
    message.properties = properties;
    message.body = "{}";
    std::string encoded;
    encode_properties(properties, encoded);
    CHECK(charged_bytes(message) == kRowOverheadBytes + 5 + 2 + encoded.size());
  }
}

TEST_CASE("an epoch's name has thirteen characters that fit a message id") {
  CHECK(epoch_name(0) == "0000000000000");
  CHECK(epoch_name(~0ULL) == "fvvvvvvvvvvvv");
  CHECK(epoch_name(33) == "0000000000011");
}

}  // namespace hubward::outbox
