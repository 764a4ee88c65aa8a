// What a device's cloud side needs to know besides the device itself. Same for all devices of a
// site, except the credential.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gateway/resilience/recovery.h"
#include "proto/hub/connect.h"

namespace hubward::device {

struct CloudSettings {
  std::string dps_host;
  std::uint16_t dps_port = 8883;
  std::string id_scope;
  std::string agent;  // "hubward/0.1.0": informational, in user names
  std::chrono::seconds keep_alive = hub::kHubKeepAlive;
  std::chrono::seconds token_life{3600};
  // A caller in IoT Central waits 30 s; what comes later is lost to it and must not be written.
  std::chrono::seconds command_timeout{25};
  resilience::RecoverySettings recovery;
};

}  // namespace hubward::device
