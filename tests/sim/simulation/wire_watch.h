// What the network shows to those who judge: every attempt, how it ended, every message sent.
#pragma once

#include <string>
#include <string_view>

#include "proto/time.h"

namespace hubward::simulation {

inline constexpr std::string_view kDpsHost = "dps.invalid";

// How far a connection of ours came, and how it ended.
enum class LinkOutcome : std::uint8_t {
  Unreachable,      // name or TCP
  Silent,           // no CONNACK in time
  RefusedBusy,      // CONNACK 3
  RefusedIdentity,  // CONNACK 2, 4, 5
  RefusedOther,
  ClosedBeforeLogin,
  ClosedInSession,  // by the cloud, or it went silent
  LeftByUs,         // a session, for reasons of our own
};

// On the world's loop. `host` is kDpsHost or a hub's; `client` is the device's id.
class WireWatch {
 public:
  virtual ~WireWatch() = default;
  virtual void on_attempt(const std::string& host, const std::string& client, SteadyTime now) = 0;
  virtual void on_login(const std::string& host, const std::string& client, SteadyTime now) = 0;
  virtual void on_registration(const std::string& client, SteadyTime now) = 0;
  // An answer of DPS has reached the gateway: refused, and not again before that time.
  virtual void on_dps_refusal(const std::string& client, SteadyTime until) = 0;
  // `answer`: what DPS says, with the hub's name in it.
  virtual void on_assigned(const std::string& client, std::string_view answer, SteadyTime now) = 0;
  virtual void on_end(const std::string& host, const std::string& client, LinkOutcome outcome,
                      SteadyTime now) = 0;
  virtual void on_telemetry(const std::string& host, const std::string& client,
                            std::string_view topic, std::string_view body, SteadyTime now) = 0;
};

}  // namespace hubward::simulation
