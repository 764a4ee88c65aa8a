// simplant: a plant to connect hubward to. See README.md.
#include <mosquitto.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/plant/control_server.h"
#include "tests/sim/plant/meter_model.h"
#include "tests/sim/plant/modbus_rtu_device.h"
#include "tests/sim/plant/modbus_tcp_device.h"
#include "tests/sim/plant/press_model.h"
#include "tests/sim/plant/scale_device.h"
#include "tests/sim/plant/sensor_device.h"

namespace hubward::plant {
namespace {

struct Options {
  std::filesystem::path state;
  std::string bind = "127.0.0.1";
  std::uint16_t modbus_port = 0;
  int control_port = 0;
  int presses = 1;
  int meters = 1;
  int scales = 1;
  int sensors = 3;
  double rate = 10;
  double scale_rate = 2;
  std::string broker;
  std::filesystem::path passwords;
  Sequence first_sequence = 1;
  bool paused = false;
};

std::string numbered(const char* kind, int index) {
  std::array<char, 32> id{};
  std::snprintf(id.data(), id.size(), "%s-%02d", kind, index + 1);
  return id.data();
}

// The first one has the plain name, so that DIR/meter.tty is always there.
std::filesystem::path tty(const Options& options, const char* kind, int index) {
  const std::string number = index == 0 ? "" : "-" + std::to_string(index + 1);
  return std::filesystem::absolute(options.state) / (kind + number + ".tty");
}

// Lines of `user:password` in clear, as before `mosquitto_passwd -U`.
std::map<std::string, std::string> read_passwords(const std::filesystem::path& file) {
  std::map<std::string, std::string> passwords;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon != std::string::npos) passwords[line.substr(0, colon)] = line.substr(colon + 1);
  }
  return passwords;
}

ModbusProfile press_profile(int index, const Options& options) {
  auto model = std::make_shared<PressModel>();
  return {.id = numbered("press", index),
          .kind = "press",
          .unit_id = 1,
          .framing = Framing::Tcp,
          .registers = press_registers(),
          .sequence_table = Table::InputRegister,
          .set_defaults =
              [index](RegisterBank& bank) {
                set_press_defaults(bank);
                // Another tool in each press, so that no two move alike.
                bank.set("target_pressure", bank.get("target_pressure") - 15 * (index % 8));
                bank.set("hold_time", bank.get("hold_time") + 0.7 * (index % 8));
              },
          .advance = [model](double seconds, RegisterBank& bank) { model->advance(seconds, bank); },
          .first_sequence = options.first_sequence};
}

