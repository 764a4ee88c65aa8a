#include <doctest/doctest.h>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;
using namespace std::chrono_literals;

namespace {

LoadedSite load_example() {
  return load_site(HUBWARD_SOURCE_DIR "/deploy/example-site", *disk_files(), MemorySecrets());
}

}  // namespace

TEST_CASE("the example site loads without a word") {
  const auto site = load_example();
  for (const auto& problem : site.problems) MESSAGE(to_line(problem));
  CHECK(site.problems.empty());
  REQUIRE(site.settings);
}

TEST_CASE("the least configuration that the README shows is one") {
  const std::string readme = disk_files()->read(HUBWARD_SOURCE_DIR "/README.md", 1 << 20).value();
  // Its fenced blocks that are JSON: gateway.json, and a device's file.
  std::vector<std::string> blocks;
  for (std::size_t at = 0; (at = readme.find("```\n{", at)) != std::string::npos;) {
    at += 4;
    const auto end = readme.find("\n```", at);
    blocks.push_back(readme.substr(at, end - at));
    at = end + 4;
  }
  REQUIRE(blocks.size() == 2);
  MemoryFiles files;
  files.files["site/gateway.json"] = blocks[0];
  files.files["site/devices.d/press-07.json"] = blocks[1];
  const auto site = load_site("site", files, MemorySecrets());
  for (const auto& problem : site.problems) MESSAGE(to_line(problem));
  CHECK(site.settings);
}

TEST_CASE("where there is no gateway.json, it is said what belongs there") {
  MemoryFiles files;
  const auto nothing = load_site("site", files, MemorySecrets());
  REQUIRE_FALSE(nothing.problems.empty());
  CHECK(nothing.problems[0].file == "site/gateway.json");
  CHECK(nothing.problems[0].text.find("devices.d/NAME.json for each device") != std::string::npos);
  CHECK(state_folder_of("site", files).error().context.find("README") != std::string::npos);
  files.files["site/gateway.json"] = "{}";
  const auto file = load_site("site/gateway.json", files, MemorySecrets());
  REQUIRE_FALSE(file.problems.empty());
  CHECK(file.problems[0].text.find("is a file; what is named is the folder") != std::string::npos);
}

TEST_CASE("the example site becomes devices in the order of their files") {
  const auto site = load_example();
  REQUIRE(site.settings);
  const auto& settings = *site.settings;
  std::vector<std::string> ids;
  for (const auto& device : settings.devices) ids.push_back(device.id);
  CHECK(ids == std::vector<std::string>{"climate-1", "meter-01", "meter-02", "press-07", "scale-02",
                                        "scale-03"});
  REQUIRE(settings.credentials.size() == ids.size());
  CHECK(settings.credentials[3].kind == DeviceCredential::Kind::DeviceKey);
  CHECK(settings.credentials[3].primary.reveal() == kSomeKey);
  CHECK(settings.dps.address == HostAndPort{"global.azure-devices-provisioning.net", 8883});
  CHECK(settings.dps.id_scope == "0ne00AB12CD");
  CHECK(settings.page == HostAndPort{"127.0.0.1", 8080});
  CHECK(settings.outbox.sync_window == 50ms);
  CHECK(settings.retry_pause_max == 300s);
}

TEST_CASE("the example's devices are attached as their files say") {
  const auto site = load_example();
  REQUIRE(site.settings);
  const auto& settings = *site.settings;

  SUBCASE("two meters share one line") {
    REQUIRE(settings.modbus_buses.size() == 2);
    const auto& line = settings.modbus_buses[0];
    REQUIRE(line.devices.size() == 2);
    CHECK(line.devices[0].device == DeviceIndex{1});
    CHECK(line.devices[1].device == DeviceIndex{2});
    CHECK(line.devices[1].unit_id == 2);
    CHECK(line.devices[1].response_timeout == 500ms);
    const auto& port = std::get<SerialSettings>(line.attachment);
    CHECK(port.baud == 19200);
    CHECK(port.parity == Parity::Even);
    CHECK(port.data_bits == 8);
  }
  SUBCASE("the press's registers are those on the wire") {
    const auto& press = settings.modbus_buses[1].devices.at(0);
    CHECK(std::get<TcpEndpoint>(settings.modbus_buses[1].attachment) ==
          TcpEndpoint{"10.20.0.7", 502});
    REQUIRE(press.tags.size() == 6);
    CHECK(press.tags[0].table == modbus::Table::HoldingRegister);
    CHECK(press.tags[0].address == 0);  // manual:40001
    CHECK(press.tags[0].scale == 0.1);
    CHECK(press.tags[0].interval == 500ms);
    CHECK(press.tags[1].word_order == modbus::WordOrder::LowFirst);
    CHECK(press.tags[3].table == modbus::Table::DiscreteInput);
    const auto& device = settings.devices[3];
    CHECK(device.display_name == "Press 7, hall B");
    CHECK(device.attached_to == "Modbus TCP 10.20.0.7:502, unit 1");
    CHECK(device.kind == "modbus-tcp");
    CHECK(device.tags[3].priority == Priority::Alarm);
    CHECK_FALSE(device.tags[0].writable);
    CHECK(device.tags[4].writable);
    CHECK(device.tags[4].as == TagDescription::As::Property);
    CHECK(device.tags[4].write_max == 180);
  }
  SUBCASE("the scales' lines have patterns") {
    REQUIRE(settings.serial_lines.size() == 2);
    CHECK(settings.serial_lines[0].devices[0].device == DeviceIndex{4});
    using Group = serial::PatternGroup;
    CHECK(std::get<Group>(settings.serial_lines[0].devices[0].tags[0].where).name == "weight");
    CHECK(std::get<Group>(settings.serial_lines[0].devices[0].tags[1].where).name == "state");
    CHECK(settings.serial_lines[0].devices[0].tags[1].type == serial::TagSettings::Type::Text);
    CHECK(std::get<TcpEndpoint>(settings.serial_lines[1].attachment) ==
          TcpEndpoint{"10.20.0.30", 4001});
  }
  SUBCASE("the climate sensor publishes to the broker") {
    REQUIRE(settings.mqtt_devices.size() == 1);
    CHECK(settings.mqtt_devices[0].device_name == "esp-4af2");
    CHECK(settings.mqtt_devices[0].topic_template == "lab/{device}/state");
    CHECK(std::get<mqtt::JsonMember>(settings.mqtt_devices[0].tags[1].where).pointer == "/rh");
    REQUIRE(settings.broker);
    CHECK(settings.broker->user_name == "hubward");
    CHECK(settings.broker->password.reveal() == "hunter2");
  }
}
