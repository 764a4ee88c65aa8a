// What goes into and comes out of the simulated cloud: times, connections, outputs, configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/mqtt/packet.h"
#include "proto/time.h"

namespace hubward::simcloud {

struct Now {
  SteadyTime steady;
  WallTime wall;
};

// Chosen by whoever owns the sockets; never used twice.
using ConnectionId = std::uint64_t;

struct Close {};
// Send this many bytes of the packet, then close without a word.
struct Cut {
  mqtt::Packet packet;
  std::size_t bytes = 0;
};
struct Output {
  ConnectionId connection;
  std::variant<mqtt::Packet, Close, Cut> what;
};

// Index into Places: 0 is DPS, 1 and up are hubs in the order of the configuration.
using Place = std::size_t;
constexpr Place kDps = 0;

struct HubConfig {
  std::string name;     // what control calls say, "hub-1"
  std::string host;     // bare host: in tokens and user names
  std::string address;  // what DPS hands out as assignedHub: host, or host:port
};

struct CloudConfig {
  std::string dps_host = "dps.invalid";
  std::string id_scope = "0ne00AB12CD";
  std::vector<HubConfig> hubs;
  std::chrono::seconds retry_after{3};  // between polls of a registration
  // How many polls until `assigned`; 0 answers the registration itself with `assigned`.
  unsigned assigning_polls = 1;
  // How long a live connection may outlive its token (reference section 1.4: 5 to 10 minutes).
  std::chrono::seconds token_grace{300};
  // A CONNECT must follow the connection within this time.
  std::chrono::seconds connect_timeout{60};
  // Registrations a minute from all devices together; 0: no limit. IoT Central takes 200
  // (reference section 4.5). What is over it is answered with 429 and a `retry-after`.
  double registrations_per_minute = 0;
  std::chrono::seconds throttled_retry_after{10};
  // What is kept for a person to look at. A simulation of a thousand devices needs neither.
  bool keep_traces = true;
  std::size_t log_bytes_max = 256 * 1024 * 1024;  // of all devices' messages together
};

// Limits of the services, reference sections 2.1, 3.3, 3.4, 3.5, 3.6.
constexpr std::size_t kDpsMessageBytesMax = 96 * 1024;
constexpr std::size_t kTelemetryBytesMax = 256 * 1024;
constexpr std::size_t kC2dBytesMax = 64 * 1024;
constexpr std::size_t kC2dQueueMax = 50;
constexpr std::size_t kSubscriptionsMax = 5;
constexpr std::chrono::seconds kKeepAliveMax{1177};
constexpr std::chrono::seconds kC2dLock{60};
constexpr std::size_t kTwinBytesMax = 32 * 1024;
constexpr std::size_t kMethodBytesMax = 128 * 1024;

// A reader with this limit sees every telemetry message that is only a little too large, so that
// the model itself can refuse it, and bounds what anything larger costs.
constexpr std::size_t kPacketBytesMax = kTelemetryBytesMax + 128 * 1024;

}  // namespace hubward::simcloud
