// The gateway's southbound half alone: Modbus and serial adapters with real sockets and ports
// against a running simplant. Prints what they deliver, one JSON object a line, until standard
// input ends.
//   fieldtap plant.json
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "adapters/mqtt/broker_client.h"
#include "adapters/mqtt/mqtt_adapter.h"
#include "adapters/serial/serial_adapter.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "proto/json.h"

namespace hubward::plant {
namespace {

using modbus::Table;
using modbus::ValueType;
using modbus::WordOrder;

// Tags by DeviceIndex and TagIndex, for the output.
struct Names {
  std::string device;
  std::vector<std::string> tags;
};

class PrintingSink final : public ReadingSink {
 public:
  std::vector<Names> names;

  void deliver(ReadingBatch batch, Stored stored) override {
    begin("batch", batch.device);
    for (const TagReading& reading : batch.readings) {
      writer_.Key(names.at(batch.device.value).tags.at(reading.tag.value).c_str());
      if (reading.quality == Quality::Bad) {
        writer_.Null();
        continue;
      }
      std::visit([this](const auto& value) { write(value); }, reading.value);
    }
    end();
    if (stored) stored({});
  }
  void field_state(DeviceIndex device, FieldState state) override {
    begin("state", device);
    writer_.Key("link");
    writer_.Int(static_cast<int>(state.link));
    writer_.Key("detail");
    writer_.String(state.detail);
    end();
  }
  void bad_input(BadInput input) override {
    begin("bad", input.device.value_or(DeviceIndex{0}));
    writer_.Key("code");
    writer_.Int(static_cast<int>(input.code));
    writer_.Key("bytes");
    writer_.Uint64(input.sample.size());
    end();
  }

 private:
  void begin(const char* what, DeviceIndex device) {
    buffer_.Clear();
    writer_.Reset(buffer_);
    writer_.StartObject();
    writer_.Key("what");
    writer_.String(what);
    writer_.Key("device");
    writer_.String(names.at(device.value).device);
  }
  void end() {
    writer_.EndObject();
    std::puts(buffer_.GetString());
    std::fflush(stdout);
  }
  void write(bool value) { writer_.Bool(value); }
  void write(std::int64_t value) { writer_.Int64(value); }
  void write(std::uint64_t value) { writer_.Uint64(value); }
  void write(double value) { writer_.Double(value); }
  void write(const std::string& value) { writer_.String(value); }

