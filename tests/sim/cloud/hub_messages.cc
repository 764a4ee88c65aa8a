#include "proto/json.h"
#include "proto/percent.h"
#include "tests/sim/cloud/hub_service.h"
#include "tests/sim/cloud/hub_topics.h"

namespace hubward::simcloud {
namespace {

// "$rid=7&.." to "7"; request ids are echoed as they came.
std::string rid_of(std::string_view query) {
  const auto pairs = split_bag(query);
  const auto rid = pairs ? find_raw(*pairs, "$rid") : std::nullopt;
  return rid ? std::string(*rid) : std::string();
}

mqtt::PacketId take_packet_id(Connection& connection, const Device& device) {
  for (;;) {
    const mqtt::PacketId id = connection.next_packet_id;
    connection.next_packet_id = static_cast<mqtt::PacketId>(id % 0xFFFFU + 1U);
    const bool taken = std::any_of(device.c2d.begin(), device.c2d.end(),
                                   [&](const C2dMessage& one) { return one.in_flight == id; });
    if (!taken) return id;  // at most 50 of 65535 are taken
  }
}

}  // namespace

void HubService::on_publish(Connection& connection, mqtt::Publish&& packet, Now now) {
  if (packet.qos == mqtt::Qos::ExactlyOnce) return world_.close(connection, "QoS 2", now);
  const std::string_view topic = packet.topic;
  if (const auto telemetry = TelemetryTopic::parse(topic, connection.device->id)) {
    if (telemetry->property_bytes + packet.payload.size() > kTelemetryBytesMax) {
      return world_.close(connection, "message too large", now);
    }
    ReceivedMessage message{.hub = connection.place, .received = world_.cloud_time(now)};
    message.id = telemetry->message_id;
    message.bag = telemetry->bag;
    return on_telemetry(connection, std::move(packet), std::move(message), now);
  }
  if (topic.starts_with(kTwinGet)) {
    on_twin_get(connection, topic.substr(kTwinGet.size()), now);
  } else if (topic.starts_with(kTwinReport)) {
    on_twin_report(connection, topic.substr(kTwinReport.size()), packet.payload, now);
  } else if (topic.starts_with(kMethodAnswer)) {
    if (packet.payload.size() > kMethodBytesMax) {
      return world_.close(connection, "message too large", now);
    }
    on_method_answer(connection, topic.substr(kMethodAnswer.size()), std::move(packet.payload));
  } else {
    return world_.close(connection, "unknown topic", now);
  }
  if (packet.qos == mqtt::Qos::AtLeastOnce) {
    world_.send(connection, mqtt::Puback{packet.packet_id}, now);
  }
}

void HubService::on_telemetry(Connection& connection, mqtt::Publish&& packet,
                              ReceivedMessage&& message, Now now) {
  Device& device = *connection.device;
  FaultBook& faults = world_.faults;
  if (Fault* poison = faults.find(FaultKind::Poison, connection.place, device.id);
      poison != nullptr && packet.payload.find(poison->text) != std::string::npos) {
    faults.use(*poison);
    return world_.close(connection, "poison", now);
  }
  Fault* cut = faults.find(FaultKind::Cut, connection.place, device.id);
  if (cut != nullptr && cut->after > 0) {
    --cut->after;
    cut = nullptr;
  }
  Fault* withheld = faults.find(FaultKind::PubackWithhold, connection.place, device.id);
  const bool recorded =
      (cut == nullptr || cut->record) && (withheld == nullptr || withheld->record);
  if (recorded) {
    message.body = std::move(packet.payload);
    message.retain = packet.retain;
    ++world_.places[connection.place].telemetry;
    device.ledger.record(std::move(message), world_.log_bytes_per_device());
  }
  if (cut != nullptr) {
    faults.use(*cut);
    return world_.cut(connection, mqtt::Puback{std::max<mqtt::PacketId>(packet.packet_id, 1)}, now);
  }
  if (withheld != nullptr) return faults.use(*withheld);
  acknowledge(connection, packet, now);
}

// PUBACK now, or when the throttle and the delay fault allow it; never out of order.
void HubService::acknowledge(Connection& connection, const mqtt::Publish& packet, Now now) {
  std::chrono::nanoseconds wait{0};
  if (Fault* rate = world_.faults.find(FaultKind::SendRate, connection.place)) {
    constexpr std::chrono::seconds kWaitMax{30};  // a full queue ends in a disconnect, section 3.10
    wait = wait_in_line(*rate, now.steady);
    if (wait > kWaitMax) return world_.close(connection, "throttled", now);
  }
  if (Fault* delay =
          world_.faults.find(FaultKind::PubackDelay, connection.place, connection.device->id)) {
    wait = std::max<std::chrono::nanoseconds>(wait, delay->delay);
    world_.faults.use(*delay);
  }
  if (packet.qos == mqtt::Qos::AtMostOnce) return;
  const SteadyTime due = std::max(now.steady + wait, connection.pubacks_in_line);
  if (due <= now.steady) return world_.send(connection, mqtt::Puback{packet.packet_id}, now);
  connection.pubacks_in_line = due;
  world_.at(due, [this, id = connection.id, packet_id = packet.packet_id](Now later) {
    if (Connection* open = world_.find_open(id)) {
      world_.send(*open, mqtt::Puback{packet_id}, later);
    }
  });
}

void HubService::send_plain(Connection& connection, std::string topic, std::string payload,
                            Now now) {
  world_.send(connection, mqtt::Publish{.topic = std::move(topic), .payload = std::move(payload)},
              now);
}

bool HubService::send_twin_fault(Connection& connection, std::string_view rid, Now now) {
  Fault* fault = world_.faults.find(FaultKind::TwinStatus, connection.place, connection.device->id);
  if (fault == nullptr) return false;
  const std::string status = std::to_string(fault->code);
  world_.faults.use(*fault);
  send_plain(connection, "$iothub/twin/res/" + status + "/?$rid=" + std::string(rid),
             R"({"errorCode":)" + status + R"(000,"message":"refused by a fault"})", now);
  return true;
}

void HubService::on_twin_get(Connection& connection, std::string_view query, Now now) {
  Device& device = *connection.device;
  ++device.counts.twin_gets;
  const std::string rid = rid_of(query);
  if (!device.subscriptions.contains(kTwinAnswerFilter)) return;
  if (send_twin_fault(connection, rid, now)) return;
  send_plain(connection, "$iothub/twin/res/200/?$rid=" + rid, device.twin.to_text(), now);
}

void HubService::on_twin_report(Connection& connection, std::string_view query,
                                std::string_view patch, Now now) {
  Device& device = *connection.device;
  ++device.counts.twin_reports;
  const std::string rid = rid_of(query);
  const bool listens = device.subscriptions.contains(kTwinAnswerFilter);
  if (listens && send_twin_fault(connection, rid, now)) return;
  const auto version = device.twin.patch_reported(patch);
  if (!listens) return;
  if (version) {
    return send_plain(connection,
                      "$iothub/twin/res/204/?$rid=" + rid + "&$version=" + std::to_string(*version),
                      {}, now);
  }
  const bool too_large = version.error().code == ErrorCode::LimitExceeded;
  send_plain(connection,
             std::string("$iothub/twin/res/") + (too_large ? "413" : "400") + "/?$rid=" + rid,
             too_large ? R"({"errorCode":413001,"message":"twin too large"})"
                       : R"({"errorCode":400004,"message":"malformed patch"})",
             now);
}

Result<std::int64_t> HubService::patch_desired(Device& device, std::string_view patch, Now now) {
  const auto version = device.twin.patch_desired(patch);
  if (!version || !device.connection || !device.subscriptions.contains(kDesiredFilter)) {
    return version;
  }
  if (Connection* connection = world_.find_open(*device.connection)) {
    send_plain(*connection,
               "$iothub/twin/PATCH/properties/desired/?$version=" + std::to_string(*version),
               with_version(patch, *version), now);
  }
  return version;
}

MethodCallId HubService::call_method(Device& device, std::string_view name,
                                     std::string_view payload, std::chrono::milliseconds timeout,
                                     Now now) {
  const MethodCallId id = next_call_++;
  Connection* connection = device.connection ? world_.find_open(*device.connection) : nullptr;
  if (connection == nullptr || !device.subscriptions.contains(kMethodFilter)) {
    results_.push_back({.call = id, .answered = false, .status = 404, .payload = {}});
    return id;
  }
  const std::string rid = std::to_string(id);
  calls_[id] = {&device, rid};
  send_plain(*connection, "$iothub/methods/POST/" + std::string(name) + "/?$rid=" + rid,
             std::string(payload), now);
  world_.at(now.steady + timeout, [this, id](Now) {
    if (calls_.erase(id) > 0) {
      results_.push_back({.call = id, .answered = false, .status = 504, .payload = {}});
    }
  });
  return id;
}

// "200/?$rid=7"
void HubService::on_method_answer(Connection& connection, std::string_view rest,
                                  std::string&& payload) {
  const std::size_t slash = rest.find("/?");
  if (slash == std::string_view::npos) return;
  const auto status = parse_decimal(rest.substr(0, slash));
  const auto call = parse_decimal(rid_of(rest.substr(slash + 2)));
  if (!status || !call) return;
  const auto found = calls_.find(static_cast<MethodCallId>(*call));
  // A late answer, or another device's call, is nobody's.
  if (found == calls_.end() || found->second.device != connection.device) return;
  calls_.erase(found);
  ++connection.device->counts.methods_answered;
  results_.push_back({.call = static_cast<MethodCallId>(*call),
                      .answered = true,
                      .status = static_cast<int>(*status),
                      .payload = std::move(payload)});
}

std::vector<MethodResult> HubService::take_method_results() { return std::exchange(results_, {}); }

Result<std::uint64_t> HubService::send_c2d(Device& device, std::string bag, std::string body,
                                           std::chrono::seconds time_to_live, Now now) {
  if (body.size() > kC2dBytesMax) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent, "over 64 KB");
  }
  std::erase_if(device.c2d, [&](const C2dMessage& one) { return one.expires <= now.steady; });
  if (device.c2d.size() >= kC2dQueueMax) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Throttled, "50 messages wait already");
  }
  device.c2d.push_back({.number = ++device.c2d_count,
                        .bag = std::move(bag),
                        .body = std::move(body),
                        .expires = now.steady + time_to_live});
  deliver_c2d(device, now);
  return device.c2d_count;
}

