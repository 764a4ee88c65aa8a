#include "tests/sim/cloud/dps_service.h"

#include "proto/iso_time.h"
#include "proto/json.h"
#include "proto/percent.h"
#include "tests/sim/net/json_text.h"

namespace hubward::simcloud {
namespace {

using simnet::JsonText;

// CONNECT user name "{scope}/registrations/{id}/api-version=2019-03-31&ClientVersion=.."
// SUBSCRIBE "$dps/registrations/res/#"
// PUBLISH "$dps/registrations/PUT/iotdps-register/?$rid=1" {"registrationId":"press-07"}
// PUBLISH "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.ab"
// answer "$dps/registrations/res/202/?$rid=1&retry-after=3" {"operationId":"4.ab","status":..}
constexpr std::string_view kFilter = "$dps/registrations/res/#";
constexpr std::string_view kRegister = "$dps/registrations/PUT/iotdps-register/?";
constexpr std::string_view kPoll = "$dps/registrations/GET/iotdps-get-operationstatus/?";
constexpr std::size_t kRegistrationsMax = 50'000;  // ids that are counted one by one

struct UserName {
  std::string scope;
  std::string registration_id;
};

std::optional<UserName> parse_user_name(std::string_view text) {
  constexpr std::string_view kMiddle = "/registrations/";
  const std::size_t middle = text.find(kMiddle);
  if (middle == std::string_view::npos || middle == 0) return std::nullopt;
  const std::string_view rest = text.substr(middle + kMiddle.size());
  const std::size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  if (!rest.substr(slash + 1).starts_with("api-version=")) return std::nullopt;
  return UserName{std::string(text.substr(0, middle)), std::string(rest.substr(0, slash))};
}

}  // namespace

DpsCounts& DpsService::counts_of(const Connection& connection) {
  auto found = world_.dps_counts.find(connection.registration_id);
  if (found != world_.dps_counts.end()) return found->second;
  const bool full = world_.dps_counts.size() >= kRegistrationsMax;
  return world_.dps_counts[full ? "(others)" : connection.registration_id];
}

void DpsService::on_connect(Connection& connection, mqtt::Connect&& packet, Now now) {
  const auto name = parse_user_name(packet.user_name.value_or(""));
  if (name) {
    connection.scope = name->scope;
    connection.registration_id = name->registration_id;
    connection.password = packet.password.value_or("");
    ++counts_of(connection).connects;
    // Only to know whose trace this is; a wrong key is refused later, by message (section 0.4).
    if (const auto device = authenticate(connection, now)) connection.device = *device;
  }
  if (connection.device != nullptr) {
    connection.device->trace.add(connection.id, kDps, now.wall, true, mqtt::Packet(packet));
  }
  if (packet.protocol_level != mqtt::kProtocolLevel311) {
    return world_.refuse(connection, 1, "protocol level", now);
  }
  if (Fault* fault = world_.faults.find(FaultKind::Connack, kDps, connection.registration_id)) {
    const auto code = static_cast<std::uint8_t>(fault->code);
    world_.faults.use(*fault);
    return world_.refuse(connection, code, "fault", now);
  }
  if (!name) return world_.refuse(connection, 4, "user name", now);
  if (packet.client_id != name->registration_id) {
    return world_.refuse(connection, 2, "client id", now);
  }
  connection.connected = true;
  connection.keep_alive = packet.keep_alive;
  ++world_.places[kDps].counts.connects;
  world_.send(connection, mqtt::Connack{}, now);
}

void DpsService::on_packet(Connection& connection, mqtt::Packet&& packet, Now now) {
  if (auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    on_publish(connection, std::move(*publish), now);
  } else if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&packet)) {
    on_subscribe(connection, *subscribe, now);
  } else if (const auto* unsubscribe = std::get_if<mqtt::Unsubscribe>(&packet)) {
    for (const auto& filter : unsubscribe->filters) {
      if (filter == kFilter) connection.dps_subscription.reset();
    }
    world_.send(connection, mqtt::Unsuback{unsubscribe->packet_id}, now);
  } else if (!std::holds_alternative<mqtt::Puback>(packet)) {
    world_.close(connection, "unexpected packet", now);
  }
}

