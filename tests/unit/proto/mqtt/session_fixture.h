// A ClientSession with a scripted broker on its other side.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "proto/mqtt/client_session.h"

namespace hubward::mqtt::test {

struct SessionFixture {
  SteadyTime now{std::chrono::hours{1}};
  Version version;
  ClientSession session;
  ClientActions actions;
  PacketReader broker;

  explicit SessionFixture(ClientSettings settings = {.client_id = "hubward",
                                                     .filters = {"plant/#"}})
      : version(settings.version),
        session(std::move(settings)),
        broker(1 << 20, PacketReader::BadPublish::EndStream, version) {}

  // What the session has sent since the last call.
  std::vector<Packet> sent() {
    std::vector<Packet> packets;
    for (const auto& action : actions) {
      if (const auto* write = std::get_if<WriteBytes>(&action)) broker.feed(write->bytes);
    }
    std::erase_if(actions, [](const auto& one) { return std::holds_alternative<WriteBytes>(one); });
    while (true) {
      auto packet = broker.next();
      REQUIRE(packet);
      if (!*packet) return packets;
      packets.push_back(std::move(**packet));
    }
  }
  template <class Action>
  std::vector<Action> take() {
    std::vector<Action> found;
    for (const auto& action : actions) {
      if (const auto* one = std::get_if<Action>(&action)) found.push_back(*one);
    }
    std::erase_if(actions, [](const auto& one) { return std::holds_alternative<Action>(one); });
    return found;
  }
  void receive(const Packet& packet) { session.on_bytes(*encode(packet, version), now, actions); }
  void message(PacketId id, std::string payload, bool duplicate = false) {
    Publish publish{.topic = "plant/a", .payload = std::move(payload), .qos = Qos::AtLeastOnce};
    publish.packet_id = id;
    publish.duplicate = duplicate;
    receive(publish);
  }
  void connect(bool session_present = true, Properties properties = {}) {
    session.on_open(now, actions);
    (void)sent();
    receive(Connack{.session_present = session_present, .properties = std::move(properties)});
    const auto asked = sent();
    REQUIRE(asked.size() == 1);
    const auto& subscribe = std::get<Subscribe>(asked[0]);
    receive(
        Suback{subscribe.packet_id, std::vector<std::uint8_t>(subscribe.subscriptions.size(), 1)});
    REQUIRE(take<SessionReady>().size() == 1);
  }
  void decide(std::uint64_t number, bool taken = true) {
    session.decide(number, taken, now, actions);
  }
  void drop() { session.on_closed(actions); }
  std::vector<PacketId> acknowledged() {
    std::vector<PacketId> ids;
    for (const Packet& packet : sent()) ids.push_back(std::get<Puback>(packet).packet_id);
    return ids;
  }
  std::string why_ended() {
    const auto ended = take<SessionEnded>();
    return ended.empty() ? "" : ended.front().why;
  }
};

}  // namespace hubward::mqtt::test