void HubService::deliver_c2d(Device& device, Now now) {
  Connection* connection = device.connection ? world_.find_open(*device.connection) : nullptr;
  const auto subscription = device.subscriptions.find(c2d_filter(device.id));
  if (connection == nullptr || subscription == device.subscriptions.end()) return;
  std::erase_if(device.c2d, [&](const C2dMessage& one) { return one.expires <= now.steady; });
  const bool acknowledged = subscription->second == mqtt::Qos::AtLeastOnce;
  for (auto& message : device.c2d) {
    if (message.in_flight != 0) continue;
    mqtt::Publish packet{.topic = "devices/" + device.id + "/messages/devicebound/" + message.bag,
                         .payload = message.body};
    if (acknowledged) {
      packet.qos = mqtt::Qos::AtLeastOnce;
      packet.packet_id = message.in_flight = take_packet_id(*connection, device);
      packet.duplicate = message.delivered_before;
      const std::uint64_t lock = ++message.lock;
      // Without a PUBACK the message is queued again (section 3.6).
      world_.at(now.steady + kC2dLock, [this, &device, number = message.number, lock](Now later) {
        for (auto& waiting : device.c2d) {
          if (waiting.number != number || waiting.lock != lock || waiting.in_flight == 0) continue;
          waiting.in_flight = 0;
          waiting.delivered_before = true;
          return deliver_c2d(device, later);
        }
      });
    }
    world_.send(*connection, std::move(packet), now);
  }
  if (!acknowledged) {
    device.counts.c2d_completed += device.c2d.size();
    device.c2d.clear();
  }
}

void HubService::on_puback(Connection& connection, mqtt::PacketId id) {
  Device& device = *connection.device;
  device.counts.c2d_completed +=
      std::erase_if(device.c2d, [&](const C2dMessage& message) { return message.in_flight == id; });
}

}  // namespace hubward::simcloud
