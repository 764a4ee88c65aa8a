#include "tests/sim/simulation/simulated_link.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace hubward::simulation {
namespace {

// What a device may send ahead of the hub's PUBACKs (SendWindowSettings), and what IoT Hub allows.
constexpr std::size_t kInFlightMax = 32;

LinkOutcome outcome_of(int connack_code) {
  switch (connack_code) {
    case 3:
      return LinkOutcome::RefusedBusy;
    case 2:
    case 4:
    case 5:
      return LinkOutcome::RefusedIdentity;
    default:
      return LinkOutcome::RefusedOther;
  }
}

// Of an answer of DPS that refuses something and names a time.
std::optional<std::chrono::seconds> pause_after_refusal(std::string_view topic) {
  constexpr std::string_view kAnswer = "$dps/registrations/res/";
  constexpr std::string_view kPause = "retry-after=";
  if (!topic.starts_with(kAnswer) || topic.substr(kAnswer.size()).starts_with('2')) return {};
  const auto found = topic.find(kPause);
  if (found == std::string_view::npos) return {};
  const std::string_view digits = topic.substr(found + kPause.size());
  std::int64_t seconds = 0;
  (void)std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  return std::chrono::seconds(seconds);
}

}  // namespace

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

std::uint16_t SimulatedLink::next_packet_id() {
  return ++last_packet_id_ == 0 ? ++last_packet_id_ : last_packet_id_;
}

void SimulatedLink::subscribe(const std::vector<Subscription>& subscriptions) {
  mqtt::Subscribe packet;
  packet.packet_id = next_packet_id();
  for (const auto& wanted : subscriptions) {
    packet.subscriptions.push_back({wanted.filter, static_cast<mqtt::Qos>(wanted.qos)});
  }
  network_.send(connection_, std::move(packet));
}

void SimulatedLink::unsubscribe(const std::string& filter) {
  network_.send(connection_, mqtt::Unsubscribe{next_packet_id(), {filter}});
}

bool SimulatedLink::publish(std::string_view topic, std::string_view payload, Qos qos,
                            PublishToken token) {
  if (connection_ == 0 || stage_ != LinkStage::Session) return false;
  mqtt::Publish packet;
  packet.topic = topic;
  packet.payload = payload;
  packet.qos = static_cast<mqtt::Qos>(qos);
  if (qos == Qos::AtLeastOnce) {
    packet.packet_id = next_packet_id();
    unacknowledged_[packet.packet_id] = token;
    if (unacknowledged_.size() > kInFlightMax) {
      network_.violation(options_.client_id + ": too many messages in flight");
    }
  }
  network_.send(connection_, std::move(packet));
  return true;
}

void SimulatedLink::disconnect() noexcept {
  if (connection_ != 0 && stage_ == LinkStage::Session) {
    network_.send(connection_, mqtt::Disconnect{});
    report_end(LinkOutcome::LeftByUs);
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
  if (stage == LinkStage::Name || stage == LinkStage::Tcp) {
    report_end(LinkOutcome::Unreachable);
  } else if (stage == LinkStage::Connack) {
    report_end(code == ErrorCode::ConnectTimeout ? LinkOutcome::Silent
                                                 : LinkOutcome::ClosedBeforeLogin);
  } else {
    report_end(LinkOutcome::ClosedInSession);
  }
  end();
  tell([=](MqttLinkEvents& events) {
    events.on_closed(stage, Error{code, ErrorKind::Transient, why});
  });
}

void SimulatedLink::report_end(LinkOutcome outcome) {
  network_.watch().on_end(options_.host, options_.client_id, outcome, network_.now().steady);
}

void SimulatedLink::on_closed_by_cloud() {
  on_failed(stage_, ErrorCode::LinkLost, "closed by the hub");
}

// Once a keep-alive interval: a ping, and by the next one an answer.
void SimulatedLink::watch_keep_alive() {
  timer_ = loop_.call_at(loop_.clock().steady() + options_.keep_alive, [this] {
    timer_ = {};
    if (ping_unanswered_) {
      on_failed(LinkStage::Session, ErrorCode::LinkSilent, "keep-alive time-out");
      return;
    }
    ping_unanswered_ = true;
    network_.send(connection_, mqtt::Pingreq{});
    watch_keep_alive();
  });
}

void SimulatedLink::on_packet(const mqtt::Packet& packet) {
  ping_unanswered_ = false;
  if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) {
    if (connack->return_code != 0) {
      report_end(outcome_of(connack->return_code));
      end();
      tell([code = connack->return_code](MqttLinkEvents& events) { events.on_refused(code); });
      return;
    }
    stage_ = LinkStage::Session;
    network_.watch().on_login(options_.host, options_.client_id, network_.now().steady);
    loop_.cancel(timer_);
    watch_keep_alive();
    tell([present = connack->session_present](MqttLinkEvents& events) {
      events.on_connected(present);
    });
  } else if (std::holds_alternative<mqtt::Suback>(packet)) {
    tell([](MqttLinkEvents& events) { events.on_subscribed(); });
  } else if (std::holds_alternative<mqtt::Unsuback>(packet)) {
    tell([](MqttLinkEvents& events) { events.on_unsubscribed(); });
  } else if (const auto* puback = std::get_if<mqtt::Puback>(&packet)) {
    const auto found = unacknowledged_.find(puback->packet_id);
    if (found == unacknowledged_.end()) return;
    tell([token = found->second](MqttLinkEvents& events) { events.on_published(token); });
    unacknowledged_.erase(found);
  } else if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    if (publish->qos == mqtt::Qos::AtLeastOnce) {
      network_.send(connection_, mqtt::Puback{publish->packet_id});
    }
    if (const auto pause = is_to_dps() ? pause_after_refusal(publish->topic) : std::nullopt) {
      const SteadyTime now = network_.now().steady;
      network_.watch().on_dps_refusal(options_.client_id, now + *pause);
    }
    if (is_to_dps() && publish->topic.starts_with("$dps/registrations/res/200/") &&
        publish->payload.find(R"("status":"assigned")") != std::string::npos) {
      network_.watch().on_assigned(options_.client_id, publish->payload, network_.now().steady);
    }
    tell([topic = publish->topic, payload = publish->payload](MqttLinkEvents& events) {
      events.on_message(topic, payload);
    });
  }
}

}  // namespace hubward::simulation
