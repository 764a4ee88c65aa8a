// Whatever real lines and connections do, no value may be reported good that its register did not
// hold when it was asked for: the Modbus adapter on its real loop, pseudo-terminals and sockets.
// Half of the lines echo. Ends with 1 if a value was wrong, or if too few were right or spoiled.
// usage: modbus_true_values [TRANSACTIONS]   of RTU, and as many of TCP; 15,000, or 1,000,000 with
// HUBWARD_LONG=1
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "tests/scenario/true_values/spoiled_devices.h"
#include "tests/support/temporary_folder.h"

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kLines = 24;
constexpr std::uint8_t kEndpoints = 6;
constexpr auto kStuckAfter = 20s;

TagSettings value(std::size_t index, Table table, std::uint16_t address,
                  std::chrono::milliseconds interval) {
  TagSettings tag;
  tag.tag = TagIndex{static_cast<std::uint16_t>(index)};
  tag.table = table;
  tag.address = address;
  tag.type = ValueType::Uint64;
  tag.interval = interval;
  return tag;
}

// Blocks of one size, whose answers look alike; a unit with a single block; one with two tables.
std::vector<DeviceSettings> units(std::chrono::milliseconds interval, std::uint8_t in_flight) {
  using enum Table;
  const std::vector<std::vector<std::pair<Table, std::uint16_t>>> maps = {
      {{HoldingRegister, 0},
       {HoldingRegister, 100},
       {HoldingRegister, 200},
       {HoldingRegister, 300}},
      {{HoldingRegister, 0}},
      {{HoldingRegister, 0}, {HoldingRegister, 4}, {InputRegister, 0}, {InputRegister, 40}},
      {{HoldingRegister, 0}, {HoldingRegister, 100}, {InputRegister, 0}, {InputRegister, 100}},
  };
  std::vector<DeviceSettings> devices;
  for (const auto& map : maps) {
    DeviceSettings& device = devices.emplace_back();
    device.device = DeviceIndex{static_cast<std::uint32_t>(devices.size() - 1)};
    device.unit_id = static_cast<std::uint8_t>(devices.size());
    device.response_timeout = kAnswerTimeout;
    device.limits.in_flight_max = in_flight;
    for (const auto& [table, address] : map) {
      device.tags.push_back(value(device.tags.size(), table, address, interval));
    }
  }
  return devices;
}

// One adapter and everything that watches it.
struct Place {
  Place(std::uint8_t number, Framing framing, std::vector<DeviceSettings> units,
        StreamOpener& streams)
      : devices(std::move(units)),
        log(framing),
        witnessed(streams, log),
        sink(number, devices, log) {}
  std::vector<DeviceSettings> devices;
  AskedLog log;
  WitnessedStreams witnessed;
  JudgingSink sink;
  std::unique_ptr<BusAdapter> adapter;
};

struct Sum {
  std::uint64_t transactions = 0;
  Verdict verdict;
};
Sum sum_of(const std::vector<std::unique_ptr<Place>>& places) {
  Sum sum;
  for (const auto& place : places) {
    sum.transactions += place->log.requests();
    sum.verdict.good += place->sink.verdict.good;
    sum.verdict.foreign += place->sink.verdict.foreign;
    sum.verdict.stale += place->sink.verdict.stale;
  }
  return sum;
}

// Whether everything that is to happen did.
bool tell(const char* name, const Sum& sum, const Spoils& spoils, bool serial) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("%s: %llu transactions, %llu good values, %llu foreign, %llu stale; ", name,
              number(sum.transactions), number(sum.verdict.good), number(sum.verdict.foreign),
              number(sum.verdict.stale));
  std::printf("%llu lost, %llu late, %llu cut off, ", number(spoils.lost), number(spoils.late),
              number(spoils.cut_off));
  std::vector<std::uint64_t> must{spoils.lost, spoils.late, spoils.cut_off};
  if (serial) {
    std::printf("%llu damaged, %llu with noise, %llu echoed, %llu stale at open\n",
                number(spoils.damaged), number(spoils.noise), number(spoils.echoed),
                number(spoils.stale_at_open));
    must.insert(must.end(), {spoils.damaged, spoils.noise, spoils.echoed, spoils.stale_at_open});
  } else {
    std::printf("%llu out of order, %llu repeated\n", number(spoils.reordered),
                number(spoils.repeated));
    must.insert(must.end(), {spoils.reordered, spoils.repeated});
  }
  const bool spoiled = std::ranges::all_of(must, [](std::uint64_t count) { return count > 5; });
  if (!spoiled) std::printf("%s: too little was spoiled\n", name);
  const bool enough = sum.verdict.good > sum.transactions / 2;
  if (!enough) std::printf("%s: too few values\n", name);
  return spoiled && enough && sum.verdict.wrong() == 0;
}

