// simcloud: the simulated cloud over TLS, with its HTTP control side. See README.md.
#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "proto/percent.h"
#include "tests/sim/cloud/certificates.h"
#include "tests/sim/cloud/clocks.h"
#include "tests/sim/cloud/control.h"
#include "tests/sim/cloud/tls_server.h"
#include "tests/sim/net/http_server.h"
#include "tests/sim/net/json_text.h"
#include "tests/sim/net/server_process.h"

namespace hubward::simcloud {
namespace {

using simnet::HttpServer;
using simnet::JsonText;
using simnet::listen_on;
using simnet::port_of;

class SystemRandom : public RandomSource {
 public:
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_{std::random_device{}()};
};

// The control side, which takes its time from outside, behind a server that has none.
class ControlNow : public simnet::HttpHandler {
 public:
  explicit ControlNow(Control& control) : control_(control) {}
  std::optional<HttpResponse> handle(const HttpRequest& request, std::uint64_t token) override {
    return control_.handle(request, token, read_clocks());
  }
  std::vector<std::pair<std::uint64_t, HttpResponse>> take_finished() override {
    return control_.take_finished();
  }

 private:
  Control& control_;
};

struct Options {
  std::filesystem::path state;
  std::uint16_t port = 0;
  std::uint16_t control = 0;
  std::size_t hubs = 2;
  std::string address = "127.0.0.1";
  std::map<std::size_t, std::string> hub_hosts;    // by number, from 1
  std::map<std::size_t, std::uint16_t> hub_ports;  // handed out instead of the real one
  CloudConfig cloud;
};

constexpr const char* kUsage =
    "usage: simcloud --state DIR [--port N] [--control-port N] [--hubs N] [--address IP]\n"
    "                [--hub-host N=NAME] [--hub-port N=PORT] [--scope ID] [--retry-after S]\n"
    "                [--polls N] [--token-grace S]\n";

std::optional<Options> parse_options(int argc, char** argv) {
  constexpr std::int64_t kHubsMax = 100;
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 >= argc) return std::nullopt;
    const std::string_view value = argv[i + 1];
    const auto number = parse_decimal(value);
    if (name == "--state") {
      options.state = value;
    } else if (name == "--address") {
      options.address = value;
    } else if (name == "--scope") {
      options.cloud.id_scope = value;
    } else if (name == "--hub-host" && value.find('=') != std::string_view::npos) {
      const auto hub = parse_decimal(value.substr(0, value.find('=')));
      if (!hub) return std::nullopt;
      options.hub_hosts[static_cast<std::size_t>(*hub)] = value.substr(value.find('=') + 1);
    } else if (name == "--hub-port" && value.find('=') != std::string_view::npos) {
      const auto hub = parse_decimal(value.substr(0, value.find('=')));
      const auto port = parse_decimal(value.substr(value.find('=') + 1));
      if (!hub || !port || *port > 65'535) return std::nullopt;
      options.hub_ports[static_cast<std::size_t>(*hub)] = static_cast<std::uint16_t>(*port);
    } else if (!number || *number > 65'535) {
      return std::nullopt;
    } else if (name == "--port") {
      options.port = static_cast<std::uint16_t>(*number);
    } else if (name == "--control-port") {
      options.control = static_cast<std::uint16_t>(*number);
    } else if (name == "--hubs" && *number >= 1 && *number <= kHubsMax) {
      options.hubs = static_cast<std::size_t>(*number);
    } else if (name == "--retry-after") {
      options.cloud.retry_after = std::chrono::seconds(*number);
    } else if (name == "--polls") {
      options.cloud.assigning_polls = static_cast<unsigned>(*number);
    } else if (name == "--token-grace") {
      options.cloud.token_grace = std::chrono::seconds(*number);
    } else {
      return std::nullopt;
    }
  }
  if (options.state.empty()) return std::nullopt;
  return options;
}

// "127.0.0.1" and 2 to "127.0.0.3".
std::string address_after(const std::string& first, std::size_t steps) {
  in_addr where{};
  if (::inet_pton(AF_INET, first.c_str(), &where) != 1) return {};
  where.s_addr = htonl(ntohl(where.s_addr) + static_cast<std::uint32_t>(steps));
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &where, text, sizeof text) != nullptr ? text : "";
}

// Listeners of all places on one port. With port 0 a port that is free on the first address may be
// taken on another, so several are tried.
std::vector<Descriptor> bind_all(const std::vector<std::string>& addresses, std::uint16_t port) {
  constexpr int kTries = 50;
  for (int i = 0; i < (port == 0 ? kTries : 1); ++i) {
    std::vector<Descriptor> listeners;
    std::uint16_t chosen = port;
    for (const auto& address : addresses) {
      Descriptor listener = listen_on(address, chosen);
      if (!listener) break;
      chosen = port_of(listener.get());
      listeners.push_back(std::move(listener));
    }
    if (listeners.size() == addresses.size()) return listeners;
  }
  return {};
}

