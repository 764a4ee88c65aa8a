#include <doctest/doctest.h>

#include <random>

#include "gateway/config/addresses.h"
#include "gateway/config/line_need.h"
#include "gateway/config/shape.h"
#include "gateway/config/suggest.h"
#include "gateway/config/topic_overlap.h"
#include "proto/mqtt/topic_filter.h"

using namespace hubward;
using namespace hubward::config;
using namespace std::chrono_literals;

TEST_CASE("the two notations of a register address are never taken for each other") {
  using modbus::Table;
  struct Row {
    const char* why;
    std::string_view text;
    std::optional<RegisterAddress> address;
  };
  const Row rows[] = {
      {"wire, first", "holding:0", {{Table::HoldingRegister, 0}}},
      {"wire, last", "input:65535", {{Table::InputRegister, 65535}}},
      {"wire, a coil", "coil:7", {{Table::Coil, 7}}},
      {"wire, looks like a manual's", "holding:40001", {{Table::HoldingRegister, 40001}}},
      {"manual, first holding register", "manual:40001", {{Table::HoldingRegister, 0}}},
      {"manual, first input register", "manual:30001", {{Table::InputRegister, 0}}},
      {"manual, first discrete input", "manual:10001", {{Table::DiscreteInput, 0}}},
      {"manual, first coil", "manual:00001", {{Table::Coil, 0}}},
      {"manual, last of five digits", "manual:49999", {{Table::HoldingRegister, 9998}}},
      {"manual, six digits", "manual:410001", {{Table::HoldingRegister, 10000}}},
      {"manual, last of six digits", "manual:465536", {{Table::HoldingRegister, 65535}}},
      {"manual, beyond the last", "manual:465537", std::nullopt},
      {"manual, numbers begin at 1", "manual:40000", std::nullopt},
      {"manual, no such table", "manual:20001", std::nullopt},
      {"manual, four digits", "manual:4001", std::nullopt},
      {"beyond the last", "holding:65536", std::nullopt},
      {"bare number", "40001", std::nullopt},
      {"no number", "holding:", std::nullopt},
      {"sign", "holding:-1", std::nullopt},
      {"space", "holding: 1", std::nullopt},
      {"other table", "register:1", std::nullopt},
      {"empty", "", std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto address = parse_register_address(row.text);
    REQUIRE(address.has_value() == row.address.has_value());
    if (!address) continue;
    CHECK(address->table == row.address->table);
    CHECK(address->address == row.address->address);
    CHECK(parse_register_address(to_text(*address))->address == address->address);
  }
}

TEST_CASE("host and port are told apart, with brackets around IPv6") {
  struct Row {
    std::string_view text;
    std::uint16_t port_default;
    std::optional<HostAndPort> expected;
  };
  const Row rows[] = {
      {"dps.example", 8883, {{"dps.example", 8883}}},
      {"dps.example:443", 8883, {{"dps.example", 443}}},
      {"127.0.0.1:8080", 0, {{"127.0.0.1", 8080}}},
      {"[::1]:8080", 0, {{"::1", 8080}}},
      {"[::1]", 8883, {{"::1", 8883}}},
      {"127.0.0.1", 0, std::nullopt},
      {"a:0", 1, std::nullopt},
      {"a:65536", 1, std::nullopt},
      {"a:", 1, std::nullopt},
      {":80", 1, std::nullopt},
      {"::1", 1, std::nullopt},
      {"[::1", 1, std::nullopt},
      {"[::1]8080", 1, std::nullopt},
      {"a:b:1", 1, std::nullopt},
  };
  for (const auto& row : rows) {
    const std::string text(row.text);
    CAPTURE(text);
    CHECK(parse_host_and_port(row.text, row.port_default) == row.expected);
  }
}

TEST_CASE("a misspelt word finds the one that was meant, and a foreign word finds none") {
  const std::vector<std::string> known{"unit_id", "interval_ms", "host", "port", "word_order"};
  struct Row {
    std::string_view word;
    std::string_view meant;
  };
  const Row rows[] = {
      {"unitId", "unit_id"},
      {"unit-id", "unit_id"},
      {"intervall_ms", "interval_ms"},
      {"prot", "port"},
      {"Host", "host"},
      {"worldorder", "word_order"},
      {"colour", ""},
      {"x", ""},
      {"", ""},
      {"completely_different", ""},
  };
  for (const auto& row : rows) {
    const std::string word(row.word);
    CAPTURE(word);
    CHECK(nearest(row.word, known) == row.meant);
  }
  CHECK(edit_distance("abcd", "abdc") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(nearest(std::string(1'000'000, 'a'), known).empty());
}

TEST_CASE("foreign text in messages is bounded and printable") {
  CHECK(quoted("plain \"text\"") == "\"plain \"text\"\"");
  CHECK(quoted("a\x1b[2J\n") == "\"a\\x1b[2J\\x0a\"");
  CHECK(quoted(std::string(100, 'x')) == "\"" + std::string(64, 'x') + "...\"");
}

TEST_CASE("overlapping filters are found exactly where some topic matches both") {
  // All topics of up to four levels over a small alphabet, against filters of the same kind, decide
  // for themselves.
  const std::vector<std::string> levels{"a", "b", "$s", ""};
  std::vector<std::string> topics;
  for (std::size_t length = 1; length <= 4; ++length) {
    std::vector<std::size_t> place(length, 0);
    while (true) {
      std::string topic = levels[place[0]];
      for (std::size_t i = 1; i < length; ++i) topic += "/" + levels[place[i]];
      if (mqtt::is_valid_topic(topic)) topics.push_back(topic);
      std::size_t i = 0;
      while (i < length && ++place[i] == levels.size()) place[i++] = 0;
      if (i == length) break;
    }
  }
  std::mt19937 chance(7);
  const std::vector<std::string> steps{"a", "b", "+", "$s", ""};
  const auto any_filter = [&] {
    std::string filter = steps[chance() % steps.size()];
    for (std::size_t length = 1 + chance() % 3; length > 1; --length) {
      filter += "/" + steps[chance() % steps.size()];
    }
    if (chance() % 4 == 0) filter += "/#";
    if (chance() % 40 == 0) filter = "#";
    return filter;
  };
  std::size_t overlaps = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string first = any_filter();
    const std::string second = any_filter();
    if (!mqtt::is_valid_filter(first) || !mqtt::is_valid_filter(second)) continue;
    if (first == "/#" || second == "/#") continue;  // would match the empty topic, which is none
    bool expected = false;
    for (const auto& topic : topics) {
      expected = expected || (mqtt::matches(first, topic) && mqtt::matches(second, topic));
    }
    TopicOverlap overlap;
    CHECK_FALSE(overlap.add(first, 1).has_value());
    CAPTURE(first);
    CAPTURE(second);
    CHECK(overlap.add(second, 2).has_value() == expected);
    overlaps += expected ? 1U : 0U;
  }
  CHECK(overlaps > 200);
}

TEST_CASE("overlap names the earlier owner, among many") {
  TopicOverlap overlap;
  for (std::size_t i = 0; i < 10'000; ++i) {
    CHECK_FALSE(overlap.add("plant/" + std::to_string(i) + "/state", i).has_value());
  }
  CHECK(overlap.add("plant/4711/#", 10'001) == 4711);
  CHECK(overlap.add("plant/4711/state", 10'002).has_value());
}

namespace {

modbus::DeviceSettings meter(std::vector<modbus::TagSettings> tags) {
  modbus::DeviceSettings device;
  device.tags = std::move(tags);
  return device;
}

modbus::TagSettings tag(std::uint16_t address, modbus::ValueType type,
                        std::chrono::milliseconds interval) {
  modbus::TagSettings settings;
  settings.address = address;
  settings.type = type;
  settings.interval = interval;
  return settings;
}

}  // namespace

TEST_CASE(
    "line load is time on the wire: one register at 9600 8N1 takes 15 characters and two gaps") {
  SerialSettings line;
  // Of devices that answer at once.
  const auto line_load = [](const SerialSettings& settings,
                            const std::vector<modbus::DeviceSettings>& devices) {
    modbus::BusTiming timing = modbus::timing_of(settings);
    timing.turnaround = 0ms;
    return line_need({settings, devices}, timing).share;
  };
  // 8 bytes there, 7 back, 3.5 characters of silence before each: 22 characters of 10 bits.
  const double one = 22 * 10 / 9600.0;
  CHECK(line_load(line, {meter({tag(0, modbus::ValueType::Uint16, 1000ms)})}) ==
        doctest::Approx(one));
  CHECK(line_load(line, {meter({tag(0, modbus::ValueType::Uint16, 100ms)})}) ==
        doctest::Approx(10 * one));
  SUBCASE("neighbours are read together") {
    const double two = 24 * 10 / 9600.0;
    CHECK(line_load(line, {meter({tag(1, modbus::ValueType::Uint16, 1000ms),
                                  tag(0, modbus::ValueType::Uint16, 1000ms)})}) ==
          doctest::Approx(two));
  }
  SUBCASE("strangers are not") {
    CHECK(line_load(line, {meter({tag(0, modbus::ValueType::Uint16, 1000ms),
                                  tag(90, modbus::ValueType::Uint16, 1000ms)})}) ==
          doctest::Approx(2 * one));
    CHECK(line_load(line, {meter({tag(0, modbus::ValueType::Uint16, 1000ms)}),
                           meter({tag(1, modbus::ValueType::Uint16, 1000ms)})}) ==
          doctest::Approx(2 * one));
  }
  SUBCASE("a parity bit makes characters longer") {
    line.parity = Parity::Even;
    CHECK(line_load(line, {meter({tag(0, modbus::ValueType::Uint16, 1000ms)})}) ==
          doctest::Approx(one * 11 / 10));
  }
  SUBCASE("above 19200 baud the gap is fixed") {
    line.baud = 115200;
    CHECK(line_load(line, {meter({tag(0, modbus::ValueType::Uint16, 1000ms)})}) ==
          doctest::Approx(150 / 115200.0 + 0.0035));
  }
  SUBCASE("nothing asked, nothing loaded") { CHECK(line_load(line, {meter({})}) == 0); }
}
