// bench_gateway: a gateway with many devices in one process, fed by itself. It measures times and
// counts; its memory and CPU are read from outside.
//   bench_gateway FOLDER PORTS_JSON DEVICES [NAME=NUMBER...] [assigned=HOST:PORT]
// NAME: connections_per_s, registrations_per_s, retry_pause_max_ms.
// Orders are JSON objects, one a line on standard input; each is answered with a line:
//   {"do":"feed","messages_per_s":R,"seconds":S,...}   see support/pace.h and feed.h
//   {"do":"look"}                                       counts of now
// The end of standard input ends it.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "gateway/platform/system_limits.h"
#include "proto/json.h"
#include "tests/bench/gateway/feed.h"

namespace hubward::bench {
namespace {

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

bool read_ports(const std::string& path, BenchOptions& options) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto ports = json::parse(text);
  if (!ports) return false;
  const auto word = [&](const char* name) {
    return std::string(json::as_string(json::find(*ports, name)).value_or(""));
  };
  const std::string dps = word("dps");
  const auto colon = dps.rfind(':');
  if (colon == std::string::npos) return false;
  options.dps_host = dps.substr(0, colon);
  options.dps_port = static_cast<std::uint16_t>(std::atoi(dps.c_str() + colon + 1));
  options.id_scope = word("id_scope");
  options.roots_file = word("ca");
  return true;
}

bool take_option(const std::string& argument, BenchOptions& options) {
  const auto equals = argument.find('=');
  if (equals == std::string::npos) return false;
  const std::string name = argument.substr(0, equals);
  const std::string value = argument.substr(equals + 1);
  if (name == "assigned") {
    options.assigned_hub = value;
  } else if (name == "connections_per_s") {
    options.connections_per_second = std::atof(value.c_str());
  } else if (name == "registrations_per_s") {
    options.registrations_per_second = std::atof(value.c_str());
  } else if (name == "retry_pause_max_ms") {
    options.retry_pause_max = std::chrono::milliseconds(std::atoi(value.c_str()));
  } else {
    return false;
  }
  return true;
}

std::string look(BenchGateway& gateway) {
  std::uint64_t online = 0;
  std::uint64_t connects = 0;
  std::uint64_t conversations = 0;
  for (std::uint32_t i = 0; i < gateway.devices(); ++i) {
    const DeviceStatus status = gateway.roster().at(DeviceIndex{i}).status();
    online += status.cloud == CloudState::Online ? 1 : 0;
    connects += status.hub_connects;
    conversations += status.dps_conversations;
  }
  const OutboxCounts totals = gateway.outbox().totals();
  const auto member = [](const char* name, std::uint64_t value) {
    return "\"" + std::string(name) + "\":" + std::to_string(value);
  };
  return "{" + member("online", online) + "," + member("hub_connects", connects) + "," +
         member("dps_conversations", conversations) + "," + member("waiting", totals.waiting) +
         "," + member("dropped", totals.dropped) + "," + member("quarantined", totals.quarantined) +
         "," + member("released", gateway.outbox().released()) + "}";
}

void carry_out(const std::string& line, BenchGateway& gateway, Feed& feed) {
  const auto order = json::parse(line);
  const auto what = order ? json::as_string(json::find(*order, "do")) : std::nullopt;
  if (what == "feed") {
    feed.start(FeedOrder::from(*order), say);
  } else if (what == "look") {
    say(look(gateway));
  } else {
    say(R"({"error":"no such order"})");
  }
}

int run(const BenchOptions& options) {
  platform::raise_descriptor_limit();
  platform::share_one_heap();
  platform::ConsoleLog log;
  BenchGateway gateway(options, log);
  if (const auto started = gateway.start(); !started) {
    std::fprintf(stderr, "cannot start: %s\n", started.error().context.c_str());
    return 1;
  }
  Feed feed(gateway);
  std::jthread orders([&] {
    std::string line;
    while (std::getline(std::cin, line)) {
      gateway.loop().post([&, line] { carry_out(line, gateway, feed); });
    }
    gateway.loop().post([&] { gateway.stop([&] { gateway.loop().stop(); }); });
  });
  gateway.loop().run();
  return 0;
}

}  // namespace
}  // namespace hubward::bench

int main(int count, char** arguments) {
  hubward::bench::BenchOptions options;
  bool good = count >= 4;
  if (good) {
    options.folder = arguments[1];
    options.devices = static_cast<std::uint32_t>(std::atoi(arguments[3]));
    good = hubward::bench::read_ports(arguments[2], options);
  }
  for (int i = 4; good && i < count; ++i) {
    good = hubward::bench::take_option(arguments[i], options);
  }
  if (!good) {
    std::fputs("usage: bench_gateway FOLDER PORTS_JSON DEVICES [NAME=VALUE...]\n", stderr);
    return 2;
  }
  return hubward::bench::run(options);
}
