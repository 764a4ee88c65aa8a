// A model with one group enrollment, a clock moved by hand, and clients that speak packets.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/sim/cloud/control.h"
#include "tests/sim/cloud/model.h"

namespace hubward::simcloud {

class CountingRandom : public RandomSource {
 public:
  std::uint64_t next() override { return count_ += 0x9E3779B97F4A7C15ULL; }

 private:
  std::uint64_t count_ = 0;
};

// What a client saw on one connection.
struct Seen {
  std::vector<mqtt::Packet> packets;
  bool closed = false;
  bool cut = false;

  template <class T>
  const T* last() const {
    return packets.empty() ? nullptr : std::get_if<T>(&packets.back());
  }
};

class Cloud {
 public:
  static CloudConfig two_hubs() {
    CloudConfig config;
    config.dps_host = "dps.test";
    config.id_scope = "0neTEST";
    config.hubs = {{"hub-1", "127.0.0.2", "127.0.0.2:8883"},
                   {"hub-2", "127.0.0.3", "127.0.0.3:8883"}};
    return config;
  }

  explicit Cloud(const CloudConfig& config = two_hubs()) : model(config, random_) {
    enroll({.name = "plant",
            .group = true,
            .keys = {group_key()},
            .device_id = {},
            .hubs = {1},
            .polls = {},
            .desired = {}});
  }

  static Key group_key() { return Key(64, std::byte{7}); }
  static Key key_of(const std::string& id) { return derive_device_key(group_key(), id); }
  static std::string host_of(Place hub) { return hub == 1 ? "127.0.0.2" : "127.0.0.3"; }

  void enroll(Enrollment enrollment) {
    if (!model.enroll(std::move(enrollment), now)) std::abort();
  }
  void pass(std::chrono::milliseconds time) {
    const SteadyTime end = now.steady + time;
    // From wake-up to wake-up, as the owner of a real clock does it.
    while (model.next_wakeup() && *model.next_wakeup() <= end) {
      move_to(*model.next_wakeup());
      model.advance(now);
    }
    move_to(end);
    model.advance(now);
  }

  ConnectionId open(const std::string& host) {
    const ConnectionId id = ++connections_;
    opened = model.open(id, host, now);
    return id;
  }
  void send(ConnectionId id, mqtt::Packet packet) { model.receive(id, std::move(packet), now); }
  // Everything that arrived on the connection since it was opened.
  const Seen& seen(ConnectionId id) {
    for (auto& output : model.take_outputs()) {
      Seen& one = seen_[output.connection];
      if (auto* packet = std::get_if<mqtt::Packet>(&output.what)) {
        one.packets.push_back(std::move(*packet));
      } else {
        one.closed = true;
        one.cut = std::holds_alternative<Cut>(output.what);
      }
    }
    return seen_[id];
  }
  // Return code of the CONNACK; -1 if there was none.
  int connack(ConnectionId id) {
    for (const auto& packet : seen(id).packets) {
      if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) return connack->return_code;
    }
    return -1;
  }
  // Body of the last PUBLISH with that beginning of a topic; empty if there was none.
  mqtt::Publish published(ConnectionId id, std::string_view topic) {
    const auto& packets = seen(id).packets;
    for (auto it = packets.rbegin(); it != packets.rend(); ++it) {
      const auto* publish = std::get_if<mqtt::Publish>(&*it);
      if (publish != nullptr && publish->topic.starts_with(topic)) return *publish;
    }
    return {};
  }
  std::size_t count_of_pubacks(ConnectionId id) {
    const auto& packets = seen(id).packets;
    return static_cast<std::size_t>(
        std::count_if(packets.begin(), packets.end(),
                      [](const auto& p) { return std::holds_alternative<mqtt::Puback>(p); }));
  }

  mqtt::Connect dps_connect(const std::string& id, const Key& key) const {
    const std::string resource = "0neTEST/registrations/" + id;
    return {.client_id = id,
            .user_name = resource + "/api-version=2019-03-31",
            .password = make_token(resource, key, now.wall + std::chrono::hours(1), "registration"),
            .keep_alive = std::chrono::seconds(60)};
  }
  mqtt::Connect hub_connect(const std::string& id, Place hub, const Key& key) const {
    const std::string host = host_of(hub);
    return {.client_id = id,
            .user_name = host + '/' + id + "/?api-version=2021-04-12",
            .password = make_token(host + "/devices/" + id, key, now.wall + std::chrono::hours(1)),
            .keep_alive = std::chrono::seconds(60),
            .clean_session = false};
  }

  ConnectionId at_dps(const std::string& id, const Key& key) {
    const ConnectionId connection = open("dps.test");
    send(connection, dps_connect(id, key));
    send(connection, mqtt::Subscribe{1, {{"$dps/registrations/res/#", mqtt::Qos::AtLeastOnce}}});
    return connection;
  }
  void ask(ConnectionId connection, const std::string& id) {
    send(connection, mqtt::Publish{.topic = "$dps/registrations/PUT/iotdps-register/?$rid=1",
                                   .payload = R"({"registrationId":")" + id + R"("})"});
  }
  void poll(ConnectionId connection) {
    const auto reply = json::parse(published(connection, "$dps/registrations/res/202/").payload);
    const std::string operation(json::as_string(json::find(*reply, "operationId")).value_or(""));
    send(connection,
         mqtt::Publish{.topic = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2"
                                "&operationId=" +
                                operation});
  }
  // The whole conversation; the JSON of the last answer.
  std::string register_device(const std::string& id) {
    const ConnectionId connection = at_dps(id, key_of(id));
    ask(connection, id);
    if (!published(connection, "$dps/registrations/res/202/").topic.empty()) {
      pass(std::chrono::seconds(3));
      poll(connection);
    }
    const std::string answer = published(connection, "$dps/registrations/res/").payload;
    send(connection, mqtt::Disconnect{});
    return answer;
  }
  ConnectionId at_hub(const std::string& id, Place hub) {
    const ConnectionId connection = open(host_of(hub));
    send(connection, hub_connect(id, hub, key_of(id)));
    return connection;
  }
  ConnectionId register_and_connect(const std::string& id) {
    register_device(id);
    return at_hub(id, 1);
  }
  void subscribe(ConnectionId connection, const std::string& filter,
                 mqtt::Qos qos = mqtt::Qos::AtLeastOnce) {
    send(connection, mqtt::Subscribe{2, {{filter, qos}}});
  }
  void telemetry(ConnectionId connection, const std::string& id, const std::string& bag,
                 const std::string& body, mqtt::PacketId packet_id = 1) {
    send(connection, mqtt::Publish{.topic = "devices/" + id + "/messages/events/" + bag,
                                   .payload = body,
                                   .qos = mqtt::Qos::AtLeastOnce,
                                   .packet_id = packet_id});
  }
  Device& device(const std::string& id) { return *model.world().find_device(id); }

  Now now{SteadyTime{} + std::chrono::hours(1), WallTime(std::chrono::seconds(1'767'225'600))};
  Admission opened = Admission::Refused;

 private:
  void move_to(SteadyTime time) {
    const auto step = std::max(time - now.steady, SteadyTime::duration::zero());
    now.steady += step;
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(step);
  }

  CountingRandom random_;
  ConnectionId connections_ = 0;
  std::map<ConnectionId, Seen> seen_;

 public:
  CloudModel model;
};

}  // namespace hubward::simcloud
