// The ready-made models of Modbus devices, read as a site reads them, from units that hold what
// such devices hold. Addresses here are those on the wire, from the makers' tables and from other
// readers of the same devices, and not the models' own.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "tests/support/hex.h"
#include "tests/unit/adapters/modbus/faulty_line.h"
#include "tests/unit/gateway/config/model_site.h"

namespace hubward::modbus::test {
namespace {

// A line with one device of a ready-made model.
struct Bench {
  explicit Bench(const std::string& model, const std::string& more = "")
      : site(config::site_of(model, R"({"modbus_rtu": {"port": "/dev/ttyS0", "unit_id": 1}})",
                             more)),
        bus(site.modbus_buses.at(0)),
        serial(std::get<SerialSettings>(bus.attachment)),
        line(bus.devices, serial, {}, 1) {}

  std::uint16_t& at(Table table, int address) {
    return line.units[1].values[{table, static_cast<std::uint16_t>(address)}];
  }
  void hold(Table table, int address, float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    at(table, address) = static_cast<std::uint16_t>(bits >> 16);
    at(table, address + 1) = static_cast<std::uint16_t>(bits);
  }
  void hold(Table table, int address, std::int64_t value) {
    for (int i = 0; i < 4; ++i) {
      at(table, address + i) =
          static_cast<std::uint16_t>(static_cast<std::uint64_t>(value) >> (48 - 16 * i));
    }
  }
  [[nodiscard]] std::uint16_t tag(const std::string& name) const {
    for (std::uint16_t i = 0; i < site.devices[0].tags.size(); ++i) {
      if (site.devices[0].tags[i].name == name) return i;
    }
    FAIL("no such tag: " << name);
    return 0;
  }
  // The newest reading of a tag.
  [[nodiscard]] TagReading reading(const std::string& name) const {
    const std::uint16_t wanted = tag(name);
    TagReading newest;
    newest.quality = Quality::Bad;
    for (const auto& delivery : line.sink.deliveries) {
      for (const TagReading& one : delivery.batch.readings) {
        if (one.tag.value == wanted) newest = one;
      }
    }
    return newest;
  }
  WriteResult write(const std::string& name, TagValue value) {
    std::optional<WriteResult> result;
    line.adapter->write(
        {DeviceIndex{0}, TagIndex{tag(name)}, std::move(value), line.clock.steady() + 5s},
        [&](WriteResult done) { result = std::move(done); });
    line.run_for(5s);
    REQUIRE(result);
    return *result;
  }

