// Why a device is not online, step by step and in plain words: from what was found to sentences.
// For `hubward why` and the page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/path_probe.h"
#include "gateway/api/status.h"

namespace hubward::observe {

struct CloudHost {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const CloudHost&, const CloudHost&) = default;
};

// Everything that was found out. Pure data; foreign text in it is made printable here.
struct WhyFacts {
  WallTime now;
  bool clock_trusted = true;
  std::string device_id;
  std::string device_name;  // for people
  CloudHost dps;
  std::optional<CloudHost> hub;          // the one assigned; absent: none known
  std::optional<PathFindings> dps_path;  // absent: not looked at (yet)
  std::optional<PathFindings> hub_path;
  DeviceStatus status;          // the cloud side of it
  bool gateway_runs = true;     // false: `hubward why` walked by itself
  bool tried_for_this = false;  // status.last_login is of an attempt made for this answer
  bool still_trying = false;    // an attempt was under way when time was up
};

enum class StepState : std::uint8_t {
  Ok,
  Stopped,     // here it stops
  NotReached,  // an earlier step stopped
  NotAsked,    // nothing known, and nothing wrong with that
};
[[nodiscard]] std::string_view step_word(StepState state);  // "ok", "stopped here", ...

struct WhyStep {
  std::string_view part;   // "This computer", "Hub", "Provisioning (DPS)", "Equipment"
  std::string_view label;  // fixed, for programs: "hub_tls"
  std::string_view name;   // "Encryption (TLS)"
  StepState state = StepState::NotAsked;
  std::string text;  // what was found, with its figure
};

// What an IT department must let out.
struct OpenHost {
  std::string host;
  std::uint16_t port = 0;
  std::string purpose;
};

struct WhyReport {
  WallTime at;
  std::string device_id;
  std::string device_name;
  bool online = false;
  std::vector<WhyStep> steps;  // in the order of the walk
  // In one sentence each: what is wrong (or that nothing is), what somebody must do, what hubward
  // does by itself. The last two may be empty.
  std::string verdict;
  std::string person_does;
  std::string gateway_does;
  std::vector<OpenHost> open;  // outwards; inwards nothing
};

[[nodiscard]] WhyReport why(const WhyFacts& facts);

// As JSON: {"now_ms", "device", "name", "online", "verdict", "person_does", "gateway_does",
// "steps": [{"part", "step", "name", "state", "text"}], "open": [{"host", "port", "for"}]}.
// `looking`: some of it is still being looked at; ask again in a second.
[[nodiscard]] std::string why_json(const WhyReport& report, bool looking);

}  // namespace hubward::observe