bool write_ports(const Options& options, const World& world, std::uint16_t port,
                 std::uint16_t control) {
  JsonText out;
  const std::string suffix = ":" + std::to_string(port);
  out.object()
      .add("port", port)
      .add("control", control)
      .add("control_url", "http://127.0.0.1:" + std::to_string(control))
      .add("dps", options.address + suffix)
      .add("id_scope", world.config.id_scope)
      .add("ca", std::filesystem::absolute(options.state / "ca.pem").string())
      .add("pid", static_cast<std::int64_t>(::getpid()))
      .key("hubs")
      .array();
  for (Place place = 1; place < world.places.size(); ++place) {
    const PlaceState& hub = world.places[place];
    out.object()
        .add("name", hub.name)
        .add("host", hub.host)
        .add("address", hub.address)
        .add("listens_on", address_after(options.address, place) + suffix)
        .end_object();
  }
  out.end_array().end_object();
  const auto path = options.state / "ports.json";
  const auto draft = options.state / "ports.json.new";
  std::ofstream file(draft);
  file << out.text() << '\n';
  file.close();
  std::error_code error;
  std::filesystem::rename(draft, path, error);  // appears whole: it tells others we are ready
  return file.good() && !error;
}

void run(EventLoop& loop, CloudModel& model, TlsServer& tls, HttpServer& http) {
  constexpr std::chrono::milliseconds kWaitMax{500};  // to notice a request to stop
  while (!simnet::stop_asked()) {
    Now now = read_clocks();
    auto wait = kWaitMax;
    for (const auto due : {model.next_wakeup(), tls.next_deadline()}) {
      if (!due) continue;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now.steady);
      wait = std::clamp(left, std::chrono::milliseconds(0), wait);
    }
    loop.run_once(wait);
    now = read_clocks();
    model.advance(now);
    http.collect();
    tls.settle(now);
    http.flush();
  }
}

int fail(const std::string& why) {
  std::fprintf(stderr, "simcloud: %s\n", why.c_str());
  return 1;
}

int start(Options options) {
  std::error_code error;
  std::filesystem::create_directories(options.state, error);
  if (error) return fail("cannot make " + options.state.string() + ": " + error.message());
  std::filesystem::remove(options.state / "ports.json", error);
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i <= options.hubs; ++i) {
    addresses.push_back(address_after(options.address, i));
  }
  auto listeners = bind_all(addresses, options.port);
  if (listeners.empty()) return fail("the port is taken on one of the addresses");
  const std::uint16_t port = port_of(listeners.front().get());
  Descriptor control_listener = listen_on("127.0.0.1", options.control);
  if (!control_listener) return fail("the control port is taken");
  const std::uint16_t control_port = port_of(control_listener.get());

  std::vector<std::string> names{"localhost"};
  options.cloud.dps_host = options.address;
  for (std::size_t i = 1; i <= options.hubs; ++i) {
    const auto named = options.hub_hosts.find(i);
    const bool has_name = named != options.hub_hosts.end();
    if (has_name) names.push_back(named->second);
    const std::string host = has_name ? named->second : addresses[i];
    const auto other_port = options.hub_ports.find(i);
    const auto handed_out = other_port == options.hub_ports.end() ? port : other_port->second;
    options.cloud.hubs.push_back(
        {"hub-" + std::to_string(i), host, host + ":" + std::to_string(handed_out)});
  }
  auto context = make_server_context(options.state, addresses, names);
  if (!context) return fail(context.error().context);

  SystemRandom random;
  CloudModel model(options.cloud, random);
  Control control(model);
  EventLoop loop;
  TlsServer tls(loop, model, context->get());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    tls.serve(i, addresses[i], std::move(listeners[i]));
  }
  ControlNow control_now(control);
  HttpServer http(loop, control_now, std::move(control_listener));
  if (!write_ports(options, model.world(), port, control_port)) {
    return fail("cannot write " + (options.state / "ports.json").string());
  }
  std::printf("simcloud: dps %s:%u, %zu hubs, control http://127.0.0.1:%u\n",
              options.address.c_str(), port, options.hubs, control_port);
  std::fflush(stdout);
  run(loop, model, tls, http);
  return 0;
}

}  // namespace
}  // namespace hubward::simcloud

int main(int argc, char** argv) {
  hubward::simnet::prepare_server_process();
  auto options = hubward::simcloud::parse_options(argc, argv);
  if (!options) {
    std::fputs(hubward::simcloud::kUsage, stderr);
    return 2;
  }
  return hubward::simcloud::start(std::move(*options));
}