  config::SiteSettings site;
  BusSettings bus;
  SerialSettings serial;
  FaultyLine line;
};

struct Row {
  const char* tag;
  int address;
  std::variant<float, std::int64_t> held;
};

// Each tag of the model has a row, and reads what stands at the row's address.
void reads_all(Bench& bench, Table table, std::span<const Row> rows) {
  CHECK(bench.site.devices[0].tags.size() == rows.size());
  for (const Row& row : rows) {
    std::visit([&](auto value) { bench.hold(table, row.address, value); }, row.held);
  }
  bench.line.run_for(150s);
  for (const Row& row : rows) {
    CAPTURE(std::string(row.tag));
    const TagReading reading = bench.reading(row.tag);
    REQUIRE(reading.quality == Quality::Good);
    if (const auto* number = std::get_if<float>(&row.held)) {
      REQUIRE(std::holds_alternative<double>(reading.value));
      CHECK(static_cast<float>(std::get<double>(reading.value)) == *number);
    } else {
      CHECK(reading.value == TagValue{std::get<std::int64_t>(row.held)});
    }
  }
  CHECK(bench.line.sink.bad.empty());
  for (const auto& tag : bench.site.devices[0].tags) CHECK_FALSE(tag.writable);
}

// As the manuals have it: pairs of registers, at most 80, and nothing but function 4 for values.
void answer_as_an_eastron(Bench& bench, int& refused) {
  bench.line.server = [&bench, &refused](std::uint8_t unit, const Request& request) -> Answer {
    const auto* read = std::get_if<ReadRequest>(&request);
    if (read == nullptr || read->table != Table::InputRegister || read->address % 2 != 0 ||
        read->count % 2 != 0 || read->count > 80) {
      ++refused;
      return ExceptionAnswer{ExceptionCode::IllegalDataAddress};
    }
    return bench.line.units[unit].serve(request);
  };
}

// "230.2", as the example of both descriptions sends it (sections 3.8.1 and 2.1): 43 66 33 34.
const float kVoltsOfTheManual = std::bit_cast<float>(0x43663334U);

// Addresses: the column "start address hex" of its description, and mbmd's sdm.go.
TEST_CASE("an Eastron SDM630 is read as its register table says") {
  Bench bench("eastron-sdm630");
  CHECK(bench.serial.baud == 9600);
  CHECK(bench.serial.parity == Parity::None);
  int refused = 0;
  answer_as_an_eastron(bench, refused);
  const Row rows[] = {{"voltage_l1", 0x0000, kVoltsOfTheManual},
                      {"voltage_l2", 0x0002, 231.5F},
                      {"voltage_l3", 0x0004, 229.75F},
                      {"current_l1", 0x0006, 4.5F},
                      {"current_l2", 0x0008, 0.0F},
                      {"current_l3", 0x000A, 12.25F},
                      {"power_l1", 0x000C, 1030.5F},
                      {"power_l2", 0x000E, -512.0F},
                      {"power_l3", 0x0010, 2750.0F},
                      {"power", 0x0034, 3268.5F},
                      {"apparent_power", 0x0038, 4000.0F},
                      {"reactive_power", 0x003C, -77.5F},
                      {"power_factor", 0x003E, -0.875F},
                      {"frequency", 0x0046, 49.98F},
                      {"energy_import", 0x0048, 12345.67F},
                      {"energy_export", 0x004A, 89.5F},
                      {"reactive_energy_import", 0x004C, 1.25F},
                      {"reactive_energy_export", 0x004E, 2.5F},
                      {"voltage_l1_l2", 0x00C8, 398.5F},
                      {"voltage_l2_l3", 0x00CA, 399.0F},
                      {"voltage_l3_l1", 0x00CC, 400.25F},
                      {"current_neutral", 0x00E0, 0.125F},
                      {"energy_total", 0x0156, 12435.17F},
                      {"energy_import_l1", 0x015A, 4000.5F},
                      {"energy_import_l2", 0x015C, 4001.5F},
                      {"energy_import_l3", 0x015E, 4343.5F},
                      {"energy_export_l1", 0x0160, 30.5F},
                      {"energy_export_l2", 0x0162, 29.5F},
                      {"energy_export_l3", 0x0164, 29.25F}};
  reads_all(bench, Table::InputRegister, rows);
  CHECK(bench.reading("voltage_l1").value == TagValue{230.20001});
  CHECK(refused == 0);
}

// The same of the SDM120's description, and mbmd's sdm120.go.
TEST_CASE("an Eastron SDM120 is read as its register table says") {
  Bench bench("eastron-sdm120");
  CHECK(bench.serial.baud == 2400);
  CHECK(bench.serial.parity == Parity::None);
  int refused = 0;
  answer_as_an_eastron(bench, refused);
  const Row rows[] = {{"voltage", 0x0000, kVoltsOfTheManual},
                      {"current", 0x0006, 8.63F},
                      {"power", 0x000C, -1919.7F},
                      {"apparent_power", 0x0012, 2035.57F},
                      {"reactive_power", 0x0018, -676.7F},
                      {"power_factor", 0x001E, -0.94F},
                      {"frequency", 0x0046, 50.0F},
                      {"energy_import", 0x0048, 1551.37F},
                      {"energy_export", 0x004A, 1335.69F},
                      {"reactive_energy_import", 0x004C, 0.01F},
                      {"reactive_energy_export", 0x004E, 4362.14F},
                      {"energy_total", 0x0156, 2887.06F},
                      {"reactive_energy_total", 0x0158, 4362.15F}};
  reads_all(bench, Table::InputRegister, rows);
  CHECK(bench.reading("voltage").value == TagValue{230.20001});
  CHECK(refused == 0);
}

// Addresses: mbmd's iem3000.go and Tasmota's xnrg_16_iem3000.ino; currents of 0x0BB7 are the
// manual's register 3000.
TEST_CASE("a Schneider iEM3155 is read one below the manual's numbers, and has no value for NaN") {
  Bench bench("schneider-iem3155");
  CHECK(bench.serial.baud == 19200);
  CHECK(bench.serial.parity == Parity::Even);
  const Row rows[] = {{"current_l1", 0x0BB7, 4.5F},
                      {"current_l2", 0x0BB9, 0.0F},
                      {"current_l3", 0x0BBB, 12.25F},
                      {"voltage_l1", 0x0BD3, 230.2F},
                      {"voltage_l2", 0x0BD5, 231.5F},
                      {"voltage_l3", 0x0BD7, 229.75F},
                      {"power_l1", 0x0BED, 1.03F},
                      {"power_l2", 0x0BEF, -0.512F},
                      {"power_l3", 0x0BF1, 2.75F},
                      {"power", 0x0BF3, 3.2685F},
                      {"reactive_power", 0x0BFB, -0.0775F},
                      {"apparent_power", 0x0C03, 4.0F},
                      {"frequency", 0x0C25, 49.98F},
                      {"energy_import", 0x0C83, std::int64_t{9'007'199'254'740'993}},
                      {"energy_export", 0x0C87, std::int64_t{0}},
                      {"reactive_energy_import", 0x0C93, std::int64_t{70'000}},
                      {"reactive_energy_export", 0x0C97, std::int64_t{5'000'000'000}},
                      {"energy_import_l1", 0x0DBD, std::int64_t{1}},
                      {"energy_import_l2", 0x0DC1, std::int64_t{2}},
                      {"energy_import_l3", 0x0DC5, std::int64_t{3}}};
  reads_all(bench, Table::HoldingRegister, rows);
  bench.hold(Table::HoldingRegister, 0x0BF3, std::nanf(""));
  bench.line.run_for(10s);
  CHECK(bench.reading("power").quality == Quality::Bad);
  CHECK(bench.reading("power_l1").quality == Quality::Good);
}

// Frames of the maker's page, "development protocol": relays' state, and relay 1 on and off.
TEST_CASE("a Waveshare relay board says what its relays do, and switches those a file opts in") {
  Bench bench("waveshare-relay-8ch", R"(, "tags": [{"name": "relay_1", "writable": true,
                                                    "verify": true}])");
  CHECK(bench.serial.baud == 9600);
  CHECK(bench.serial.parity == Parity::None);
  for (const auto& tag : bench.site.devices[0].tags) {
    CHECK(tag.writable == (tag.name == "relay_1"));
  }
  for (const int on : {0, 1, 2, 3}) bench.at(Table::Coil, on) = 1;
  bench.line.run_for(3s);
  const auto said = [&](const char* frame) {
    return std::ranges::any_of(bench.line.log, [&](const std::string& entry) {
      return entry.ends_with(std::string("> ") + frame);
    });
  };
  CHECK(said("01 01 00 00 00 08 3D CC"));
  for (int i = 1; i <= 8; ++i) {
    CAPTURE(i);
    const TagReading reading = bench.reading("relay_" + std::to_string(i));
    CHECK(reading.quality == Quality::Good);
    CHECK(reading.value == TagValue{i <= 4});
  }
  const WriteResult off = bench.write("relay_1", false);
  CHECK(off.outcome == WriteResult::Outcome::Written);
  CHECK(off.verified);
  CHECK(said("01 05 00 00 00 00 CD CA"));
  CHECK(bench.at(Table::Coil, 0) == 0);
  CHECK(bench.write("relay_1", true).outcome == WriteResult::Outcome::Written);
  CHECK(said("01 05 00 00 FF 00 8C 3A"));
  CHECK(bench.reading("relay_1").value == TagValue{true});
}

// Behind a gateway or a converter nothing of the line's settings is left.
TEST_CASE("the models of Modbus devices serve on a line, behind a converter and behind a gateway") {
  const std::string attachments[] = {
      R"({"modbus_rtu": {"port": "/dev/ttyS0", "unit_id": 3}})",
      R"({"modbus_rtu_tcp": {"host": "10.0.0.7", "port": 4001, "unit_id": 3}})",
      R"({"modbus_tcp": {"host": "10.0.0.8", "unit_id": 3}})"};
  for (const char* model :
       {"eastron-sdm120", "eastron-sdm630", "schneider-iem3155", "waveshare-relay-8ch"}) {
    for (const std::string& attach : attachments) {
      CAPTURE(std::string(model));
      CAPTURE(attach);
      const auto site = config::site_of(model, attach, "");
      REQUIRE(site.modbus_buses.size() == 1);
      CHECK(site.modbus_buses[0].devices.at(0).unit_id == 3);
    }
  }
}

}  // namespace
}  // namespace hubward::modbus::test