ModbusProfile meter_profile(int index, const Options& options) {
  auto model = std::make_shared<MeterModel>();
  return {.id = numbered("meter", index),
          .kind = "meter",
          .unit_id = 7,
          .framing = Framing::Rtu,
          .registers = meter_registers(),
          .sequence_table = Table::HoldingRegister,
          .set_defaults = set_meter_defaults,
          .advance = [model](double seconds, RegisterBank& bank) { model->advance(seconds, bank); },
          .first_sequence = options.first_sequence,
          .baud = 19'200};
}

bool add_sensors(const Options& options, std::vector<std::unique_ptr<Device>>& devices) {
  if (options.broker.empty()) return true;
  const auto colon = options.broker.rfind(':');
  if (colon == std::string::npos) {
    std::fprintf(stderr, "simplant: --broker wants HOST:PORT, not '%s'\n", options.broker.c_str());
    return false;
  }
  const auto passwords = read_passwords(options.passwords);
  for (int i = 0; i < options.sensors; ++i) {
    SensorSettings settings{.id = numbered("sensor", i),
                            .broker_host = options.broker.substr(0, colon),
                            .broker_port = std::atoi(options.broker.c_str() + colon + 1),
                            .password = {},
                            .messages_per_s = options.rate / options.sensors,
                            .first_sequence = options.first_sequence,
                            .index = i,
                            .paused = options.paused};
    if (const auto found = passwords.find(settings.id); found != passwords.end()) {
      settings.password = found->second;
    }
    devices.push_back(std::make_unique<SensorDevice>(std::move(settings)));
  }
  return true;
}

bool add_devices(const Options& options, std::vector<std::unique_ptr<Device>>& devices) {
  for (int i = 0; i < options.presses; ++i) {
    const int port = options.modbus_port == 0 ? 0 : options.modbus_port + i;
    auto press = std::make_unique<ModbusTcpDevice>(press_profile(i, options), options.bind,
                                                   static_cast<std::uint16_t>(port));
    if (!press->listening()) {
      std::fprintf(stderr, "simplant: cannot listen on %s:%d\n", options.bind.c_str(), port);
      return false;
    }
    devices.push_back(std::move(press));
  }
  for (int i = 0; i < options.meters; ++i) {
    devices.push_back(
        std::make_unique<ModbusRtuDevice>(meter_profile(i, options), tty(options, "meter", i)));
  }
  for (int i = 0; i < options.scales; ++i) {
    devices.push_back(std::make_unique<ScaleDevice>(numbered("scale", i), tty(options, "scale", i),
                                                    options.scale_rate, options.first_sequence));
  }
  if (!add_sensors(options, devices)) return false;
  if (options.paused) {
    for (const auto& device : devices) device->stop();
  }
  return true;
}

// Complete or not there: whoever waits for the file may read it as soon as it exists.
bool write_plant_file(const std::filesystem::path& file, const std::string& text) {
  const std::filesystem::path unfinished = file.string() + ".new";
  {
    std::ofstream out(unfinished);
    out << text << "\n";
    if (!out.flush()) return false;
  }
  std::error_code error;
  std::filesystem::rename(unfinished, file, error);
  return !error;
}

int run(const Options& options) {
  // Blocked before any thread starts, so that only sigwait sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  std::error_code error;
  std::filesystem::create_directories(options.state, error);
  std::vector<std::unique_ptr<Device>> devices;
  if (!add_devices(options, devices)) return 1;
  ControlServer control(devices);
  const int port = control.listen(options.control_port);
  if (port <= 0) {
    std::fprintf(stderr, "simplant: cannot listen on 127.0.0.1:%d\n", options.control_port);
    return 1;
  }
  const auto file = options.state / "plant.json";
  if (!write_plant_file(file, describe_plant(devices, port))) {
    std::fprintf(stderr, "simplant: cannot write %s\n", file.c_str());
    return 1;
  }
  std::printf("simplant ready control=http://127.0.0.1:%d devices=%zu\n", port, devices.size());
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  control.stop();
  std::filesystem::remove(file, error);
  for (const auto& device : devices) device->shut_down();
  return 0;
}

}  // namespace
}  // namespace hubward::plant

int main(int argc, char** argv) {
  hubward::plant::Options options;
  CLI::App app{"A simulated plant: Modbus TCP presses, Modbus RTU meters, scales, MQTT sensors"};
  app.add_option("--state", options.state, "folder for plant.json and the terminals' names")
      ->required();
  app.add_option("--bind", options.bind, "address the presses listen on");
  app.add_option("--modbus-port", options.modbus_port, "first press; the next ones follow; 0: any");
  app.add_option("--control-port", options.control_port, "HTTP control port; 0: any");
  app.add_option("--presses", options.presses)->check(CLI::Range(0, 500));
  app.add_option("--meters", options.meters)->check(CLI::Range(0, 100));
  app.add_option("--scales", options.scales)->check(CLI::Range(0, 100));
  app.add_option("--sensors", options.sensors)->check(CLI::Range(0, 500));
  app.add_option("--rate", options.rate, "messages a second of all sensors together")
      ->check(CLI::Range(0.001, 100000.0));
  app.add_option("--scale-rate", options.scale_rate, "lines a second of each scale")
      ->check(CLI::Range(0.01, 200.0));
  app.add_option("--broker", options.broker, "HOST:PORT; without it there are no sensors");
  app.add_option("--mqtt-passwords", options.passwords, "file of user:password lines in clear");
  app.add_option("--first-sequence", options.first_sequence,
                 "number of each device's first sample");
  app.add_flag("--paused", options.paused, "nothing speaks or answers before POST /start");
  CLI11_PARSE(app, argc, argv);
  mosquitto_lib_init();
  const int status = hubward::plant::run(options);
  mosquitto_lib_cleanup();
  return status;
}