void DpsService::on_subscribe(Connection& connection, const mqtt::Subscribe& packet, Now now) {
  mqtt::Suback answer{.packet_id = packet.packet_id};
  for (const auto& item : packet.subscriptions) {
    const auto granted = std::min(item.qos, mqtt::Qos::AtLeastOnce);
    if (item.filter == kFilter) connection.dps_subscription = granted;
    answer.return_codes.push_back(item.filter == kFilter ? static_cast<std::uint8_t>(granted)
                                                         : mqtt::kSubscriptionRefused);
  }
  world_.send(connection, std::move(answer), now);
}

void DpsService::on_publish(Connection& connection, mqtt::Publish&& packet, Now now) {
  if (packet.qos == mqtt::Qos::ExactlyOnce) return world_.close(connection, "QoS 2", now);
  if (packet.payload.size() > kDpsMessageBytesMax) {
    return world_.close(connection, "message too large", now);
  }
  const std::string_view topic = packet.topic;
  const bool registers = topic.starts_with(kRegister);
  if (!registers && !topic.starts_with(kPoll)) {
    return world_.close(connection, "unknown topic", now);
  }
  const std::string_view query = topic.substr(registers ? kRegister.size() : kPoll.size());
  const auto pairs = split_bag(query);
  const auto rid = pairs ? find_raw(*pairs, "$rid") : std::nullopt;
  if (!rid || rid->empty()) return world_.close(connection, "no request id", now);
  const Reply reply =
      registers ? on_register(connection, packet.payload, now) : on_poll(connection, query, now);
  if (packet.qos == mqtt::Qos::AtLeastOnce) {
    world_.send(connection, mqtt::Puback{packet.packet_id}, now);
  }
  if (!connection.dps_subscription) return;
  mqtt::Publish answer{.topic = "$dps/registrations/res/" + std::to_string(reply.status) +
                                "/?$rid=" + std::string(*rid),
                       .payload = reply.json,
                       .qos = *connection.dps_subscription};
  if (reply.retry_after.count() > 0) {
    answer.topic += "&retry-after=" + std::to_string(reply.retry_after.count());
    connection.poll_allowed = now.steady + reply.retry_after;
  }
  if (answer.qos != mqtt::Qos::AtMostOnce) {
    answer.packet_id = connection.next_packet_id;
    connection.next_packet_id =
        static_cast<mqtt::PacketId>(connection.next_packet_id % 0xFFFFU + 1U);
  }
  world_.send(connection, std::move(answer), now);
}

DpsService::Reply DpsService::error(const Connection& connection, const Refusal& refusal, Now now) {
  ++counts_of(connection).refused[std::to_string(refusal.status)];
  return {.status = refusal.status,
          .json = JsonText()
                      .object()
                      .add("errorCode", refusal.code)
                      .add("trackingId", world_.random_hex(32))
                      .add("message", refusal.message)
                      .add("timestampUtc", to_iso8601(world_.cloud_time(now)))
                      .end_object()
                      .text()};
}

DpsService::Reply DpsService::throttled(const Connection& connection, Now now) {
  Reply reply = error(connection, {429, 429001, "too many registrations"}, now);
  reply.retry_after = world_.config.throttled_retry_after;
  counts_of(connection).registration_allowed = now.steady + reply.retry_after;
  return reply;
}

DpsService::Reply DpsService::failed(Device& device, const std::string& operation_id,
                                     std::int64_t code, std::string_view message, Now now) {
  ++world_.dps_counts[device.registration_id].refused["failed " + std::to_string(code)];
  return {.status = 200,
          .json = JsonText()
                      .object()
                      .add("operationId", operation_id)
                      .add("status", "failed")
                      .key("registrationState")
                      .object()
                      .add("registrationId", device.registration_id)
                      .add("status", "failed")
                      .add("errorCode", code)
                      .add("errorMessage", message)
                      .add("lastUpdatedDateTimeUtc", to_iso8601(world_.cloud_time(now)))
                      .end_object()
                      .end_object()
                      .text()};
}

DpsService::Reply DpsService::disabled(Device& device, Now) {
  ++world_.dps_counts[device.registration_id].refused["disabled"];
  return {.status = 200,
          .json = JsonText()
                      .object()
                      .add("operationId", "")
                      .add("status", "disabled")
                      .key("registrationState")
                      .object()
                      .add("registrationId", device.registration_id)
                      .add("status", "disabled")
                      .end_object()
                      .end_object()
                      .text()};
}

