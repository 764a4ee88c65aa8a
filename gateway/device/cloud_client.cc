#include "gateway/device/cloud_client.h"

#include <algorithm>
#include <span>
#include <utility>

#include "gateway/api/failure_words.h"
#include "proto/hub/connect.h"
#include "proto/hub/sas.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;
using resilience::NextStep;
using resilience::Symptom;

// A planned reconnect waits this long for PUBACKs and for the answers to commands. Messages without
// one are sent again after it; an answer finds its caller only on the connection of the call.
constexpr auto kRenewalDrain = 5s;
constexpr auto kStopDrain = 2s;
// Tokens are renewed between 75 and 90 % of their life, spread so that devices which started
// together do not reconnect together (reference section 1.4).
constexpr double kRenewFrom = 0.75;
constexpr double kRenewSpread = 0.15;

// Whoever asks again sooner gets the outcome of the last attempt.
constexpr auto kHastenEvery = 10s;

std::string place(const Assignment& assignment) {
  return assignment.assigned_hub + " as " + assignment.device_id;
}

std::string next_of(const NextStep& step) {
  return step.what == NextStep::What::Provision ? "ask_dps" : "connect";
}

}  // namespace

CloudClient::CloudClient(DeviceIndex device, const DeviceDescription& description,
                         const CloudSettings& settings, CloudParts parts, Properties& properties,
                         CloudEvents& events)
    : device_(device),
      description_(description),
      settings_(settings),
      parts_(parts),
      events_(events),
      window_({.order = description.order, .fresh_share_percent = description.fresh_share_percent}),
      session_(device, description.id, window_, properties),
      recovery_(settings.recovery, parts.random),
      provisioner_(settings, description.id, description.model_id, parts.loop, parts.links,
                   parts.signer) {}

CloudClient::~CloudClient() {
  *alive_ = false;
  parts_.admission.withdraw(device_);
  parts_.admission.leave(device_);
  for (const TimerId timer :
       {step_timer_, session_timer_, renewal_timer_, drain_timer_, stable_timer_}) {
    parts_.loop.cancel(timer);
  }
}

void CloudClient::start() {
  parts_.leases.acquire(
      device_, [this] { begin(); }, [this] { lose_lease(); });
}

void CloudClient::begin() {
  has_lease_ = true;
  assignment_ =
      parts_.assignments.load(settings_.id_scope, description_.id, parts_.signer.fingerprint());
  assignment_is_saved_ = assignment_.has_value();
  is_new_ = !assignment_;
  if (assignment_) view_.assigned_hub = assignment_->assigned_hub;
  follow(recovery_.start(assignment_.has_value(), now(), parts_.backoffs.load(description_.id)));
}

// Somebody else may speak for the device after this returns.
void CloudClient::lose_lease() {
  has_lease_ = false;
  parts_.admission.withdraw(device_);
  parts_.loop.cancel(step_timer_);
  provisioner_.cancel();
  if (link_) link_->disconnect();
  if (phase_ == Phase::Online || phase_ == Phase::Draining) {
    parts_.admission.session_ended(device_, gate_of_assignment(), false, {});
  }
  end_link(false);
  phase_ = Phase::Idle;
  show(CloudState::Stopped);
  // Whoever waited for the link to drain: a stop goes on, a renewal has nothing left to renew.
  auto then = std::exchange(after_drain_, nullptr);
  if (then && stopping_) parts_.loop.post(std::move(then));
}

void CloudClient::stop(std::function<void()> done) {
  stopping_ = true;
  auto finish = [this, done = std::move(done)] {
    const bool had_lease = has_lease_;
    lose_lease();
    if (had_lease) parts_.leases.give_back(device_);
    done();
  };
  if (phase_ == Phase::Online || phase_ == Phase::Draining) {
    drain_then(std::move(finish), kStopDrain);
  } else {
    parts_.loop.post(std::move(finish));
  }
}

void CloudClient::show(CloudState state) {
  const bool tries = state == CloudState::WaitingForTurn || state == CloudState::Provisioning ||
                     state == CloudState::Connecting;
  // While a person must act, another attempt that changes nothing is no news.
  const bool still_waits = tries && verdict_ && view_.failure == verdict_->failure;
  view_.state = still_waits ? CloudState::WaitingForOperator : state;
  view_.failures = recovery_.failures();
  events_.on_cloud_changed();
}

