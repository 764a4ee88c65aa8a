#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>

#include "tests/sim/plant/meter_model.h"
#include "tests/sim/plant/modbus_fault.h"
#include "tests/sim/plant/press_model.h"
#include "tests/sim/plant/scale_model.h"
#include "tests/sim/plant/sent_log.h"

using namespace hubward;
using namespace hubward::plant;
using namespace std::chrono_literals;

namespace {

std::string text(const SequenceSet& set) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  set.write(writer);
  return buffer.GetString();
}

std::string text(const SentLog& log) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  writer.StartObject();
  log.write(writer);
  writer.EndObject();
  return buffer.GetString();
}

}  // namespace

TEST_CASE("a set of sequence numbers is the set of the numbers put in, whatever the order") {
  std::mt19937 random(7);
  SequenceSet set;
  std::set<Sequence> expected;
  for (int i = 0; i < 5000; ++i) {
    const Sequence number = 1 + random() % 300;
    if (random() % 3 == 0) {
      set.remove(number);
      expected.erase(number);
    } else {
      set.add(number);
      expected.insert(number);
    }
    REQUIRE(set.size() == expected.size());
  }
  SequenceSet in_order;
  for (const Sequence number : expected) in_order.add(number);
  CHECK(text(set) == text(in_order));
}

TEST_CASE("neighbouring numbers become one range") {
  SequenceSet set;
  for (const Sequence number : {1U, 3U, 2U, 7U}) set.add(number);
  CHECK(text(set) == "[[1,3],[7,7]]");
  set.remove(2);
  CHECK(text(set) == "[[1,1],[3,3],[7,7]]");
}

TEST_CASE(
    "when a peer leaves, the last sample and the young ones are at risk, older ones are not") {
  const UnconfirmedSamples::Time start{};
  SentLog log;
  UnconfirmedSamples samples;
  samples.sent(1, start);
  samples.sent(2, start + 1s);
  samples.sent(3, start + 1100ms);
  samples.peer_left(start + 1200ms, log);
  CHECK(text(log).find(R"("at_risk":[[2,3]])") != std::string::npos);

  SentLog later;
  samples.sent(4, start + 2s);
  samples.peer_left(start + 60s, later);
  CHECK(text(later).find(R"("at_risk":[[4,4]])") != std::string::npos);
}

TEST_CASE("a spoiled number no longer counts as sent") {
  SentLog log;
  log.sent(1);
  log.sent(2);
  log.spoiled(2);
  CHECK(text(log) == R"({"sent":1,"ranges":[[1,1]],"spoiled":[[2,2]],"at_risk":[]})");
}

TEST_CASE("word order decides where the words of a value stand") {
  RegisterBank bank(press_registers());
  const modbus_mapping_t& map = *bank.mapping();
  bank.set("pressure", 1.5);  // 0x3fc00000
  CHECK(map.tab_input_registers[5] == 0x3fc0);
  CHECK(map.tab_input_registers[6] == 0);
  bank.set("ram_position", 1.5);
  CHECK(map.tab_input_registers[7] == 0);
  CHECK(map.tab_input_registers[8] == 0x3fc0);
  bank.set_integer("energy", 0x0001000200030004);
  CHECK(map.tab_input_registers[9] == 1);
  CHECK(map.tab_input_registers[12] == 4);
  bank.set_integer("cycles_total", 0x0001000200030004);
  CHECK(map.tab_input_registers[13] == 4);
  CHECK(map.tab_input_registers[16] == 1);
  bank.set_integer("force_balance", -2);
  CHECK(map.tab_input_registers[17] == 0xfffe);
  CHECK(bank.get("force_balance") == -2);
}

TEST_CASE("a press counts parts while it runs and none while it does not") {
  RegisterBank bank(press_registers());
  set_press_defaults(bank);
  PressModel press;
  double highest = 0;
  for (int i = 0; i < 600; ++i) {
    press.advance(0.1, bank);
    highest = std::max(highest, bank.get("pressure"));
  }
  CHECK(bank.get("part_count") > 8);
  CHECK(highest == doctest::Approx(180.8).epsilon(0.01));
  bank.set("run", 0);
  for (int i = 0; i < 100; ++i) press.advance(0.1, bank);
  const double parts = bank.get("part_count");
  for (int i = 0; i < 600; ++i) press.advance(0.1, bank);
  CHECK(bank.get("part_count") == parts);
}

TEST_CASE("a press whose speed was written as no number goes on at its usual speed") {
  RegisterBank bank(press_registers());
  set_press_defaults(bank);
  bank.mapping()->tab_registers[4] = 0;
  bank.mapping()->tab_registers[5] = 0x7fc0;  // NaN, low word first
  PressModel press;
  for (int i = 0; i < 600; ++i) press.advance(0.1, bank);
  CHECK(bank.get("part_count") > 8);
}

TEST_CASE("the meter's day has import at night and export at noon") {
  RegisterBank bank(meter_registers());
  set_meter_defaults(bank);
  MeterModel meter;
  double lowest = 0, highest = 0;
  for (int i = 0; i < 600; ++i) {
    meter.advance(1, bank);
    lowest = std::min(lowest, bank.get("active_power"));
    highest = std::max(highest, bank.get("active_power"));
  }
  CHECK(lowest < -1000);
  CHECK(highest > 20'000);
}

TEST_CASE("a scale's line has its documented form in every phase") {
  ScaleModel scale;
  for (int i = 0; i < 400; ++i) {
    scale.advance(0.1);
    const std::string line = scale.line(42);
    CAPTURE(line);
    CHECK(line.size() == 28);
    CHECK((line.starts_with("ST,GS,") || line.starts_with("US,GS,")));
    CHECK(line.ends_with("kg,#00000042"));
  }
}

TEST_CASE("an ordered fault is read or refused with the words that would be right") {
  struct Row {
    const char* why;
    const char* order;
    Framing framing;
    bool taken;
  };
  const Row rows[] = {
      {"known", R"({"kind":"wrong_crc","count":3})", Framing::Rtu, true},
      {"no CRC in TCP", R"({"kind":"wrong_crc"})", Framing::Tcp, false},
      {"a serial line has no transaction", R"({"kind":"wrong_transaction"})", Framing::Rtu, false},
      {"unknown", R"({"kind":"explode"})", Framing::Tcp, false},
      {"no kind", R"({})", Framing::Tcp, false},
      {"bad hex", R"({"kind":"garbage","hex":"0"})", Framing::Rtu, false},
      {"bad count", R"({"kind":"silent","count":-1})", Framing::Rtu, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto order = json::parse(row.order);
    REQUIRE(order);
    const auto fault = read_fault(*order, row.framing);
    CHECK(fault.has_value() == row.taken);
    if (!fault) CHECK(!fault.error().context.empty());
  }
}

TEST_CASE("a changed field keeps the checksum right, so that only a careful reader notices") {
  // MODBUS over Serial Line, appendix B: unit 2, function 7 has CRC 0x41 0x12.
  std::vector<std::byte> answer{std::byte{0}, std::byte{7}, std::byte{0x41}, std::byte{0x12}};
  ModbusFault fault{.kind = ModbusFault::Kind::WrongUnit, .address = {}, .bytes = {}};
  answer[0] = std::byte{0};
  const auto changed = damage(answer, fault, Framing::Rtu);
  CHECK(changed ==
        std::vector<std::byte>{std::byte{2}, std::byte{7}, std::byte{0x41}, std::byte{0x12}});
}
