// What the cloud knows about one device: its enrollment, the hub it is on, session, twin, queues.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/cloud/ledger.h"
#include "tests/sim/cloud/signature.h"
#include "tests/sim/cloud/trace.h"
#include "tests/sim/cloud/twin.h"
#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

// What happens to the data when a registration finds another hub (reference section 7.3).
enum class Reprovision : std::uint8_t { Migrate, Reset, Never };

struct Enrollment {
  std::string name;  // group name, or the registration id of an individual one
  bool group = false;
  std::vector<Key> keys;    // primary, secondary
  std::string device_id;    // individual only; the registration id if empty
  std::vector<Place> hubs;  // devices are spread over them in turn
  Reprovision policy = Reprovision::Migrate;
  bool disabled = false;
  bool assigned = false;  // individual only: on its hub already, as after an earlier registration
  std::optional<unsigned> polls;  // instead of CloudConfig::assigning_polls
  std::string desired;            // first desired properties, a JSON object or empty
  std::size_t next_hub = 0;
};

struct C2dMessage {
  std::uint64_t number = 0;
  std::string bag;  // encoded, as it goes into the topic
  std::string body;
  SteadyTime expires{};
  mqtt::PacketId in_flight = 0;  // 0: waiting
  std::uint64_t lock = 0;        // grows with each delivery; a lock timer of an older one is void
  bool delivered_before = false;
};

struct Failover {
  Place to = 0;
  std::uint64_t number = 0;  // a timer of an older failover is void
};

struct DpsCounts {
  std::uint64_t connects = 0;
  std::uint64_t conversations = 0;  // registrations asked for
  std::uint64_t polls = 0;
  std::uint64_t impatient_polls = 0;          // before retry-after was over
  std::uint64_t impatient_registrations = 0;  // before the retry-after of a refusal was over
  SteadyTime registration_allowed{};          // that retry-after
  std::uint64_t assigned = 0;
  std::map<std::string, std::uint64_t> refused;  // by "401", "failed 400209", "disabled" ...
};

struct HubCounts {
  std::uint64_t connects = 0;
  std::map<std::string, std::uint64_t> refused;  // "5 moved", "5 bad signature", "3 fault" ...
  std::map<std::string, std::uint64_t> closed;   // by reason, "taken over", "keep-alive" ...
  std::uint64_t c2d_completed = 0;
  std::uint64_t methods_answered = 0;
  std::uint64_t twin_gets = 0;
  std::uint64_t twin_reports = 0;
};

struct Device {
  std::string id;
  std::string registration_id;
  WallTime created{};
  Enrollment* enrollment = nullptr;
  std::vector<Key> keys;  // its own, or derived from the group's
  Place home = 0;         // where its enrollment allocates it

  std::optional<Place> hub;         // where its identity is now
  std::optional<Place> former_hub;  // where it was before a failover or deletion took it away
  bool was_deleted = false;
  std::optional<Failover> failover;
  std::uint64_t failovers = 0;
  bool disabled = false;                // in the hub
  bool enabled_by_registering = false;  // `disabled` ends with the next registration
  bool blocked = false;

  std::optional<ConnectionId> connection;
  bool session_kept = false;  // there is a session to come back to
  std::map<std::string, mqtt::Qos, std::less<>> subscriptions;  // by filter
  Twin twin;
  std::deque<C2dMessage> c2d;
  std::uint64_t c2d_count = 0;
  std::string dps_payload;    // of the last registration, JSON
  std::string hub_user_name;  // of the last CONNECT
  Ledger ledger;
  Trace trace;
  HubCounts counts;
};

}  // namespace hubward::simcloud