std::string CloudClient::pause_before(const NextStep& step) const {
  const SteadyTime at =
      stands_in_line(step) ? parts_.admission.admission().next_look(gate_of(step)).value_or(step.at)
                           : step.at;
  const auto pause = std::max(at - now(), SteadyTime::duration{0});
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(pause).count());
}

resilience::GateName CloudClient::gate_of(const NextStep& step) const {
  return step.what == NextStep::What::ConnectHub ? gate_of_assignment() : resilience::kDpsGate;
}

resilience::GateName CloudClient::gate_of_assignment() const {
  const auto address = hub::HubAddress::parse(assignment_->assigned_hub);
  return address ? address->host : assignment_->assigned_hub;
}

resilience::Turn CloudClient::turn() const {
  if (description_.connect_first) return resilience::Turn::Commanded;
  if (is_new_) return resilience::Turn::New;
  return was_moved_ ? resilience::Turn::Moved : resilience::Turn::Returning;
}

// While one device looks for all whether the endpoint answers, its pauses are everybody's: the
// others stand in line, and come back as soon as it does. What DPS asked of this very device holds
// all the same.
bool CloudClient::stands_in_line(const NextStep& step) const {
  if (step.what == NextStep::What::Provision && recovery_.dps_not_before() > now()) return false;
  return !step.waits_for_operator && parts_.admission.is_open(gate_of(step));
}

void CloudClient::remember() { parts_.backoffs.save(description_.id, recovery_.record()); }

void CloudClient::follow(const NextStep& step) {
  if (stopping_ || !has_lease_) return;
  step_ = step;
  const bool in_line = stands_in_line(step);
  if (in_line) recovery_.on_standing_in_line(now());
  remember();
  view_.failure = step.why;
  if (verdict_ && step.why == ErrorCode::HubRefused) {
    view_.failure = verdict_->failure;
    view_.detail = verdict_->detail;
  }
  phase_ = Phase::Pausing;
  if (step.at <= now() || in_line) {
    view_.next_attempt.reset();
    ask_admission();
    return;
  }
  view_.next_attempt = step.at;
  show(step.waits_for_operator ? CloudState::WaitingForOperator : CloudState::BackingOff);
  step_timer_ = parts_.loop.call_at(step.at, [this] {
    step_timer_ = {};
    view_.next_attempt.reset();
    ask_admission();
  });
}

void CloudClient::on_circumstances_changed() {
  if (phase_ != Phase::Pausing) return;
  parts_.loop.cancel(step_timer_);
  step_timer_ = {};
  follow(recovery_.hurry(step_, now()));
}

void CloudClient::ask_admission() {
  phase_ = Phase::AtGate;
  const resilience::GateName gate = gate_of(step_);
  AdmissionDesk::Visit visit;
  visit.go = [this] { step_.what == NextStep::What::ConnectHub ? connect_hub() : provision(); };
  visit.share = [this](Symptom symptom, const std::string& detail) { share(symptom, detail); };
  // DPS is wanted only because the hub does not answer: when it does, there is nothing to ask.
  if (gate == resilience::kDpsGate && assignment_ &&
      parts_.admission.is_open(gate_of_assignment())) {
    visit.unless_back = gate_of_assignment();
    visit.back = [this] { follow({NextStep::What::ConnectHub, now(), step_.why}); };
  }
  parts_.admission.request(device_, gate, turn(), std::move(visit));
  const auto look = parts_.admission.admission().next_look(gate);
  view_.next_attempt = look;
  show(look && view_.failure ? CloudState::BackingOff : CloudState::WaitingForTurn);
}

// Another device found out what this one would have found.
void CloudClient::share(Symptom symptom, const std::string& detail) {
  if (step_.what == NextStep::What::ConnectHub) {
    follow_hub_failure(symptom, detail, "hub_connect_shared");
    return;
  }
  view_.detail = detail;
  follow(recovery_.on_dps_failure(symptom, {}, now()));
}

void CloudClient::provision() {
  phase_ = Phase::Provisioning;
  recovery_.on_asking(now());
  remember();
  ++view_.dps_conversations;
  show(CloudState::Provisioning);
  parts_.log.write(
      LogLevel::Info, "provisioning",
      {{"device", description_.id},
       {"because", step_.why ? std::string(words_for(*step_.why).label) : "first_time"}});
  date_token();
  provisioner_.start([this](ProvisioningResult result) { on_provisioned(std::move(result)); },
                     token_date_.wall);
}

