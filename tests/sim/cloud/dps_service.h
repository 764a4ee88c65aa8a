// The Device Provisioning Service over MQTT (reference section 2).
#pragma once

#include <map>
#include <string>

#include "tests/sim/cloud/registration_limit.h"
#include "tests/sim/cloud/world.h"

namespace hubward::simcloud {

class DpsService {
 public:
  explicit DpsService(World& world)
      : world_(world), limit_(world.config.registrations_per_minute) {}

  void on_connect(Connection& connection, mqtt::Connect&& packet, Now now);
  void on_packet(Connection& connection, mqtt::Packet&& packet, Now now);

 private:
  struct Operation {
    std::string id;
    unsigned polls_left = 0;
  };
  struct Reply {
    int status = 200;
    std::string json;
    std::chrono::seconds retry_after{0};  // 0: not sent
  };

  void on_subscribe(Connection& connection, const mqtt::Subscribe& packet, Now now);
  void on_publish(Connection& connection, mqtt::Publish&& packet, Now now);
  Reply on_register(Connection& connection, std::string_view body, Now now);
  Reply on_poll(Connection& connection, std::string_view query, Now now);
  struct Refusal {
    int status;
    std::int64_t code;
    std::string_view message;
  };
  // The device whose credentials the connection carries, or why there is none.
  tl::expected<Device*, Refusal> authenticate(const Connection& connection, Now now);
  Device* device_of_group(Enrollment& group, const std::string& registration_id, Now now);
  Reply finish(Device& device, const std::string& operation_id, Now now);
  std::string assign(Device& device, Now now);
  Reply error(const Connection& connection, const Refusal& refusal, Now now);
  Reply throttled(const Connection& connection, Now now);
  Reply failed(Device& device, const std::string& operation_id, std::int64_t code,
               std::string_view message, Now now);
  Reply disabled(Device& device, Now now);
  Reply faulty(Connection& connection, Fault& fault, Device* device,
               const std::string& operation_id, Now now);
  DpsCounts& counts_of(const Connection& connection);

  World& world_;
  RegistrationLimit limit_;
  // The last one of each registration; asking again makes the one before void.
  std::map<std::string, Operation, std::less<>> operations_;
};

}  // namespace hubward::simcloud