  rapidjson::StringBuffer buffer_;
  json::Writer writer_{buffer_};
};

struct RegisterTag {
  const char* name;
  Table table;
  std::uint16_t address;
  ValueType type;
  WordOrder order = WordOrder::HighFirst;
  double scale = 1;
};

constexpr RegisterTag kPress[] = {
    {"run", Table::Coil, 0, ValueType::Bool},
    {"guard_closed", Table::DiscreteInput, 0, ValueType::Bool},
    {"read_sequence", Table::InputRegister, 0, ValueType::Uint32},
    {"ram_position", Table::InputRegister, 7, ValueType::Float32, WordOrder::LowFirst},
    {"energy", Table::InputRegister, 9, ValueType::Uint64},
    {"cycles_total", Table::InputRegister, 13, ValueType::Int64, WordOrder::LowFirst},
    {"force_balance", Table::InputRegister, 17, ValueType::Int32, WordOrder::LowFirst},
    {"bed_deflection", Table::InputRegister, 24, ValueType::Float64, WordOrder::LowFirst},
    {"target_pressure", Table::HoldingRegister, 0, ValueType::Uint16, WordOrder::HighFirst, 0.1},
    {"offset_trim", Table::HoldingRegister, 6, ValueType::Int16},
};
constexpr RegisterTag kMeter[] = {
    {"relay", Table::Coil, 0, ValueType::Bool},
    {"serial_number", Table::InputRegister, 0, ValueType::Uint32},
    {"read_sequence", Table::HoldingRegister, 0, ValueType::Uint32},
    {"active_power", Table::HoldingRegister, 2, ValueType::Float32},
    {"energy_import", Table::HoldingRegister, 6, ValueType::Uint64},
    {"reactive_power", Table::HoldingRegister, 14, ValueType::Int32},
    {"frequency", Table::HoldingRegister, 18, ValueType::Uint16, WordOrder::HighFirst, 0.01},
    {"demand_limit", Table::HoldingRegister, 20, ValueType::Uint16, WordOrder::HighFirst, 100},
};

std::string text(const json::Value& device, const char* key) {
  return std::string(json::as_string(json::find(device, key)).value_or(""));
}
template <class T>
T number(const json::Value& device, const char* key) {
  return static_cast<T>(json::as_int(json::find(device, key)).value_or(0));
}

modbus::DeviceSettings modbus_device(const json::Value& device, DeviceIndex index,
                                     std::span<const RegisterTag> registers, Names& names) {
  modbus::DeviceSettings settings;
  settings.device = index;
  settings.unit_id = number<std::uint8_t>(device, "unit_id");
  settings.response_timeout = std::chrono::milliseconds(1000);
  for (const RegisterTag& reg : registers) {
    modbus::TagSettings& tag = settings.tags.emplace_back();
    tag.tag = TagIndex{static_cast<std::uint16_t>(settings.tags.size() - 1)};
    tag.table = reg.table;
    tag.address = reg.address;
    tag.type = reg.type;
    tag.word_order = reg.order;
    tag.scale = reg.scale;
    tag.interval = std::chrono::milliseconds(50);
    names.tags.emplace_back(reg.name);
  }
  return settings;
}

std::unique_ptr<SouthboundAdapter> adapter_for(const json::Value& device, PrintingSink& sink,
                                               StreamOpener& streams, Loop& loop) {
  const DeviceIndex index{static_cast<std::uint32_t>(sink.names.size())};
  Names names{text(device, "id"), {}};
  const std::string kind = text(device, "kind");
  std::unique_ptr<SouthboundAdapter> adapter;
  const SerialSettings port{.path = text(device, "path"),
                            .baud = number<std::uint32_t>(device, "baud")};
  if (kind == "press") {
    modbus::BusSettings bus{
        .attachment = TcpEndpoint{text(device, "host"), number<std::uint16_t>(device, "port")},
        .devices = {modbus_device(device, index, kPress, names)}};
    adapter = std::make_unique<modbus::BusAdapter>(std::move(bus), streams, loop);
  } else if (kind == "meter") {
    modbus::BusSettings bus{.attachment = port,
                            .devices = {modbus_device(device, index, kMeter, names)}};
    adapter = std::make_unique<modbus::BusAdapter>(std::move(bus), streams, loop);
  } else if (kind == "scale") {
    serial::DeviceSettings settings;
    settings.device = index;
    settings.pattern =
        R"((?<status>ST|US),GS,(?<weight>[+-] +[0-9]+\.[0-9]+)kg,#(?<read_sequence>[0-9]+))";
    using serial::PatternGroup;
    using Type = serial::TagSettings::Type;
    settings.tags = {{.tag = {0}, .where = PatternGroup{"weight"}},
                     {.tag = {1}, .where = PatternGroup{"status"}, .type = Type::Text},
                     {.tag = {2}, .where = PatternGroup{"read_sequence"}, .type = Type::Integer}};
    names.tags = {"weight", "status", "read_sequence"};
    adapter = std::make_unique<serial::SerialAdapter>(
        serial::LineSettings{port, {std::move(settings)}}, streams, loop);
  } else if (kind == "balance") {
    // Asked by its address; its answer says whose it is and which one, "07 S 12.5 #3".
    serial::DeviceSettings settings;
    settings.device = index;
    const std::string address = text(device, "address");
    settings.frames.framing = serial::Delimited{.start = "", .end = "\r\n"};
    settings.requests = {{address + " SI\\r\\n", std::chrono::milliseconds(50)}};
    settings.response_timeout = std::chrono::milliseconds(500);
    settings.answers_name_it = true;
    settings.pattern = address + R"( S (?<weight>[0-9.]+) #(?<read_sequence>[0-9]+))";
    settings.tags = {{.tag = {0}, .where = serial::PatternGroup{"weight"}},
                     {.tag = {1},
                      .where = serial::PatternGroup{"read_sequence"},
                      .type = serial::TagSettings::Type::Integer}};
    names.tags = {"weight", "read_sequence"};
    adapter = std::make_unique<serial::SerialAdapter>(
        serial::LineSettings{port, {std::move(settings)}}, streams, loop);
  }
  if (adapter) sink.names.push_back(std::move(names));
  return adapter;
}

// All sensors of the plant on one connection, as the gateway has it. Null if there are none.
std::unique_ptr<SouthboundAdapter> sensors_adapter(const json::Value& devices, const char* password,
                                                   PrintingSink& sink, BrokerConnector& connector,
                                                   Loop& loop) {
  BrokerSettings broker;
  std::vector<mqtt::DeviceSettings> sensors;
  for (const json::Value& device : devices.GetArray()) {
    if (text(device, "kind") != "sensor") continue;
    const std::string where = text(device, "broker");
    broker.port = static_cast<std::uint16_t>(std::atoi(where.c_str() + where.rfind(':') + 1));
    sensors.push_back({.device = {static_cast<std::uint32_t>(sink.names.size())},
                       .device_name = text(device, "id"),
                       .topic_template = "plant/{device}/telemetry",
                       .tags = {{TagIndex{0}, mqtt::JsonMember{"/seq"}},
                                {TagIndex{1}, mqtt::JsonMember{"/environment/temperature/value"}},
                                {TagIndex{2}, mqtt::JsonMember{"/status/door_open"}}}});
    sink.names.push_back({text(device, "id"), {"read_sequence", "temperature", "door_open"}});
  }
  if (sensors.empty()) return nullptr;
  broker.user_name = "hubward";
  broker.password = SecretText(password);
  return std::make_unique<mqtt::MqttAdapter>(std::move(broker), std::move(sensors), connector,
                                             loop);
}

int run(const char* file, const char* password) {
  std::ifstream in(file);
  const std::string plant_text{std::istreambuf_iterator<char>(in), {}};
  const auto plant = json::parse(plant_text);
  const json::Value* devices = plant ? json::find(*plant, "devices") : nullptr;
  if (devices == nullptr || !devices->IsArray()) return 2;

  platform::SystemClock clock;
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  platform::AsioStreams streams(resolver);
  PrintingSink sink;
  mqtt::BrokerClients broker(streams);
  std::vector<std::unique_ptr<SouthboundAdapter>> made;
  for (const json::Value& device : devices->GetArray()) {
    made.push_back(adapter_for(device, sink, streams, loop));
  }
  made.push_back(sensors_adapter(*devices, password, sink, broker, loop));
  std::vector<std::unique_ptr<SouthboundAdapter>> adapters;
  for (auto& adapter : made) {
    if (!adapter) continue;
    if (const Status started = adapter->start(sink); !started) {
      std::fprintf(stderr, "fieldtap: %s\n", started.error().context.c_str());
      return 1;
    }
    adapters.push_back(std::move(adapter));
  }
  std::jthread reader([&]() noexcept {
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    loop.post([&] {
      for (const auto& adapter : adapters) adapter->stop();
      loop.stop();
    });
  });
  loop.run();
  return 0;
}

}  // namespace
}  // namespace hubward::plant

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: fieldtap plant.json [PASSWORD]\n", stderr);
    return 2;
  }
  return hubward::plant::run(argv[1], argc == 3 ? argv[2] : "");
}