DpsService::Reply DpsService::faulty(Connection& connection, Fault& fault, Device* device,
                                     const std::string& operation_id, Now now) {
  const Fault what = fault;
  world_.faults.use(fault);
  if (device != nullptr && what.text == "failed") {
    return failed(*device, operation_id, what.error_code, "refused by a fault", now);
  }
  if (device != nullptr && what.text == "disabled") return disabled(*device, now);
  Reply reply = error(connection, {what.code, what.error_code, "refused by a fault"}, now);
  reply.retry_after = what.retry_after;
  counts_of(connection).registration_allowed = now.steady + reply.retry_after;
  return reply;
}

tl::expected<Device*, DpsService::Refusal> DpsService::authenticate(const Connection& connection,
                                                                    Now now) {
  const auto refuse = [](int status, std::int64_t code, std::string_view why) {
    return tl::unexpected(Refusal{status, code, why});
  };
  if (connection.scope != world_.config.id_scope) return refuse(404, 404201, "no such ID scope");
  const std::string resource = connection.scope + "/registrations/" + connection.registration_id;
  const auto is_good = [&](const std::vector<Key>& keys) {
    return check_token(connection.password, resource, keys, world_.cloud_time(now)).fault ==
           TokenFault::None;
  };
  const auto known = world_.devices_by_registration.find(connection.registration_id);
  if (known != world_.devices_by_registration.end()) {
    if (is_good(known->second->keys)) return known->second;
    return refuse(401, 401002, "Unauthorized");
  }
  bool any_group = false;
  for (const auto& enrollment : world_.enrollments) {
    if (!enrollment->group) continue;
    any_group = true;
    std::vector<Key> keys;
    for (const Key& key : enrollment->keys) {
      keys.push_back(derive_device_key(key, connection.registration_id));
    }
    if (is_good(keys)) {
      return device_of_group(*enrollment, connection.registration_id, now);
    }
  }
  if (any_group) return refuse(401, 401002, "Unauthorized");
  return refuse(404, 404201, "no such enrollment");
}

Device* DpsService::device_of_group(Enrollment& group, const std::string& registration_id,
                                    Now now) {
  auto device = std::make_unique<Device>();
  device->id = registration_id;
  device->created = world_.cloud_time(now);
  device->registration_id = registration_id;
  device->enrollment = &group;
  device->trace.keep(world_.config.keep_traces);
  for (const Key& key : group.keys) {
    device->keys.push_back(derive_device_key(key, registration_id));
  }
  device->home = group.hubs[group.next_hub++ % group.hubs.size()];
  if (!group.desired.empty()) static_cast<void>(device->twin.patch_desired(group.desired));
  Device* result = device.get();
  world_.devices_by_registration[registration_id] = result;
  world_.devices[registration_id] = std::move(device);
  return result;
}

DpsService::Reply DpsService::on_register(Connection& connection, std::string_view body, Now now) {
  DpsCounts& counts = counts_of(connection);
  ++counts.conversations;
  if (now.steady < counts.registration_allowed) ++counts.impatient_registrations;
  if (Fault* fault = world_.faults.find(FaultKind::DpsAnswer, kDps, connection.registration_id);
      fault != nullptr && !fault->at_poll && fault->text.empty()) {
    return faulty(connection, *fault, nullptr, {}, now);
  }
  const auto document = json::parse(body, {.bytes_max = kDpsMessageBytesMax});
  const auto* payload = document ? json::find(*document, "payload") : nullptr;
  if (!document ||
      json::as_string(json::find(*document, "registrationId")) != connection.registration_id ||
      (payload != nullptr && !payload->IsObject() && !payload->IsNull())) {
    return error(connection, {400, 400004, "malformed registration"}, now);
  }
  if (!limit_.take(now.steady)) return throttled(connection, now);
  const auto device = authenticate(connection, now);
  if (!device) return error(connection, device.error(), now);
  connection.device = *device;
  (*device)->dps_payload = payload != nullptr ? json::to_text(*payload) : std::string();
  if ((*device)->enrollment->disabled) return disabled(**device, now);
  const std::string operation_id = "4." + world_.random_hex(16) + "." + world_.random_hex(32);
  if (Fault* fault = world_.faults.find(FaultKind::DpsAnswer, kDps, connection.registration_id);
      fault != nullptr && !fault->at_poll) {
    return faulty(connection, *fault, *device, operation_id, now);
  }
  const unsigned polls = (*device)->enrollment->polls.value_or(world_.config.assigning_polls);
  if (polls == 0) return finish(**device, operation_id, now);
  operations_[connection.registration_id] = {operation_id, polls};
  return {.status = 202,
          .json = JsonText()
                      .object()
                      .add("operationId", operation_id)
                      .add("status", "assigning")
                      .end_object()
                      .text(),
          .retry_after = world_.config.retry_after};
}

