#include "tests/sim/simulation/simulated_network.h"

#include <algorithm>
#include <utility>

#include "tests/sim/simulation/simulated_link.h"

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kNameTimeout = 5s;
constexpr auto kTcpTimeout = 15s;
// More than these would only repeat the first ones.
constexpr std::size_t kViolationsMax = 50;

}  // namespace

SimulatedNetwork::SimulatedNetwork(simcloud::CloudModel& cloud, test::ManualLoop& world,
                                   RandomSource& random, WireWatch& watch)
    : cloud_(cloud), world_(world), random_(random), watch_(watch) {}

simcloud::Now SimulatedNetwork::now() const {
  return {world_.clock().steady(), world_.clock().wall()};
}

void SimulatedNetwork::violation(std::string what) {
  if (violations_.size() < kViolationsMax) violations_.push_back(std::move(what));
}

// 5 to 60 ms, now and then half a second.
std::chrono::nanoseconds SimulatedNetwork::latency() {
  const double spread = random_.unit();
  const double base = (5 + 55 * spread * spread) * latency_factor_;
  const auto usual = std::chrono::microseconds(static_cast<std::int64_t>(base * 1000));
  return random_.unit() < 0.01 ? usual + 500ms : usual;
}

SteadyTime SimulatedNetwork::after(SteadyTime& last) {
  last = std::max(last + 1us, world_.clock().steady() + latency());
  return last;
}

void SimulatedNetwork::set_name_unknown(const std::string& host, bool on) {
  on ? (void)names_unknown_.insert(host) : (void)names_unknown_.erase(host);
}

void SimulatedNetwork::set_black_hole(const std::string& host, bool on) {
  on ? (void)black_holes_.insert(host) : (void)black_holes_.erase(host);
}

void SimulatedNetwork::forget_silently(const std::set<std::string>& clients) {
  for (auto& [id, pipe] : pipes_) {
    if (clients.contains(pipe.client_id)) pipe.broken = true;
  }
}

bool SimulatedNetwork::is_lost(const Pipe& pipe) const {
  return cut_ || (!black_holes_.empty() && black_holes_.contains(pipe.host));
}

void SimulatedNetwork::open(SimulatedLink& link, const MqttConnect& options) {
  const simcloud::ConnectionId connection = ++last_connection_;
  link.set_connection(connection);
  const bool to_dps = options.host == kDpsHost;
  watch_.on_attempt(options.host, options.client_id, world_.clock().steady());
  if (!to_dps && ++hub_links_[options.client_id] > 1) {
    violation("two connections for " + options.client_id);
  }
  ++open_links_;
  Pipe& pipe = pipes_[connection];
  pipe.link = &link;
  pipe.host = options.host;
  pipe.client_id = options.client_id;
  const bool no_name = names_unknown_.contains(options.host);
  if (is_lost(pipe) || no_name) {
    const bool by_name = no_name || (cut_ && random_.unit() < 0.5);
    world_.call_at(world_.clock().steady() + (by_name ? kNameTimeout : kTcpTimeout),
                   [this, connection, by_name] {
                     to_link(connection, [by_name](SimulatedLink& failed) {
                       failed.on_failed(by_name ? LinkStage::Name : LinkStage::Tcp,
                                        by_name ? ErrorCode::NameUnknown : ErrorCode::Unreachable,
                                        "timed out");
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
  if (const auto* publish = std::get_if<mqtt::Publish>(&packet);
      publish != nullptr && publish->topic.starts_with("devices/")) {
    watch_.on_telemetry(pipe.host, pipe.client_id, publish->topic, publish->payload,
                        world_.clock().steady());
  }
  if (const auto* publish = std::get_if<mqtt::Publish>(&packet);
      publish != nullptr && publish->topic.starts_with("$dps/registrations/PUT/")) {
    watch_.on_registration(pipe.client_id, world_.clock().steady());
  }
  if (is_lost(pipe)) pipe.broken = true;
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
  if (pipe.link != nullptr) {
    --open_links_;
    if (pipe.host != kDpsHost) --hub_links_[pipe.client_id];
  }
  pipe.link = nullptr;
  if (is_lost(pipe)) pipe.broken = true;
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

void SimulatedNetwork::forget_all_links(bool power) {
  std::vector<simcloud::ConnectionId> open;
  for (auto& [id, pipe] : pipes_) {
    if (pipe.link == nullptr) continue;
    if (power) pipe.broken = true;
    open.push_back(id);
  }
  std::sort(open.begin(), open.end());
  for (const auto id : open) leave(id);
}

void SimulatedNetwork::to_link(simcloud::ConnectionId connection,
                               const std::function<void(SimulatedLink&)>& what) {
  const auto found = pipes_.find(connection);
  if (found == pipes_.end() || found->second.link == nullptr) return;
  what(*found->second.link);
}

simcloud::ConnectionId SimulatedNetwork::new_connection(Stranger& stranger) {
  strangers_[++last_connection_] = &stranger;
  return last_connection_;
}

void SimulatedNetwork::deliver_outputs() {
  for (auto& output : cloud_.take_outputs()) {
    if (const auto stranger = strangers_.find(output.connection); stranger != strangers_.end()) {
      stranger->second->on_output(std::move(output));
      continue;
    }
    const auto found = pipes_.find(output.connection);
    if (found == pipes_.end()) continue;
    Pipe& pipe = found->second;
    if (is_lost(pipe)) pipe.broken = true;
    const simcloud::ConnectionId connection = output.connection;
    const bool closes = !std::holds_alternative<mqtt::Packet>(output.what);
    if (closes) pipe.at_cloud = false;
    if (pipe.broken) {
      if (closes && pipe.link == nullptr) pipes_.erase(found);
      continue;
    }
    world_.call_at(after(pipe.last_down),
                   [this, connection, closes, what = std::move(output.what)] {
                     const auto still = pipes_.find(connection);
                     if (still == pipes_.end() || still->second.broken) return;
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

}  // namespace hubward::simulation
