// What dead units cost those that answer, over a real pseudo-terminal and a real TCP connection
// with default settings. Prints one JSON line a figure, as tests/bench/README.md says. usage:
// bench_dead_units [SECONDS]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "proto/modbus/rtu.h"
#include "proto/modbus/tcp.h"

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kUnitsMax = 32;
constexpr auto kTurnaround = 2ms;

void figure(const std::string& name, double value, const char* unit, const char* goal,
            const char* better) {
  std::printf(R"({"name": "%s", "value": %.3f, "unit": "%s", "goal": %s, "better": "%s"})"
              "\n",
              name.c_str(), value, unit, goal, better);
  std::fflush(stdout);
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::array<std::atomic<bool>, kUnitsMax + 1> silent{};

std::vector<std::byte> answer_to(const Request& request) {
  ReadAnswer answer;
  answer.values.assign(std::get<ReadRequest>(request).count, 7);
  return encode_answer(request, answer);
}

// 32 units on one line. All requests of these measurements are reads, which are 8 bytes long.
void serve_line(int fd) {
  std::vector<std::byte> got;
  std::array<std::byte, 512> in{};
  for (;;) {
    const auto count = ::read(fd, in.data(), in.size());
    if (count <= 0) return;
    got.insert(got.end(), in.begin(), in.begin() + count);
    while (got.size() >= 8) {
      const auto frame = parse_rtu(std::span(got).first(8));
      got.erase(got.begin(), got.begin() + 8);
      if (!frame) continue;
      const auto request = parse_request(frame->pdu);
      if (!request || frame->unit > kUnitsMax || silent[frame->unit]) continue;
      std::this_thread::sleep_for(kTurnaround);
      const auto out = encode_rtu(frame->unit, answer_to(*request));
      if (::write(fd, out.data(), out.size()) < 0) return;
    }
  }
}

void serve_tcp(int listener) {
  for (;;) {
    const int peer = ::accept(listener, nullptr, nullptr);
    if (peer < 0) return;
    TcpFrameReader reader;
    std::array<std::byte, 4096> in{};
    for (;;) {
      const auto count = ::read(peer, in.data(), in.size());
      if (count <= 0) break;
      reader.push(std::span(in).first(static_cast<std::size_t>(count)));
      for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
        const auto request = parse_request((*frame)->pdu);
        if (!request || silent[(*frame)->unit]) continue;
        std::this_thread::sleep_for(kTurnaround);
        const auto out = encode_tcp((*frame)->transaction, (*frame)->unit, answer_to(*request));
        if (::write(peer, out.data(), out.size()) < 0) break;
      }
    }
    ::close(peer);
  }
}

std::vector<DeviceSettings> devices(std::uint8_t count) {
  std::vector<DeviceSettings> all;
  for (std::uint8_t unit = 1; unit <= count; ++unit) {
    DeviceSettings& device = all.emplace_back();
    device.device = DeviceIndex{unit};
    device.unit_id = unit;
    for (std::uint16_t i = 0; i < 10; ++i) {
      TagSettings& tag = device.tags.emplace_back();
      tag.tag = TagIndex{i};
      tag.address = i;
    }
  }
  return all;
}

class CountingSink final : public ReadingSink {
 public:
  void deliver(ReadingBatch batch, Stored) override {
    if (batch.readings.at(0).quality == Quality::Good) ++polls[batch.device.value];
  }
  void field_state(DeviceIndex, FieldState) override {}
  void bad_input(BadInput) override { ++bad; }
  std::array<double, kUnitsMax + 1> polls{};
  int bad = 0;
};

// Alone, then beside the dead ones, then until the last of these is back.
void measure(const std::string& name, const Attachment& attachment, std::uint8_t count,
             std::uint8_t dead, std::chrono::milliseconds duration) {
  const platform::SystemClock clock;
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  platform::AsioStreams streams(resolver);
  CountingSink sink;
  BusAdapter bus({attachment, devices(count)}, streams, loop);
  for (auto& one : silent) one = false;
  if (!bus.start(sink)) std::exit(1);
  const auto run_for = [&](std::chrono::milliseconds time) {
    loop.call_at(clock.steady() + time, [&] { loop.stop(); });
    loop.run();
  };
  run_for(3s);
  sink.polls = {};
  run_for(duration);
  const auto alone = std::exchange(sink.polls, {});
  const auto step = static_cast<std::uint8_t>(count / dead);
  for (std::uint8_t unit = step; unit <= count; unit = static_cast<std::uint8_t>(unit + step)) {
    silent[unit] = true;
  }
  run_for(20s);  // each is missed once for a whole time-out
  sink.polls = {};
  run_for(duration);
  double kept = 1;
  for (std::uint8_t unit = 1; unit <= count; ++unit) {
    if (!silent[unit]) kept = std::min(kept, sink.polls[unit] / alone[unit]);
  }
  figure(name + ".kept", kept, "of the polls of the live ones", "0.95", "higher");
  sink.polls = {};
  std::vector<std::uint8_t> away;
  for (std::uint8_t unit = 1; unit <= count; ++unit) {
    if (silent[unit].exchange(false)) away.push_back(unit);
  }
  const auto from = clock.steady();
  const auto back = [&](std::uint8_t unit) { return sink.polls[unit] > 0; };
  while (!std::ranges::all_of(away, back) && clock.steady() - from < 60s) run_for(20ms);
  figure(name + ".back", std::chrono::duration<double>(clock.steady() - from).count(),
         "s until the last is back", "10", "lower");
  bus.stop();
}

void run(std::chrono::milliseconds duration) {
  int line = -1;
  int other = -1;
  std::array<char, 256> path{};
  termios raw{};
  ::cfmakeraw(&raw);
  if (::openpty(&line, &other, path.data(), &raw, nullptr) != 0) give_up("openpty");
  std::thread(serve_line, line).detach();
  SerialSettings settings;
  settings.path = path.data();
  settings.baud = 19200;
  measure("southbound.dead_units.rtu_8_of_32", settings, 32, 8, duration);

  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, plain, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, plain, &size) != 0) {
    give_up("listen");
  }
  std::thread(serve_tcp, listener).detach();
  measure("southbound.dead_units.tcp_1_of_10", TcpEndpoint{"127.0.0.1", ntohs(address.sin_port)},
          10, 1, duration);
}

}  // namespace
}  // namespace hubward::modbus

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 20;
  hubward::modbus::run(std::chrono::milliseconds(static_cast<int>(seconds * 1000)));
  std::quick_exit(0);  // the servers wait for ever
}
