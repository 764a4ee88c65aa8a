// DPS and any number of IoT Hubs without I/O: packets and control calls in, packets out, time
// passed in. Served over TLS by simcloud, or driven directly by a deterministic simulation:
//
//   CloudModel cloud(config, random);
//   cloud.enroll({.name = "press-07", .keys = {key}, .hubs = {1}}, now);
//   if (cloud.open(1, "dps.invalid", now) == Admission::Accepted) ...
//   cloud.receive(1, mqtt::Connect{...}, now);
//   for (auto& output : cloud.take_outputs()) deliver(output);
//   at cloud.next_wakeup(): cloud.advance(now);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/cloud/dps_service.h"
#include "tests/sim/cloud/hub_service.h"
#include "tests/sim/cloud/world.h"

namespace hubward::simcloud {

// What happens to a connection at the door.
enum class Admission : std::uint8_t {
  Accepted,
  Refused,  // as by a TCP reset
  Ignored,  // the connection stands, and nobody ever answers on it
};

// Single-threaded. Each call may leave outputs; take them after it.
class CloudModel {
 public:
  // `random` outlives the model.
  CloudModel(CloudConfig config, RandomSource& random);

  // --- Connections. `host` is the bare host of DPS or of a hub. Refused connections are unknown
  // afterwards; an Ignored one ends with closed_by_peer().
  [[nodiscard]] Admission open(ConnectionId connection, std::string_view host, Now now);
  void receive(ConnectionId connection, mqtt::Packet packet, Now now);
  // The stream held something that is no MQTT packet, or one over the limit.
  void protocol_error(ConnectionId connection, Now now);
  void closed_by_peer(ConnectionId connection, Now now);
  void advance(Now now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const { return world_.next_timer(); }
  [[nodiscard]] std::vector<Output> take_outputs();
  // Whether a place would accept connections; false while it is down.
  [[nodiscard]] bool is_up(Place place);

  // --- Control. `device` is a device id.
  // An unknown name is Malformed, with the reason.
  Status enroll(Enrollment enrollment, Now now);
  Status disable_enrollment(std::string_view name, bool disabled);
  // The identity in the hub. With `until_registered` it is enabled again by the next registration.
  Status disable(std::string_view device, bool until_registered, Now now);
  Status enable(std::string_view device);
  Status remove_identity(std::string_view device, Now now);
  Status block(std::string_view device, bool blocked, Now now);
  // Cuts the connection and nothing else.
  Status drop(std::string_view device, Now now);
  // Removes the identity from its hub; DPS assigns `to` until `time_to_live` is over (absent: for
  // good), and then the first hub again.
  Status fail_over(std::string_view device, Place to,
                   std::optional<std::chrono::milliseconds> time_to_live, Now now);
  // Every device of the hub; `to` absent: the next other hub. Returns how many.
  std::size_t fail_over_hub(Place from, std::optional<Place> to,
                            std::optional<std::chrono::milliseconds> time_to_live, Now now);
  std::uint64_t add_fault(Fault fault, Now now);
  bool remove_fault(std::uint64_t id, Now now);
  void clear_faults(Now now);

  // Tests may look at everything; only the calls above change it.
  World& world() { return world_; }
  HubService& hubs() { return hubs_; }

 private:
  void watch_keep_alive(ConnectionId id, Now now);
  void drop_identity(Device& device, std::string reason, Now now);
  void end_failover(Device& device, Now now);
  void apply_faults(Now now);
  bool is_silent(Place place);

  World world_;
  DpsService dps_;
  HubService hubs_;
};

}  // namespace hubward::simcloud
