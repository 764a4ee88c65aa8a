// The steps of one identity: lease, turn, DPS, hub, and what follows each failure. Its links are in
// cloud_client_link.cc, what is said over them in cloud_client_session.cc.
#include "gateway/device/cloud_client.h"

#include <algorithm>
#include <utility>

#include "gateway/api/failure_words.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;
using resilience::NextStep;
using resilience::Symptom;

// How long a stop waits for PUBACKs and for the answers to commands.
constexpr auto kStopDrain = 2s;
// Whoever asks again sooner gets the outcome of the last attempt.
constexpr auto kHastenEvery = 10s;

// The hub gives no answer that would be this device's own: others have the same question.
bool asks_later(resilience::Decision decision) {
  return decision == resilience::Decision::ProvisionAfterThree ||
         decision == resilience::Decision::ProvisionAfterTen;
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
      properties_(properties),
      events_(events),
      window_({.order = description.order, .fresh_share_percent = description.fresh_share_percent}),
      session_(device, description.id, settings.keep_alive, window_, properties),
      recovery_(settings.recovery, parts.random),
      provisioner_(settings, description.id, description.model_id, parts.loop, parts.links,
                   parts.signer) {
  if (parts_.answers == nullptr) return;
  if (auto answers = parts_.answers->load(description_.id)) {
    properties_.answers().restore(std::move(*answers));
  }
}

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
  const NextStep first =
      recovery_.start(assignment_.has_value(), now(), parts_.backoffs.load(description_.id));
  if (first.why) view_.detail = "before hubward was started anew";
  follow(first);
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
  if (phase_ == Phase::Provisioning) {
    recovery_.on_asking_dropped();
    remember();
  }
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
  // In line the looks are what it waits for; while one is under way, not longer than it would
  // alone.
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
  if (in_line) {
    view_.next_attempt.reset();
    ask_admission();
    return;
  }
  pause_or_ask();
}

void CloudClient::pause_or_ask() {
  if (step_.at <= now()) {
    view_.next_attempt.reset();
    ask_admission();
    return;
  }
  view_.next_attempt = step_.at;
  show(step_.waits_for_operator ? CloudState::WaitingForOperator : CloudState::BackingOff);
  step_timer_ = parts_.loop.call_at(step_.at, [this] {
    step_timer_ = {};
    view_.next_attempt.reset();
    ask_admission();
  });
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
  show(view_.failure && parts_.admission.is_open(gate) ? CloudState::BackingOff
                                                       : CloudState::WaitingForTurn);
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
                     token_date_.wall,
                     [this](SteadyTime until) {
                       recovery_.on_refused_until(until);
                       remember();
                     });
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
  if (same && step_.why && parts_.admission.is_open(gate_of_assignment())) {
    parts_.admission.confirmed(device_, gate_of_assignment());
  }
  if (!same) {
    was_moved_ = assignment_.has_value();
    // Whom the hub itself has refused it has answered: his move says nothing about the others.
    const bool was_refused =
        step_.why == ErrorCode::HubRefused || step_.why == ErrorCode::HubBadClient;
    if (was_moved_ && !was_refused && parts_.admission.is_open(gate_of_assignment())) {
      parts_.admission.hub_moved(gate_of_assignment(), Symptom::HubUnreachable,
                                 place() + ": another device was moved away from it");
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

resilience::DpsQuestion CloudClient::dps_question(const resilience::Diagnosis& why, bool shared) {
  const bool hastened = std::exchange(hastened_, false);
  const auto& admission = parts_.admission.admission();
  if (why.decision == resilience::Decision::ProvisionAfterTen &&
      recovery_.may_wait_its_turn(now()) && admission.lets_in_a_few(gate_of_assignment(), now())) {
    return resilience::DpsQuestion::NoReason;
  }
  if (asks_later(why.decision) &&
      (hastened || !admission.may_ask_about(gate_of_assignment(), device_, shared, now()))) {
    return resilience::DpsQuestion::NotNow;
  }
  return admission.dps_may_be_asked(now()) ? resilience::DpsQuestion::Allowed
                                           : resilience::DpsQuestion::OutOfReach;
}

void CloudClient::follow_hub_failure(Symptom symptom, std::string detail, std::string_view event) {
  const bool shared = event == "hub_connect_shared";
  const resilience::Diagnosis& diagnosis = resilience::diagnose(symptom);
  NextStep step = recovery_.on_hub_failure(symptom, dps_question(diagnosis, shared), now());
  if (step.what == NextStep::What::Provision && asks_later(diagnosis.decision)) {
    parts_.admission.asked_about(device_, gate_of_assignment());
  }
  hasten_misdated(step);
  if (!shared) {
    view_.last_login = CloudAttempt{parts_.loop.clock().wall(), diagnosis.code, detail};
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
  recovery_.on_hastened();
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

}  // namespace hubward::device