// To everybody who asks DPS: what this conversation said about DPS itself.
void CloudClient::tell_admission(const ProvisioningResult& result) {
  if (result.assigned || resilience::diagnose(result.symptom).scope == resilience::Scope::Device) {
    parts_.admission.answered(device_);
    return;
  }
  // An unreachable DPS is mostly our own network, and 429 is said to all: one is enough.
  const bool certain =
      result.symptom == Symptom::DpsUnreachable || result.symptom == Symptom::DpsThrottled;
  parts_.admission.failed(device_, result.symptom, result.detail, certain, result.retry_after);
}

void CloudClient::on_provisioned(ProvisioningResult result) {
  if (phase_ != Phase::Provisioning) return;
  hear_time(result);
  if (!result.assigned) result.symptom = explained(result.symptom, result.detail);
  if (result.assigned && !hub::HubAddress::parse(result.assigned->assigned_hub)) {
    result.detail = "assigned hub is no host name";
    result.symptom = Symptom::DpsRejected;
    result.assigned.reset();
  }
  tell_admission(result);
  view_.last_provisioning = CloudAttempt{parts_.loop.clock().wall(), std::nullopt, {}};
  if (!result.assigned) {
    view_.detail = result.detail;
    view_.last_provisioning->failure = resilience::diagnose(result.symptom).code;
    view_.last_provisioning->detail = result.detail;
    NextStep step = recovery_.on_dps_failure(result.symptom, result.retry_after, now());
    hasten_misdated(step);
    if (step.waits_for_operator) verdict_ = {*step.why, result.detail};
    parts_.log.write(LogLevel::Warn, "provisioning_failed",
                     {{"device", description_.id},
                      {"reason", std::string(words_for(*step.why).label)},
                      {"detail", result.detail},
                      {"next", next_of(step)},
                      {"retry_in_ms", pause_before(step)}});
    // A key that was made anew in the cloud: the next attempt is signed with the other one.
    if (result.symptom == Symptom::DpsUnauthorized && parts_.signer.use_other_key()) {
      parts_.log.write(LogLevel::Warn, "other_key", {{"device", description_.id}});
    }
    follow(step);
    return;
  }
  verdict_.reset();
  view_.last_provisioning->detail = result.assigned->assigned_hub;
  Assignment assignment{result.assigned->assigned_hub, result.assigned->device_id,
                        settings_.id_scope, description_.id, parts_.signer.fingerprint()};
  const bool same = assignment_ && *assignment_ == assignment;
  if (!same) {
    was_moved_ = assignment_.has_value();
    if (was_moved_ && parts_.admission.is_open(gate_of_assignment())) {
      parts_.admission.hub_moved(gate_of_assignment(), Symptom::HubUnreachable,
                                 place(*assignment_) + ": another device was moved away from it");
    }
    assignment_ = std::move(assignment);
    assignment_is_saved_ = false;
    view_.assigned_hub = assignment_->assigned_hub;
  }
  const NextStep step = recovery_.on_assigned(
      same ? resilience::AssignedTo::SameHub : resilience::AssignedTo::OtherHub, now());
  parts_.log.write(LogLevel::Info, "assigned",
                   {{"device", description_.id},
                    {"hub", assignment_->assigned_hub},
                    {"same_as_before", same ? "yes" : "no"},
                    {"next", next_of(step)},
                    {"retry_in_ms", pause_before(step)}});
  follow(step);
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
  unproven_ = !parts_.admission.logged_in(device_, gate_of_assignment());
  is_new_ = was_moved_ = false;
  misdated_hastened_ = false;
  if (parts_.clock_watch != nullptr) {
    parts_.clock_watch->on_token_accepted(settings_.token_life, clock_now());
  }
  if (!assignment_is_saved_) parts_.assignments.save(*assignment_);
  assignment_is_saved_ = true;
  verdict_.reset();
  hastened_ = false;
  view_.failure.reset();
  view_.detail.clear();
  view_.last_login = CloudAttempt{parts_.loop.clock().wall(), std::nullopt, place(*assignment_)};
  if (drill_) drill_->on_accepted(assignment_->assigned_hub, now());
  show(CloudState::Online);
  parts_.log.write(LogLevel::Info, "hub_connected",
                   {{"device", description_.id},
                    {"hub", place(*assignment_)},
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
  after_drain_ = std::move(next);
  parts_.loop.cancel(drain_timer_);
  drain_timer_ = parts_.loop.call_at(now() + at_most, [this] {
    drain_timer_ = {};
    if (auto then = std::exchange(after_drain_, nullptr)) then();
  });
  check_drained();
}

void CloudClient::check_drained() {
  if (!after_drain_ || open_calls_ > 0 || !session_.is_drained()) return;
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
                 place(*assignment_) + ": CONNACK " + std::to_string(connack_code));
}

void CloudClient::on_closed(LinkStage stage, Error why) {
  const std::string detail = place(*assignment_) + ": " + why.context;
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

resilience::DpsQuestion CloudClient::dps_question(bool shared) {
  if (std::exchange(hastened_, false)) return resilience::DpsQuestion::NotNow;
  const auto& admission = parts_.admission.admission();
  if (shared && !admission.each_may_ask(gate_of_assignment(), now())) {
    return resilience::DpsQuestion::NotNow;
  }
  return admission.dps_may_be_asked(now()) ? resilience::DpsQuestion::Allowed
                                           : resilience::DpsQuestion::OutOfReach;
}

void CloudClient::follow_hub_failure(Symptom symptom, std::string detail, std::string_view event) {
  const bool shared = event == "hub_connect_shared";
  NextStep step = recovery_.on_hub_failure(symptom, dps_question(shared), now());
  hasten_misdated(step);
  if (!shared) {
    view_.last_login =
        CloudAttempt{parts_.loop.clock().wall(), resilience::diagnose(symptom).code, detail};
  }
  view_.detail = std::move(detail);
  // What was shared is no event of this device: the one that looked has told it.
  parts_.log.write(shared ? LogLevel::Debug : LogLevel::Warn, event,
                   {{"device", description_.id},
                    {"reason", std::string(words_for(*step.why).label)},
                    {"detail", view_.detail},
                    {"attempt", std::to_string(recovery_.failures())},
                    {"next", next_of(step)},
                    {"retry_in_ms", pause_before(step)}});
  follow(step);
}

bool CloudClient::is_trying() const {
  return phase_ == Phase::AtGate || phase_ == Phase::Provisioning || phase_ == Phase::Signing ||
         phase_ == Phase::Connecting;
}

bool CloudClient::try_now() {
  if (phase_ != Phase::Pausing || step_.what != NextStep::What::ConnectHub || stopping_)
    return false;
  if (last_hastened_ && now() - *last_hastened_ < kHastenEvery) return false;
  last_hastened_ = now();
  hastened_ = true;
  parts_.loop.cancel(step_timer_);
  step_timer_ = {};
  view_.next_attempt.reset();
  ask_admission();
  return true;
}

Status CloudClient::rehearse_failover() {
  if (phase_ != Phase::Online || stopping_ || (drill_ && !drill_->finished())) {
    return failure(ErrorCode::Stopped, ErrorKind::Transient, "not online, or rehearsing already");
  }
  drill_.emplace(FailoverDrill::Start{assignment_->assigned_hub, view_.dps_conversations,
                                      view_.hub_connects, window_.in_flight(), now()});
  parts_.outbox.fetch(device_, nullptr, nullptr, FailoverDrill::kHeldMax,
                      [this](const Result<std::vector<StoredMessage>>& rows) {
                        if (drill_) drill_->on_held(rows ? *rows : std::vector<StoredMessage>{});
                      });
  link_.reset();  // without a goodbye, as in a real failure
  parts_.admission.session_ended(device_, gate_of_assignment(), false, {});
  end_link(false);
  follow({NextStep::What::Provision, now(), std::nullopt});
  return {};
}

std::optional<DrillReport> CloudClient::drill_report() const {
  if (!drill_) return std::nullopt;
  return drill_->report(view_.dps_conversations, view_.hub_connects);
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
  session_.on_link_lost(counts, actions);
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

void CloudClient::on_published(PublishToken token) {
  if (std::exchange(unproven_, false)) parts_.admission.answered(device_);
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

void CloudClient::on_stored(const StoredMessage& row) {
  if (drill_) drill_->on_stored(row);
  window_.on_stored(row);
  on_properties_changed();
}

void CloudClient::on_properties_changed() {
  SessionActions actions;
  session_.on_work(now(), actions);
  carry_out(actions);
}

void CloudClient::answer(const std::string& rid, hub::MethodStatus status, std::string_view body) {
  SessionActions actions;
  session_.answer(rid, status, body, actions);
  carry_out(actions);
  if (rid.empty() || open_calls_ == 0) return;
  --open_calls_;
  check_drained();
}

void CloudClient::carry_out(SessionActions& actions) {
  for (auto& action : actions) perform(action);
  arm_session_timer();
  if (session_.trouble() != view_.trouble) show_trouble();
}

// What is wrong in a session that goes on: told when it changes.
void CloudClient::show_trouble() {
  view_.trouble = session_.trouble();
  if (view_.trouble) {
    parts_.log.write(
        LogLevel::Warn, "session_trouble",
        {{"device", description_.id}, {"reason", std::string(words_for(*view_.trouble).label)}});
  }
  events_.on_cloud_changed();
}

void CloudClient::perform(SessionAction& action) {
  if (auto* subscribe = std::get_if<SubscribeTo>(&action)) {
    link_->subscribe(subscribe->subscriptions);
  } else if (auto* send = std::get_if<Send>(&action)) {
    publish(*send);
  } else if (auto* release = std::get_if<ReleaseRow>(&action)) {
    view_.last_delivered = parts_.loop.clock().wall();
    if (drill_) drill_->on_released(release->row, now());
    parts_.outbox.release(device_, release->row);
    events_.on_cloud_changed();
  } else if (auto* quarantine = std::get_if<QuarantineRow>(&action)) {
    parts_.log.write(LogLevel::Error, "message_quarantined",
                     {{"device", description_.id},
                      {"reason", std::string(words_for(quarantine->why).label)},
                      {"message_id", message_id(quarantine->row.epoch, description_.id,
                                                quarantine->row.sequence)}});
    if (drill_) drill_->on_quarantined(quarantine->row, now());
    parts_.outbox.quarantine(device_, quarantine->row, quarantine->why);
  } else if (auto* fetch = std::get_if<FetchRows>(&action)) {
    const auto& [after, before, count] = fetch->fetch;
    // Not bound to the link: the window is the device's, and waits for exactly one answer.
    parts_.outbox.fetch(device_, after ? &*after : nullptr, before ? &*before : nullptr, count,
                        [this](const Result<std::vector<StoredMessage>>& rows) {
                          window_.on_fetched(rows, now());
                          on_properties_changed();
                        });
  } else if (auto* wish = std::get_if<ApplyWish>(&action)) {
    events_.on_wish(std::move(wish->wish));
  } else if (auto* command = std::get_if<RunCommand>(&action)) {
    if (!command->rid.empty()) ++open_calls_;
    events_.on_command(std::move(*command));
  } else if (std::holds_alternative<AwaitAllowance>(action)) {
    parts_.admission.await_service();
  } else if (auto* end = std::get_if<EndLink>(&action)) {
    end_link_soon(Symptom::PubackMissing, std::string(words_for(end->why).meaning));
  }
}

void CloudClient::publish(const Send& send) {
  if (send.qos == Qos::AtMostOnce) {
    (void)link_->publish(send.topic, send.payload, send.qos, send.token);
    return;
  }
  // What was not taken counts as in flight and is sent again on the next link; nothing may overtake
  // it on this one.
  if (link_refused_) return;
  if (link_->publish(send.topic, send.payload, send.qos, send.token)) {
    if (drill_) drill_->on_sent();
    return;
  }
  link_refused_ = true;
  end_link_soon(Symptom::ClosedEarly, place(*assignment_) + ": a message could not be sent");
}

// Later, because this may run inside an event of the link.
void CloudClient::end_link_soon(Symptom symptom, std::string detail) {
  parts_.loop.post([this, alive = alive_, symptom, detail = std::move(detail)]() mutable {
    if (!*alive || !link_) return;
    link_->disconnect();
    on_link_failed(symptom, std::move(detail));
  });
}

void CloudClient::arm_session_timer() {
  const auto due = session_.deadline();
  if (due == session_timer_at_) return;
  parts_.loop.cancel(session_timer_);
  session_timer_ = {};
  session_timer_at_ = due;
  if (!due) return;
  session_timer_ = parts_.loop.call_at(*due, [this] {
    session_timer_ = {};
    session_timer_at_.reset();
    SessionActions actions;
    session_.on_timer(now(), actions);
    carry_out(actions);
  });
}

}  // namespace hubward::device
