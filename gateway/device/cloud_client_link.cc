// CloudClient's link to its hub: made with a fresh token, renewed before that expires, and what its
// end means.
#include <span>
#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/device/cloud_client.h"
#include "proto/hub/connect.h"
#include "proto/hub/sas.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;
using resilience::NextStep;
using resilience::Symptom;

// A planned reconnect waits this long for PUBACKs, for the last commands and for the answers to
// them. Messages without
// one are sent again after it; an answer finds its caller only on the connection of the call.
constexpr auto kRenewalDrain = 5s;
// Tokens are renewed between 75 and 90 % of their life, spread so that devices which started
// together do not reconnect together (reference section 1.4).
constexpr double kRenewFrom = 0.75;
constexpr double kRenewSpread = 0.15;

}  // namespace

std::string CloudClient::place() const {
  return assignment_->assigned_hub + " as " + assignment_->device_id;
}

void CloudClient::connect_hub() {
  const auto address = hub::HubAddress::parse(assignment_->assigned_hub);
  if (!address) {  // only a damaged cache file can hold such a name
    parts_.admission.answered(device_);
    follow(
        recovery_.on_hub_failure(Symptom::HubRefusedId, resilience::DpsQuestion::Allowed, now()));
    return;
  }
  phase_ = Phase::Signing;
  show(CloudState::Connecting);
  // Every CONNECT carries a token made for it: a refusal then never means an old token.
  date_token();
  view_.token_expires = token_date_.wall + settings_.token_life;
  const auto claim = hub::hub_claim(address->host, assignment_->device_id, *view_.token_expires);
  parts_.signer.sign(hub::message_to_sign(claim), [this, claim, address = *address, alive = alive_](
                                                      const Result<std::string>& signature) {
    if (!*alive || phase_ != Phase::Signing) return;
    if (!signature) {
      on_link_failed(Symptom::HubRefusedAuth, signature.error().context);
      return;
    }
    open_link(hub::sas_token(claim, std::as_bytes(std::span(*signature))), address);
  });
}

void CloudClient::open_link(const std::string& token, const hub::HubAddress& address) {
  phase_ = Phase::Connecting;
  ++view_.hub_connects;
  const auto fields = hub::hub_connect(address.host, assignment_->device_id, settings_.agent,
                                       description_.model_id);
  MqttConnect options;
  options.host = address.host;
  options.port = address.port;
  options.client_id = fields.client_id;
  options.user_name = fields.user_name;
  options.password = SecretText(token);
  options.clean_session = fields.clean_session;
  options.keep_alive = settings_.keep_alive;
  if (!link_) link_ = parts_.links.open(*this, parts_.loop);
  link_->connect(options);
}

void CloudClient::on_connected(bool session_present) {
  phase_ = Phase::Online;
  recovery_.on_online(now());
  remember();
  parts_.admission.logged_in(device_, gate_of_assignment());
  is_new_ = was_moved_ = false;
  misdated_hastened_ = false;
  if (parts_.clock_watch != nullptr) {
    parts_.clock_watch->on_token_accepted(settings_.token_life, clock_now());
  }
  refresh_sight();
  if (!assignment_is_saved_) parts_.assignments.save(*assignment_);
  assignment_is_saved_ = true;
  verdict_.reset();
  hastened_ = false;
  view_.failure.reset();
  view_.detail.clear();
  view_.last_login = CloudAttempt{parts_.loop.clock().wall(), std::nullopt, place()};
  if (drill_) drill_->on_accepted(assignment_->assigned_hub, now());
  show(CloudState::Online);
  parts_.log.write(LogLevel::Info, "hub_connected",
                   {{"device", description_.id},
                    {"hub", place()},
                    {"session", session_present ? "resumed" : "new"}});
  const double part = kRenewFrom + kRenewSpread * parts_.random.unit();
  const auto life = std::chrono::duration<double>(settings_.token_life) * part;
  plan_renewal(now() + std::chrono::duration_cast<std::chrono::nanoseconds>(life));
  stable_timer_ = parts_.loop.call_at(now() + settings_.recovery.stable_after, [this] {
    stable_timer_ = {};
    recovery_.on_stable();
    evictions_.reset();
    remember();
    view_.failures = 0;
  });
  resilience::Allowance& allowance =
      parts_.admission.join(device_, gate_of_assignment(), [this] { on_properties_changed(); });
  properties_.answers().on_link(assignment_->assigned_hub + '/' + assignment_->device_id);
  SessionActions actions;
  session_.on_connected(assignment_->device_id, &allowance, now(), actions);
  carry_out(actions);
}

void CloudClient::plan_renewal(SteadyTime at) {
  parts_.loop.cancel(renewal_timer_);
  renewal_at_ = at;
  renewal_timer_ = parts_.loop.call_at(at, [this] {
    renewal_timer_ = {};
    renew_token();
  });
}

// MQTT 3.1.1 cannot refresh a token in place: renewal is a planned reconnect.
void CloudClient::renew_token() {
  if (phase_ != Phase::Online) return;
  drain_then(
      [this] {
        link_->disconnect();
        parts_.admission.session_ended(device_, gate_of_assignment(), false, {});
        end_link(false);
        parts_.log.write(LogLevel::Debug, "token_renewal", {{"device", description_.id}});
        follow({NextStep::What::ConnectHub, now(), std::nullopt});
      },
      kRenewalDrain);
}

