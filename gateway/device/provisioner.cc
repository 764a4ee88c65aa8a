#include "gateway/device/provisioner.h"

#include <span>
#include <utility>

#include "proto/dps/connect.h"
#include "proto/hub/sas.h"

namespace hubward::device {
namespace {

using resilience::Symptom;

// DPS over MQTT mostly lets everybody in and refuses by message; its CONNACK is handled all the
// same.
Symptom dps_refusal(int connack_code) {
  switch (connack_code) {
    case 3:
      return Symptom::DpsFault;
    case 4:
    case 5:
      return Symptom::DpsUnauthorized;
    default:
      return Symptom::DpsRejected;
  }
}

Symptom dps_verdict(ErrorCode code) {
  switch (code) {
    case ErrorCode::DpsUnauthorized:
      return Symptom::DpsUnauthorized;
    case ErrorCode::DpsNotFound:
      return Symptom::DpsNotFound;
    case ErrorCode::DpsThrottled:
      return Symptom::DpsThrottled;
    case ErrorCode::DpsFault:
      return Symptom::DpsFault;
    case ErrorCode::DpsBlocked:
      return Symptom::DpsBlocked;
    case ErrorCode::DpsAllocationFailed:
      return Symptom::DpsAllocationFailed;
    case ErrorCode::DpsDisabled:
      return Symptom::DpsDisabled;
    case ErrorCode::DpsNoResult:
      return Symptom::DpsNoResult;
    case ErrorCode::LinkLost:
      return Symptom::DpsUnreachable;
    default:
      return Symptom::DpsRejected;
  }
}

// Microsoft's support asks for the tracking id; status and code stand in the context already.
std::string describe(const dps::Failed& failed) {
  if (failed.tracking_id.empty()) return failed.error.context;
  return failed.error.context + ", tracking id " + failed.tracking_id;
}

}  // namespace

Provisioner::Provisioner(const CloudSettings& settings, std::string registration_id,
                         std::string model_id, Loop& loop, MqttLinkOpener& opener, Signer& signer)
    : settings_(settings),
      registration_id_(std::move(registration_id)),
      model_id_(std::move(model_id)),
      loop_(loop),
      opener_(opener),
      signer_(signer) {}

Provisioner::~Provisioner() { cancel(); }

void Provisioner::start(Done done, std::optional<WallTime> token_time, Refused refused) {
  cancel();
  done_ = std::move(done);
  refused_ = std::move(refused);
  const auto claim = hub::dps_claim(settings_.id_scope, registration_id_,
                                    token_time.value_or(loop_.clock().wall()) + dps::kDpsTokenLife);
  signer_.sign(hub::message_to_sign(claim),
               [this, claim, alive = alive_](const Result<std::string>& signature) {
                 if (!*alive) return;
                 if (!signature) {
                   fail(Symptom::DpsUnauthorized, signature.error().context);
                   return;
                 }
                 connect(hub::sas_token(claim, std::as_bytes(std::span(*signature))));
               });
}

void Provisioner::connect(const std::string& token) {
  auto body = dps::register_body(registration_id_, model_id_);
  if (!body) {
    fail(Symptom::DpsRejected, body.error().context);
    return;
  }
  registration_.emplace(std::move(*body), [this] { return "p" + std::to_string(++last_request_); });
  const auto fields = dps::dps_connect(settings_.id_scope, registration_id_, settings_.agent);
  MqttConnect options;
  options.host = settings_.dps_host;
  options.port = settings_.dps_port;
  options.client_id = fields.client_id;
  options.user_name = fields.user_name;
  options.password = SecretText(token);
  options.clean_session = fields.clean_session;
  options.keep_alive = fields.keep_alive;
  link_ = opener_.open(*this, loop_);
  link_->connect(options);
}

void Provisioner::cancel() {
  *alive_ = false;
  alive_ = std::make_shared<bool>(true);
  done_ = nullptr;
  refused_ = nullptr;
  loop_.cancel(timer_);
  timer_ = {};
  registration_.reset();
  link_.reset();
}

void Provisioner::on_connected(bool) {
  carry_out(registration_->on_connected(loop_.clock().steady()));
}

void Provisioner::on_subscribed() {
  carry_out(registration_->on_subscribed(loop_.clock().steady()));
}

void Provisioner::on_subscription_refused() {
  fail(Symptom::DpsRejected, settings_.dps_host + " does not accept the subscription");
}

void Provisioner::on_message(std::string_view topic, std::string_view payload) {
  const auto refused_before = registration_->refused_until();
  carry_out(registration_->on_message(topic, payload, loop_.clock().steady()));
  const auto refused_until = registration_->refused_until();
  if (refused_ && refused_until && refused_until != refused_before) refused_(*refused_until);
}

void Provisioner::on_refused(int connack_code) {
  fail(dps_refusal(connack_code), "CONNACK " + std::to_string(connack_code));
}

void Provisioner::on_closed(LinkStage, Error why) {
  fail(why.code == ErrorCode::ClockWrong ? Symptom::ClockWrong : Symptom::DpsUnreachable,
       settings_.dps_host + ": " + why.context);
}

void Provisioner::carry_out(const dps::Actions& actions) {
  for (const auto& action : actions) {
    if (const auto* subscribe = std::get_if<dps::Subscribe>(&action)) {
      link_->subscribe({{subscribe->topic_filter, Qos::AtLeastOnce}});
    } else if (const auto* publish = std::get_if<dps::Publish>(&action)) {
      // Not taken means that the link is about to report its end.
      (void)link_->publish(publish->topic, publish->payload, Qos::AtLeastOnce,
                           PublishToken{++last_token_});
    } else if (const auto* timer = std::get_if<dps::StartTimer>(&action)) {
      loop_.cancel(timer_);
      timer_ = loop_.call_at(loop_.clock().steady() + timer->delay, [this] {
        timer_ = {};
        carry_out(registration_->on_timer(loop_.clock().steady()));
      });
    } else if (const auto* assigned = std::get_if<dps::Assigned>(&action)) {
      ProvisioningResult result;
      result.assigned = *assigned;
      result.service_time = assigned->service_time;
      finish(std::move(result));
      return;
    } else if (const auto* failed = std::get_if<dps::Failed>(&action)) {
      ProvisioningResult result;
      result.symptom = dps_verdict(failed->error.code);
      result.retry_after = failed->retry_after.value_or(std::chrono::seconds{0});
      result.detail = describe(*failed);
      result.service_time = failed->service_time;
      finish(std::move(result));
      return;
    }
  }
}

void Provisioner::fail(Symptom symptom, std::string detail) {
  ProvisioningResult result;
  result.symptom = symptom;
  result.detail = std::move(detail);
  finish(std::move(result));
}

void Provisioner::finish(ProvisioningResult result) {
  result.heard = {loop_.clock().wall(), loop_.clock().steady()};
  loop_.cancel(timer_);
  timer_ = {};
  if (link_) link_->disconnect();
  // Posted: this runs inside an event of the link, which the owner may destroy next.
  loop_.post([this, alive = alive_, result = std::move(result)]() mutable {
    if (!*alive || !done_) return;
    link_.reset();
    registration_.reset();
    std::exchange(done_, nullptr)(std::move(result));
  });
}

}  // namespace hubward::device
