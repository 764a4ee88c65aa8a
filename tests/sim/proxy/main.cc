// simproxy: a TCP proxy that spoils connections on order. See README.md.
#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "proto/percent.h"
#include "tests/sim/net/http_server.h"
#include "tests/sim/net/json_text.h"
#include "tests/sim/net/server_process.h"
#include "tests/sim/proxy/connection.h"
#include "tests/sim/proxy/control.h"

namespace hubward::simproxy {
namespace {

class SeededChance : public RandomSource {
 public:
  explicit SeededChance(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

struct Options {
  std::filesystem::path state;
  std::uint16_t control = 0;
  std::uint64_t seed = std::random_device{}();
  std::vector<Target> targets;
};

constexpr const char* kUsage =
    "usage: simproxy --state DIR --target NAME=LISTEN,UPSTREAM ... [--control-port N] [--seed N]\n"
    "       addresses are IPv4:PORT; LISTEN's port may be 0\n";

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Address address{.host = std::string(text.substr(0, colon)), .port = 0};
  const auto port = parse_decimal(text.substr(colon + 1));
  in_addr ignored{};
  if (!port || *port > 65'535 || ::inet_pton(AF_INET, address.host.c_str(), &ignored) != 1) {
    return std::nullopt;
  }
  address.port = static_cast<std::uint16_t>(*port);
  return address;
}

// "hub-1=127.0.0.2:20001,127.0.0.2:34493"
std::optional<Target> parse_target(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t comma = text.find(',');
  if (equals == 0 || equals == std::string_view::npos || comma == std::string_view::npos ||
      comma < equals) {
    return std::nullopt;
  }
  const auto listen = parse_address(text.substr(equals + 1, comma - equals - 1));
  const auto upstream = parse_address(text.substr(comma + 1));
  if (!listen || !upstream || upstream->port == 0) return std::nullopt;
  return Target{
      .name = std::string(text.substr(0, equals)), .listen = *listen, .upstream = *upstream};
}

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 >= argc) return std::nullopt;
    const std::string_view value = argv[i + 1];
    const auto number = parse_decimal(value);
    if (name == "--state") {
      options.state = value;
    } else if (name == "--target") {
      const auto target = parse_target(value);
      if (!target) return std::nullopt;
      options.targets.push_back(*target);
    } else if (name == "--control-port" && number && *number <= 65'535) {
      options.control = static_cast<std::uint16_t>(*number);
    } else if (name == "--seed" && number) {
      options.seed = static_cast<std::uint64_t>(*number);
    } else {
      return std::nullopt;
    }
  }
  if (options.state.empty() || options.targets.empty()) return std::nullopt;
  return options;
}

bool write_ports(const Options& options, const Relay& relay, std::uint16_t control) {
  simnet::JsonText out;
  out.object()
      .add("control", std::int64_t{control})
      .add("control_url", std::string_view("http://127.0.0.1:" + std::to_string(control)))
      .add("pid", static_cast<std::int64_t>(::getpid()))
      .add("seed", options.seed)
      .key("targets")
      .object();
  for (const auto& view : relay.targets()) {
    const Address& listen = view.target.listen;
    out.add(view.target.name, std::string_view(listen.host + ":" + std::to_string(listen.port)));
  }
  out.end_object().end_object();
  const auto draft = options.state / "ports.json.new";
  std::ofstream file(draft);
  file << out.text() << '\n';
  file.close();
  std::error_code error;
  // Appears whole: it tells others that we are ready.
  std::filesystem::rename(draft, options.state / "ports.json", error);
  return file.good() && !error;
}

void run(simnet::EventLoop& loop, RuleBook& rules, Relay& relay, simnet::HttpServer& http) {
  constexpr std::chrono::milliseconds kWaitMax{500};  // to notice a request to stop
  while (!simnet::stop_asked()) {
    SteadyTime now = read_clock();
    auto wait = kWaitMax;
    for (const auto due : {rules.next_expiry(), relay.next_due(now)}) {
      if (!due) continue;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now);
      wait = std::clamp(left, std::chrono::milliseconds(0), wait);
    }
    loop.run_once(wait);
    now = read_clock();
    if (rules.expire(now)) relay.apply_rules();
    relay.settle(now);
    http.flush();
  }
}

int complain(const std::string& why) {
  std::fprintf(stderr, "simproxy: %s\n", why.c_str());
  return 1;
}

int start(const Options& options) {
  std::error_code error;
  std::filesystem::create_directories(options.state, error);
  if (error) return complain("cannot make " + options.state.string() + ": " + error.message());
  std::filesystem::remove(options.state / "ports.json", error);
  SeededChance chance(options.seed);
  simnet::EventLoop loop;
  RuleBook rules;
  Relay relay(loop, rules, chance);
  for (const auto& target : options.targets) {
    if (!relay.serve(target)) return complain("the address of " + target.name + " is taken");
  }
  simnet::Descriptor listener = simnet::listen_on("127.0.0.1", options.control);
  if (!listener) return complain("the control port is taken");
  const std::uint16_t control_port = simnet::port_of(listener.get());
  Control control(rules, relay);
  simnet::HttpServer http(loop, control, std::move(listener));
  if (!write_ports(options, relay, control_port)) {
    return complain("cannot write " + (options.state / "ports.json").string());
  }
  std::printf("simproxy: %zu targets, control http://127.0.0.1:%u\n", options.targets.size(),
              control_port);
  std::fflush(stdout);
  run(loop, rules, relay, http);
  return 0;
}

}  // namespace
}  // namespace hubward::simproxy

int main(int argc, char** argv) {
  hubward::simnet::prepare_server_process();
  const auto options = hubward::simproxy::parse_options(argc, argv);
  if (!options) {
    std::fputs(hubward::simproxy::kUsage, stderr);
    return 2;
  }
  return hubward::simproxy::start(*options);
}