void CloudClient::drain_then(std::function<void()> next, std::chrono::milliseconds at_most) {
  phase_ = Phase::Draining;
  session_.pause();
  // A command that crosses our goodbye would be heard by nobody, and its caller would wait for
  // nothing; so the hub is asked to pass no more of them, and those before its answer are answered.
  hears_calls_ = true;
  link_->unsubscribe(std::string(hub::kMethodsFilter));
  after_drain_ = std::move(next);
  parts_.loop.cancel(drain_timer_);
  drain_timer_ = parts_.loop.call_at(now() + at_most, [this] {
    drain_timer_ = {};
    if (auto then = std::exchange(after_drain_, nullptr)) then();
  });
  check_drained();
}

void CloudClient::check_drained() {
  if (!after_drain_ || hears_calls_ || open_calls_ > 0 || !session_.is_drained()) return;
  parts_.loop.cancel(drain_timer_);
  drain_timer_ = {};
  // Posted: this may run inside an event of the link that is about to be closed.
  parts_.loop.post([this, alive = alive_] {
    if (!*alive) return;
    if (auto then = std::exchange(after_drain_, nullptr)) then();
  });
}

void CloudClient::on_refused(int connack_code) {
  on_link_failed(resilience::hub_refusal(connack_code),
                 place() + ": CONNACK " + std::to_string(connack_code));
}

void CloudClient::on_closed(LinkStage stage, Error why) {
  std::string detail = place() + ": " + why.context;
  switch (stage) {
    case LinkStage::Name:
      return on_link_failed(Symptom::HubNameUnknown, detail);
    case LinkStage::Tcp:
      return on_link_failed(Symptom::HubUnreachable, detail);
    case LinkStage::Tls:
      if (why.code == ErrorCode::ClockWrong) return on_link_failed(Symptom::ClockWrong, detail);
      return on_link_failed(
          why.code == ErrorCode::TlsUntrusted ? Symptom::HubUntrusted : Symptom::HubTlsFailed,
          detail);
    case LinkStage::Connack:
      return on_link_failed(
          why.code == ErrorCode::ConnectTimeout ? Symptom::HubSilent : Symptom::ClosedEarly,
          detail);
    case LinkStage::Session:
      if (const auto stood = recovery_.online_for(now()); stood && !recovery_.is_stable(now())) {
        detail += ", " +
                  std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*stood).count()) +
                  " s after the login";
      }
      return on_link_failed(
          why.code == ErrorCode::LinkSilent ? Symptom::LinkSilent : Symptom::ClosedEarly, detail);
  }
}

void CloudClient::on_link_failed(Symptom symptom, std::string detail) {
  symptom = explained(symptom, detail);
  const bool was_online = phase_ == Phase::Online || phase_ == Phase::Draining;
  if (was_online) {
    symptom = end_session(symptom, detail);
  } else if (resilience::diagnose(symptom).scope == resilience::Scope::Endpoint ||
             symptom == Symptom::ClosedEarly) {  // closed instead of answered
    parts_.admission.failed(device_, symptom, detail);
  } else {
    parts_.admission.answered(device_);
  }
  end_link(was_online);
  if (auto then = std::exchange(after_drain_, nullptr)) {
    if (stopping_) return then();
  }
  follow_hub_failure(symptom, std::move(detail),
                     was_online ? "hub_disconnected" : "hub_connect_failed");
}

// What the end of this session means, seen together with those of other devices.
Symptom CloudClient::end_session(Symptom symptom, const std::string& detail) {
  const resilience::GateName gate = gate_of_assignment();
  const bool worked = session_.worked();
  parts_.admission.session_ended(device_, gate, true, detail);
  if (recovery_.is_stable(now()) || symptom != Symptom::ClosedEarly) return symptom;
  const resilience::Admission& admission = parts_.admission.admission();
  if (admission.closes_everybody(gate, now())) return Symptom::ClosesEverybody;
  const bool alone = admission.only_this_one(gate, device_, now());
  return evictions_.on_thrown_out(worked, alone, now()) ? Symptom::ThrownOut : symptom;
}

void CloudClient::end_link(bool counts) {
  *alive_ = false;
  alive_ = std::make_shared<bool>(true);
  view_.token_expires.reset();
  parts_.admission.leave(device_);
  for (TimerId* timer : {&session_timer_, &renewal_timer_, &drain_timer_, &stable_timer_}) {
    parts_.loop.cancel(*timer);
    *timer = {};
  }
  session_timer_at_.reset();
  link_refused_ = false;
  SessionActions actions;
  session_.on_link_lost(counts, now(), actions);
  carry_out(actions);
}

void CloudClient::on_subscribed() {
  SessionActions actions;
  session_.on_subscribed(now(), actions);
  carry_out(actions);
}

void CloudClient::on_subscription_refused() {
  session_.on_subscription_refused();
  SessionActions none;
  carry_out(none);
}

void CloudClient::on_unsubscribed() {
  hears_calls_ = false;
  check_drained();
}

void CloudClient::on_published(PublishToken token) {
  SessionActions actions;
  session_.on_published(token, now(), actions);
  carry_out(actions);
  check_drained();
}

void CloudClient::on_message(std::string_view topic, std::string_view payload) {
  SessionActions actions;
  session_.on_message(topic, payload, now(), actions);
  carry_out(actions);
}

}  // namespace hubward::device
