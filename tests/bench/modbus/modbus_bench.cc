// What one Modbus TCP connection carries: the adapter on its real loop and socket beside a plain
// libmodbus loop against the same server in the same run. Prints one JSON line a figure, as
// tests/bench/README.md says. usage: bench_modbus [SECONDS]
#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "proto/modbus/tcp.h"

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kRegisters = 124;  // of a request: 62 float32
constexpr std::size_t kBlocks = 64;        // far apart, so that none of them merge

void figure(const char* name, double value, const char* unit, const char* goal,
            const char* better) {
  std::printf(R"({"name": "%s", "value": %.3f, "unit": "%s", "goal": %s, "better": "%s"})"
              "\n",
              name, value, unit, goal, better);
  std::fflush(stdout);
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

double cpu_of_this_thread() {
  rusage use{};
  ::getrusage(RUSAGE_THREAD, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

// Answers every read with a number, `latency` after it came; whatever came in one piece is answered
// in one piece.
class Server {
 public:
  explicit Server(std::chrono::microseconds latency)
      : latency_(latency), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, plain, size) != 0 || ::listen(listener_, 1) != 0 ||
        ::getsockname(listener_, plain, &size) != 0) {
      give_up("server");
    }
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port = 0;
  std::atomic<std::uint64_t> transactions{0};

 private:
  void run() {
    for (;;) {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      const int on = 1;
      ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      serve(peer);
      ::close(peer);
    }
  }
  void serve(int peer) {
    TcpFrameReader reader;
    std::vector<std::byte> in(65536);
    std::deque<std::pair<std::chrono::steady_clock::time_point, std::vector<std::byte>>> later;
    for (;;) {
      while (!later.empty()) {
        const auto left = later.front().first - std::chrono::steady_clock::now();
        const auto ns = std::max<std::chrono::nanoseconds>(left, 0ns).count();
        const timespec wait{ns / 1'000'000'000, ns % 1'000'000'000};
        pollfd readable{peer, POLLIN, 0};
        if (::ppoll(&readable, 1, &wait, nullptr) > 0) break;
        const auto& bytes = later.front().second;
        if (::write(peer, bytes.data(), bytes.size()) < 0) return;
        later.pop_front();
      }
      const auto count = ::read(peer, in.data(), in.size());
      if (count <= 0) return;
      reader.push(std::span(in).first(static_cast<std::size_t>(count)));
      std::vector<std::byte> out;
      for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
        const auto request = parse_request((*frame)->pdu);
        const auto* read = request ? std::get_if<ReadRequest>(&*request) : nullptr;
        if (read == nullptr) return;
        ReadAnswer answer;
        answer.values.assign(read->count, 0x41A0);  // 20.0 and a little
        const auto bytes =
            encode_tcp((*frame)->transaction, (*frame)->unit, encode_answer(*request, answer));
        out.insert(out.end(), bytes.begin(), bytes.end());
        transactions.fetch_add(1, std::memory_order_relaxed);
      }
      if (latency_ > 0us) {
        later.emplace_back(std::chrono::steady_clock::now() + latency_, std::move(out));
        continue;
      }
      if (!out.empty() && ::write(peer, out.data(), out.size()) < 0) return;
    }
  }
  const std::chrono::microseconds latency_;
  int listener_;
  std::thread thread_;
};

struct Rate {
  double transactions_a_s = 0;
  double cpu_us = 0;  // of a transaction, without the server
};

Rate libmodbus_loop(Server& server, std::chrono::milliseconds duration) {
  modbus_t* const context = modbus_new_tcp("127.0.0.1", server.port);
  if (context == nullptr || modbus_connect(context) != 0) give_up("libmodbus");
  std::vector<std::uint16_t> registers(kRegisters);
  std::uint64_t done = 0;
  const double cpu = cpu_of_this_thread();
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < duration) {
    const int address = static_cast<int>(done % kBlocks) * 500;
    if (modbus_read_registers(context, address, kRegisters, registers.data()) != kRegisters) {
      give_up("libmodbus read");
    }
    ++done;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double used = cpu_of_this_thread() - cpu;
  modbus_close(context);
  modbus_free(context);
  return {static_cast<double>(done) / took.count(), used * 1e6 / static_cast<double>(done)};
}

class CountingSink final : public ReadingSink {
 public:
  void deliver(ReadingBatch batch, Stored) override { values += batch.readings.size(); }
  void field_state(DeviceIndex, FieldState) override {}
  void bad_input(BadInput) override { std::exit(2); }
  std::uint64_t values = 0;
};

