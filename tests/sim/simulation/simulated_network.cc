#include "tests/sim/simulation/simulated_network.h"

#include <algorithm>
#include <utility>

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kNameTimeout = 5s;

}  // namespace

SimulatedNetwork::SimulatedNetwork(simcloud::CloudModel& cloud, test::ManualLoop& world,
                                   RandomSource& random)
    : cloud_(cloud), world_(world), random_(random) {}

simcloud::Now SimulatedNetwork::now() const {
  return {world_.clock().steady(), world_.clock().wall()};
}

// 5 to 60 ms, now and then half a second.
std::chrono::nanoseconds SimulatedNetwork::latency() {
  const double spread = random_.unit();
  const auto base = std::chrono::milliseconds(5 + static_cast<int>(55 * spread * spread));
  return random_.unit() < 0.01 ? base + 500ms : base;
}

SteadyTime SimulatedNetwork::after(SteadyTime& last) {
  last = std::max(last + 1us, world_.clock().steady() + latency());
  return last;
}

void SimulatedNetwork::set_cut(bool cut) { cut_ = cut; }

void SimulatedNetwork::set_name_unknown(const std::string& host, bool on) {
  name_unknown_[host] = on;
}

void SimulatedNetwork::open(SimulatedLink& link, const MqttConnect& options) {
  const simcloud::ConnectionId connection = ++last_connection_;
  link.set_connection(connection);
  for (const auto& [id, pipe] : pipes_) {
    if (pipe.link != nullptr && pipe.client_id == options.client_id && pipe.host != "dps.invalid" &&
        options.host != "dps.invalid") {
      violation("two connections for " + options.client_id);
    }
  }
  Pipe& pipe = pipes_[connection];
  pipe.link = &link;
  pipe.host = options.host;
  pipe.client_id = options.client_id;
  attempts_.push_back({world_.clock().steady(), options.host, options.client_id});
  if (cut_ || name_unknown_[options.host]) {
    const bool by_name = name_unknown_[options.host] || random_.unit() < 0.5;
    world_.call_at(world_.clock().steady() + kNameTimeout, [this, connection, by_name] {
      to_link(connection, [by_name](SimulatedLink& failed) {
        failed.on_failed(by_name ? LinkStage::Name : LinkStage::Tcp,
                         by_name ? ErrorCode::NameUnknown : ErrorCode::Unreachable, "timed out");
      });
    });
    return;
  }
  mqtt::Connect packet;
  packet.client_id = options.client_id;
  packet.user_name = options.user_name;
  packet.password = std::string(options.password.reveal());
  packet.keep_alive = options.keep_alive;
  packet.clean_session = options.clean_session;
  world_.call_at(after(pipe.last_up),
                 [this, connection, host = options.host, packet = std::move(packet)]() mutable {
                   arrive(connection, std::move(host), std::move(packet));
                 });
}

void SimulatedNetwork::arrive(simcloud::ConnectionId connection, std::string host,
                              mqtt::Connect packet) {
  const auto found = pipes_.find(connection);
  if (found == pipes_.end() || found->second.link == nullptr) return;
  const auto admission = cloud_.open(connection, host, now());
  if (admission == simcloud::Admission::Refused) {
    to_link(connection, [](SimulatedLink& link) {
      link.on_failed(LinkStage::Tcp, ErrorCode::Unreachable, "refused");
    });
    return;
  }
  found->second.at_cloud = true;
  send(connection, std::move(packet));
}

void SimulatedNetwork::send(simcloud::ConnectionId connection, mqtt::Packet packet) {
  const auto found = pipes_.find(connection);
  if (found == pipes_.end()) return;
  Pipe& pipe = found->second;
  if (cut_) pipe.broken = true;
  if (pipe.broken) return;
  world_.call_at(after(pipe.last_up), [this, connection, packet = std::move(packet)]() mutable {
    const auto still = pipes_.find(connection);
    if (still == pipes_.end() || !still->second.at_cloud) return;
    cloud_.receive(connection, std::move(packet), now());
    deliver_outputs();
  });
}

// The gateway closes its end. The cloud hears of it, unless nothing gets through.
void SimulatedNetwork::leave(simcloud::ConnectionId connection) {
  const auto found = pipes_.find(connection);
  if (found == pipes_.end()) return;
  Pipe& pipe = found->second;
  pipe.link = nullptr;
  if (cut_) pipe.broken = true;
  if (pipe.broken || !pipe.at_cloud) {
    if (!pipe.at_cloud) pipes_.erase(found);
    return;
  }
  world_.call_at(after(pipe.last_up), [this, connection] {
    if (pipes_.erase(connection) == 0) return;
    cloud_.closed_by_peer(connection, now());
    deliver_outputs();
  });
}

void SimulatedNetwork::forget_all_links() {
  std::vector<simcloud::ConnectionId> open;
  for (const auto& [id, pipe] : pipes_) {
    if (pipe.link != nullptr) open.push_back(id);
  }
  for (const auto id : open) leave(id);
}

void SimulatedNetwork::to_link(simcloud::ConnectionId connection,
                               std::function<void(SimulatedLink&)> what) {
  const auto found = pipes_.find(connection);
  if (found == pipes_.end() || found->second.link == nullptr) return;
  what(*found->second.link);
}

