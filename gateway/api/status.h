// What the gateway shows of itself: the page, `hubward status` and the metrics are three views of
// it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/outbox.h"
#include "gateway/api/reading.h"
#include "gateway/api/southbound.h"
#include "proto/error_code.h"
#include "proto/time.h"

namespace hubward {

enum class CloudState : std::uint8_t {
  Starting,
  WaitingForTurn,  // shared admission lets only so many connect at once
  Provisioning,    // talking to DPS
  Connecting,
  Online,
  BackingOff,          // waits, then tries by itself
  WaitingForOperator,  // tries slowly; somebody has to change something in the cloud
  Stopped,
};

// How the last attempt at a hub, or the last conversation with DPS, ended.
struct CloudAttempt {
  WallTime at;
  std::optional<ErrorCode> failure;  // absent: it succeeded
  std::string detail;                // host, codes, tracking id; never a secret
};

struct TagStatus {
  std::optional<TagReading> last;
  WallTime at;
  SteadyTime at_steady{};  // the same instant, immune to clock steps
};

// What came from a device and could not be used, since something last could be.
struct UselessInput {
  static constexpr std::size_t kSampleBytesMax = 80;
  std::uint64_t count = 0;
  ErrorCode code{};    // of the newest
  std::string sample;  // its beginning; as it came, not made printable
  WallTime since;
};

struct DeviceStatus {
  DeviceIndex device;
  CloudState cloud = CloudState::Starting;
  WallTime cloud_since;
  std::optional<ErrorCode> cloud_failure;  // why not online; words in failure_words.h
  std::optional<ErrorCode> cloud_trouble;  // online, and yet: properties or commands do not work
  std::string cloud_detail;                // host, codes, tracking id; never a secret
  std::optional<WallTime> next_attempt;
  std::string assigned_hub;    // empty: none known
  std::uint32_t attempts = 0;  // failures in a row
  FieldState field;
  WallTime field_since;
  std::vector<TagStatus> tags;  // as DeviceDescription::tags
  UselessInput useless;
  OutboxCounts outbox;
  std::optional<WallTime> last_delivered;  // newest PUBACK
  std::optional<WallTime> token_expires;   // of the session under way
  std::optional<CloudAttempt> last_login;  // in this run
  std::optional<CloudAttempt> last_provisioning;
  std::uint64_t hub_connects = 0;
  std::uint64_t dps_conversations = 0;
  std::uint64_t commands = 0;
  std::uint64_t command_failures = 0;
};

// A hub, or the provisioning service, as all devices together found it.
struct EndpointStatus {
  enum class State : std::uint8_t {
    Answers,
    Silent,     // one device looks for it, the others wait
    Returning,  // answers again; more and more devices may try
  };
  std::string host;
  bool is_dps = false;
  State state = State::Answers;
  std::optional<WallTime> next_look;  // while Silent
  std::size_t waiting = 0;            // devices in line
  bool closes_everybody = false;      // soon after every login
};

// What happened, newest last, for the page's journal and a device's history. Bounded by its keeper.
struct SiteEvent {
  WallTime at;
  std::optional<DeviceIndex> device;
  std::string event;  // fixed word, as in the log
  std::string text;   // one sentence for a technician
};

// Receives changes on the devices' loops and hands out copies to other threads.
class StatusSink {
 public:
  virtual ~StatusSink() = default;
  virtual void device(const DeviceStatus& status) = 0;
  virtual void bad_input(const BadInput& input) = 0;
  virtual void event(SiteEvent event) = 0;
};

}  // namespace hubward