DpsService::Reply DpsService::on_poll(Connection& connection, std::string_view query, Now now) {
  DpsCounts& counts = counts_of(connection);
  ++counts.polls;
  if (now.steady < connection.poll_allowed) ++counts.impatient_polls;
  const auto pairs = split_bag(query);
  const auto id = pairs ? find_raw(*pairs, "operationId") : std::nullopt;
  const auto decoded = id ? percent_decode(*id) : Result<std::string>(std::string());
  const auto operation = operations_.find(connection.registration_id);
  if (operation == operations_.end() || !decoded || operation->second.id != *decoded) {
    return error(connection, {404, 404205, "no such operation"}, now);
  }
  const std::string operation_id = *decoded;
  const auto device = authenticate(connection, now);
  if (!device) return error(connection, device.error(), now);
  if (Fault* fault = world_.faults.find(FaultKind::DpsAnswer, kDps, connection.registration_id);
      fault != nullptr && fault->at_poll) {
    return faulty(connection, *fault, *device, operation_id, now);
  }
  if (--operation->second.polls_left > 0) {
    return {.status = 202,
            .json = JsonText()
                        .object()
                        .add("operationId", operation_id)
                        .add("status", "assigning")
                        .end_object()
                        .text(),
            .retry_after = world_.config.retry_after};
  }
  operations_.erase(operation);
  return finish(**device, operation_id, now);
}

DpsService::Reply DpsService::finish(Device& device, const std::string& operation_id, Now now) {
  if (device.blocked) {
    return failed(device, operation_id, 400209, "waiting for approval or blocked", now);
  }
  const std::string substatus = assign(device, now);
  ++world_.dps_counts[device.registration_id].assigned;
  const std::string time = to_iso8601(world_.cloud_time(now));
  return {
      .status = 200,
      .json = JsonText()
                  .object()
                  .add("operationId", operation_id)
                  .add("status", "assigned")
                  .key("registrationState")
                  .object()
                  .add("registrationId", device.registration_id)
                  .add("createdDateTimeUtc", to_iso8601(device.created))
                  .add("assignedHub", world_.places[*device.hub].address)
                  .add("deviceId", device.id)
                  .add("status", "assigned")
                  .add("substatus", substatus)
                  .add("lastUpdatedDateTimeUtc", time)
                  .add("etag", world_.random_hex(16))
                  .key("payload")
                  .object()
                  .end_object()
                  .key("symmetricKey")
                  .object()
                  .add("enrollmentGroupId", device.enrollment->group ? device.enrollment->name : "")
                  .end_object()
                  .end_object()
                  .end_object()
                  .text()};
}

// Puts the identity where it belongs now and says what that was (reference sections 2.3 and 7.3).
std::string DpsService::assign(Device& device, Now now) {
  const Reprovision policy = device.enrollment->policy;
  Place target = device.failover ? device.failover->to : device.home;
  if (policy == Reprovision::Never && device.hub) target = *device.hub;
  if (device.enabled_by_registering) device.disabled = device.enabled_by_registering = false;
  if (device.hub == target) return "reprovisionedToInitialAssignment";
  const bool moved = device.hub || device.former_hub;
  if (device.connection) {
    if (Connection* old = world_.find_open(*device.connection)) {
      world_.close(*old, "moved", now);
    }
  }
  device.hub = target;
  device.former_hub.reset();
  device.was_deleted = false;
  device.session_kept = false;
  device.subscriptions.clear();
  device.c2d.clear();
  if (!moved) return "initialAssignment";
  if (policy != Reprovision::Reset) return "deviceDataMigrated";
  device.twin = Twin();
  if (!device.enrollment->desired.empty()) {
    static_cast<void>(device.twin.patch_desired(device.enrollment->desired));
  }
  return "deviceDataReset";
}

}  // namespace hubward::simcloud