bool run(std::uint64_t transactions) {
  const platform::SystemClock clock;
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  platform::AsioStreams streams(resolver);
  const hubward::test::TemporaryFolder folder;
  Spoils of_lines;
  Spoils of_endpoints;
  std::vector<std::unique_ptr<Place>> lines;
  std::vector<std::unique_ptr<Place>> endpoints;
  SpoiledDevices devices;
  std::uint8_t number = 0;
  const auto start = [&](Place& place, Attachment attachment) {
    place.adapter = std::make_unique<BusAdapter>(BusSettings{std::move(attachment), place.devices},
                                                 place.witnessed, loop);
    if (!place.adapter->start(place.sink)) std::exit(1);
  };
  for (std::uint8_t i = 0; i < kLines; ++i) {
    Place& place = *lines.emplace_back(
        std::make_unique<Place>(++number, Framing::Rtu, units(30ms, 1), streams));
    SerialSettings settings;
    settings.path = folder.path() / ("line-" + std::to_string(number));
    settings.baud = 115200;
    devices.add(spoiled_line(number, settings.path, i % 2 == 1, place.log, of_lines, devices.at()));
    start(place, settings);
  }
  for (std::uint8_t i = 0; i < kEndpoints; ++i) {
    const std::uint8_t in_flight = i % 2 == 1 ? 16 : 1;
    Place& place = *endpoints.emplace_back(
        std::make_unique<Place>(++number, Framing::Tcp, units(10ms, in_flight), streams));
    std::uint16_t port = 0;
    devices.add(spoiled_endpoint(number, port, place.log, of_endpoints, devices.at()));
    start(place, TcpEndpoint{"127.0.0.1", port});
  }
  devices.start();

  const auto stop = [](std::vector<std::unique_ptr<Place>>& places) {
    for (auto& place : places) place->adapter->stop();
  };
  std::uint64_t before = 0;
  bool lines_done = false;
  bool endpoints_done = false;
  auto moved_at = clock.steady();
  while (!lines_done || !endpoints_done) {
    loop.call_at(clock.steady() + 100ms, [&] { loop.stop(); });
    loop.run();
    const Sum serial = sum_of(lines);
    const Sum tcp = sum_of(endpoints);
    if (!lines_done && serial.transactions >= transactions) {
      lines_done = true;
      stop(lines);
    }
    if (!endpoints_done && tcp.transactions >= transactions) {
      endpoints_done = true;
      stop(endpoints);
    }
    if (serial.transactions + tcp.transactions !=
        std::exchange(before, serial.transactions + tcp.transactions)) {
      moved_at = clock.steady();
    } else if (clock.steady() - moved_at > kStuckAfter) {
      std::printf("nobody asks any more\n");
      break;
    }
  }
  stop(lines);
  stop(endpoints);
  const bool serial = tell("RTU", sum_of(lines), of_lines, true);
  const bool tcp = tell("TCP", sum_of(endpoints), of_endpoints, false);
  return serial && tcp && lines_done && endpoints_done;
}

std::uint64_t wanted(int argc, char** argv) {
  if (argc > 1) return static_cast<std::uint64_t>(std::atoll(argv[1]));
  const char* value = std::getenv("HUBWARD_LONG");
  const bool is_long = value != nullptr && std::string(value) != "0" && *value != '\0';
  return is_long ? 1'000'000 : 15'000;
}

}  // namespace
}  // namespace hubward::modbus

int main(int argc, char** argv) {
  return hubward::modbus::run(hubward::modbus::wanted(argc, argv)) ? 0 : 1;
}