Rate adapter(Server& server, std::uint8_t in_flight, std::chrono::milliseconds duration) {
  const platform::SystemClock clock;
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  platform::AsioStreams streams(resolver);
  DeviceSettings device;
  device.limits.in_flight_max = in_flight;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    for (std::uint16_t i = 0; i < kRegisters; i = static_cast<std::uint16_t>(i + 2)) {
      TagSettings& tag = device.tags.emplace_back();
      tag.tag = TagIndex{static_cast<std::uint16_t>(device.tags.size() - 1)};
      tag.address = static_cast<std::uint16_t>(block * 500 + i);
      tag.type = ValueType::Float32;
      tag.interval = 1ms;  // more than any connection carries
    }
  }
  CountingSink sink;
  BusAdapter bus({TcpEndpoint{"127.0.0.1", server.port}, {device}}, streams, loop);
  if (!bus.start(sink)) std::exit(1);
  loop.call_at(clock.steady() + 500ms, [&] { loop.stop(); });  // warm
  loop.run();
  const std::uint64_t before = server.transactions;
  const double cpu = cpu_of_this_thread();
  const auto begin = std::chrono::steady_clock::now();
  loop.call_at(clock.steady() + duration, [&] { loop.stop(); });
  loop.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto done = static_cast<double>(server.transactions - before);
  const double used = cpu_of_this_thread() - cpu;
  bus.stop();
  return {done / took.count(), used * 1e6 / done};
}

// A meter's map: 40 values in groups with gaps of a few registers.
void plan_figures() {
  std::vector<PolledItem> items;
  for (std::uint16_t group = 0; group < 8; ++group) {
    for (std::uint16_t i = 0; i < 5; ++i) {
      const auto address = static_cast<std::uint16_t>(group * 16 + i * 2);
      items.push_back({{Table::InputRegister, address, 2}, 1000ms});
    }
  }
  const auto one_each = static_cast<double>(items.size());
  for (const std::uint32_t baud : {9600U, 0U}) {
    const BusTiming timing = baud == 0 ? BusTiming{} : BusTiming{.serial = RtuTiming::at(baud, 11)};
    const auto need = bus_need(items, read_limits({}, timing), timing);
    const std::string name =
        std::string("southbound.modbus.requests.") + (baud == 0 ? "tcp" : "rtu_9600");
    figure(name.c_str(), need.requests_a_s / one_each, "x one request a tag", "null", "lower");
  }
}

// A device that is as far away, or as slow, as most are.
void run_with_latency(std::chrono::milliseconds duration) {
  Server server(1ms);
  const Rate plain = libmodbus_loop(server, duration);
  const Rate one = adapter(server, 1, duration);
  const Rate many = adapter(server, 16, duration);
  figure("southbound.modbus.1ms.one_ratio", one.transactions_a_s / plain.transactions_a_s,
         "x libmodbus", "1", "higher");
  figure("southbound.modbus.1ms.pipelined_ratio", many.transactions_a_s / plain.transactions_a_s,
         "x libmodbus", "3", "higher");
}

void run(std::chrono::milliseconds duration) {
  Server server(0us);
  // Alternating, because a machine with other work is not the same from one second to the next.
  constexpr int kRounds = 3;
  Rate plain{};
  Rate one{};
  Rate many{};
  const auto add = [](Rate& sum, const Rate& rate) {
    sum.transactions_a_s += rate.transactions_a_s / kRounds;
    sum.cpu_us += rate.cpu_us / kRounds;
  };
  for (int round = 0; round < kRounds; ++round) {
    add(plain, libmodbus_loop(server, duration / kRounds));
    add(one, adapter(server, 1, duration / kRounds));
    add(many, adapter(server, 16, duration / kRounds));
  }
  plan_figures();
  figure("southbound.modbus.libmodbus", plain.transactions_a_s, "transactions/s", "null", "higher");
  figure("southbound.modbus.one", one.transactions_a_s, "transactions/s", "null", "higher");
  figure("southbound.modbus.one_ratio", one.transactions_a_s / plain.transactions_a_s,
         "x libmodbus", "1", "higher");
  figure("southbound.modbus.pipelined", many.transactions_a_s, "transactions/s", "null", "higher");
  figure("southbound.modbus.pipelined_ratio", many.transactions_a_s / plain.transactions_a_s,
         "x libmodbus", "3", "higher");
  constexpr double kValues = kRegisters / 2.0;
  figure("southbound.modbus.libmodbus_cpu", plain.cpu_us, "us/transaction", "null", "lower");
  figure("southbound.modbus.one_cpu", one.cpu_us, "us/transaction", "null", "lower");
  figure("southbound.modbus.value_cpu", one.cpu_us / kValues, "us/value", "null", "lower");
  figure("southbound.modbus.pipelined_value_cpu", many.cpu_us / kValues, "us/value", "null",
         "lower");
}

}  // namespace
}  // namespace hubward::modbus

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 9;
  hubward::modbus::run(std::chrono::milliseconds(static_cast<int>(seconds * 1000)));
  hubward::modbus::run_with_latency(std::chrono::milliseconds(static_cast<int>(seconds * 200)));
}