void SimulatedNetwork::deliver_outputs() {
  for (auto& output : cloud_.take_outputs()) {
    const auto found = pipes_.find(output.connection);
    if (found == pipes_.end()) continue;
    Pipe& pipe = found->second;
    if (cut_) pipe.broken = true;
    const simcloud::ConnectionId connection = output.connection;
    const bool closes = !std::holds_alternative<mqtt::Packet>(output.what);
    if (closes) pipe.at_cloud = false;
    if (pipe.broken) {
      if (closes && pipe.link == nullptr) pipes_.erase(found);
      continue;
    }
    world_.call_at(after(pipe.last_down),
                   [this, connection, closes, what = std::move(output.what)] {
                     to_link(connection, [&](SimulatedLink& link) {
                       if (const auto* packet = std::get_if<mqtt::Packet>(&what)) {
                         link.on_packet(*packet);
                       } else {
                         link.on_closed_by_cloud();
                       }
                     });
                     if (closes) pipes_.erase(connection);
                   });
  }
}

std::unique_ptr<MqttLink> SimulatedLinks::open(MqttLinkEvents& events, Loop& loop) {
  return std::make_unique<SimulatedLink>(network_, events, loop);
}

SimulatedLink::SimulatedLink(SimulatedNetwork& network, MqttLinkEvents& events, Loop& loop)
    : network_(network), events_(events), loop_(loop) {}

SimulatedLink::~SimulatedLink() { end(); }

void SimulatedLink::end() {
  ++*generation_;
  loop_.cancel(timer_);
  timer_ = {};
  unacknowledged_.clear();
  if (connection_ != 0) network_.leave(std::exchange(connection_, 0));
}

void SimulatedLink::connect(const MqttConnect& options) {
  end();
  options_ = options;
  stage_ = LinkStage::Connack;
  ping_unanswered_ = false;
  timer_ = loop_.call_at(loop_.clock().steady() + options.connack_timeout, [this] {
    timer_ = {};
    on_failed(LinkStage::Connack, ErrorCode::ConnectTimeout, "no CONNACK");
  });
  network_.open(*this, options_);
}

void SimulatedLink::subscribe(const std::vector<Subscription>& subscriptions) {
  mqtt::Subscribe packet;
  packet.packet_id = ++last_packet_id_ == 0 ? ++last_packet_id_ : last_packet_id_;
  for (const auto& wanted : subscriptions) {
    packet.subscriptions.push_back({wanted.filter, static_cast<mqtt::Qos>(wanted.qos)});
  }
  network_.send(connection_, std::move(packet));
}

bool SimulatedLink::publish(std::string_view topic, std::string_view payload, Qos qos,
                            PublishToken token) {
  if (connection_ == 0 || stage_ != LinkStage::Session) return false;
  mqtt::Publish packet;
  packet.topic = topic;
  packet.payload = payload;
  packet.qos = static_cast<mqtt::Qos>(qos);
  if (qos == Qos::AtLeastOnce) {
    packet.packet_id = ++last_packet_id_ == 0 ? ++last_packet_id_ : last_packet_id_;
    unacknowledged_[packet.packet_id] = token;
  }
  network_.send(connection_, std::move(packet));
  return true;
}

void SimulatedLink::disconnect() noexcept {
  if (connection_ != 0 && stage_ == LinkStage::Session) {
    network_.send(connection_, mqtt::Disconnect{});
  }
  end();
}

// Events reach the session on the gateway's loop, and never after the link was told to end.
void SimulatedLink::tell(std::function<void(MqttLinkEvents&)> event) {
  loop_.post([this, event = std::move(event), mine = *generation_, generation = generation_] {
    if (*generation == mine) event(events_);
  });
}

void SimulatedLink::on_failed(LinkStage stage, ErrorCode code, const std::string& why) {
  if (connection_ == 0) return;
  end();
  tell([=](MqttLinkEvents& events) {
    events.on_closed(stage, Error{code, ErrorKind::Transient, why});
  });
}

void SimulatedLink::on_closed_by_cloud() {
  on_failed(stage_, ErrorCode::LinkLost, "closed by the hub");
}

// Once a keep-alive interval: a ping, and by the next one an answer.
void SimulatedLink::watch() {
  timer_ = loop_.call_at(loop_.clock().steady() + options_.keep_alive, [this] {
    timer_ = {};
    if (ping_unanswered_) {
      on_failed(LinkStage::Session, ErrorCode::LinkLost, "keep-alive time-out");
      return;
    }
    ping_unanswered_ = true;
    network_.send(connection_, mqtt::Pingreq{});
    watch();
  });
}

void SimulatedLink::on_packet(const mqtt::Packet& packet) {
  ping_unanswered_ = false;
  if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) {
    if (connack->return_code != 0) {
      end();
      tell([code = connack->return_code](MqttLinkEvents& events) { events.on_refused(code); });
      return;
    }
    stage_ = LinkStage::Session;
    loop_.cancel(timer_);
    watch();
    tell([present = connack->session_present](MqttLinkEvents& events) {
      events.on_connected(present);
    });
  } else if (std::holds_alternative<mqtt::Suback>(packet)) {
    tell([](MqttLinkEvents& events) { events.on_subscribed(); });
  } else if (const auto* puback = std::get_if<mqtt::Puback>(&packet)) {
    const auto found = unacknowledged_.find(puback->packet_id);
    if (found == unacknowledged_.end()) return;
    tell([token = found->second](MqttLinkEvents& events) { events.on_published(token); });
    unacknowledged_.erase(found);
  } else if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    if (publish->qos == mqtt::Qos::AtLeastOnce) {
      network_.send(connection_, mqtt::Puback{publish->packet_id});
    }
    tell([topic = publish->topic, payload = publish->payload](MqttLinkEvents& events) {
      events.on_message(topic, payload);
    });
  }
}

}  // namespace hubward::simulation
