#include "gateway/device/login_trial.h"

#include <span>
#include <utility>

#include "gateway/resilience/diagnosis.h"
#include "proto/hub/address.h"
#include "proto/hub/connect.h"
#include "proto/hub/sas.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;
using resilience::Symptom;

// Long enough for the login; the token is of no use to anybody afterwards.
constexpr auto kTokenLife = 5min;

}  // namespace

LoginTrial::LoginTrial(const CloudSettings& settings, std::string model_id, Loop& loop,
                       MqttLinkOpener& opener, Signer& signer)
    : settings_(settings),
      model_id_(std::move(model_id)),
      loop_(loop),
      opener_(opener),
      signer_(signer) {}

LoginTrial::~LoginTrial() { *alive_ = false; }

void LoginTrial::start(const Assignment& assignment, std::function<void(CloudAttempt)> done) {
  done_ = std::move(done);
  place_ = assignment.assigned_hub + " as " + assignment.device_id;
  const auto address = hub::HubAddress::parse(assignment.assigned_hub);
  if (!address) return finish(ErrorCode::HubBadClient, place_ + ": no host name");
  const auto claim =
      hub::hub_claim(address->host, assignment.device_id, loop_.clock().wall() + kTokenLife);
  signer_.sign(hub::message_to_sign(claim),
               [this, claim, assignment, alive = alive_](const Result<std::string>& signature) {
                 if (!*alive) return;
                 if (!signature) return finish(ErrorCode::HubRefused, signature.error().context);
                 connect(hub::sas_token(claim, std::as_bytes(std::span(*signature))), assignment);
               });
}

void LoginTrial::connect(const std::string& token, const Assignment& assignment) {
  const auto address = hub::HubAddress::parse(assignment.assigned_hub);
  const auto fields =
      hub::hub_connect(address->host, assignment.device_id, settings_.agent, model_id_);
  MqttConnect options;
  options.host = address->host;
  options.port = address->port;
  options.client_id = fields.client_id;
  options.user_name = fields.user_name;
  options.password = SecretText(token);
  options.clean_session = fields.clean_session;  // true would throw away queued commands
  options.keep_alive = settings_.keep_alive;
  link_ = opener_.open(*this, loop_);
  link_->connect(options);
}

void LoginTrial::on_connected(bool) { finish(std::nullopt, place_); }

void LoginTrial::on_refused(int connack_code) {
  finish(resilience::diagnose(resilience::hub_refusal(connack_code)).code,
         place_ + ": CONNACK " + std::to_string(connack_code));
}

void LoginTrial::on_closed(LinkStage stage, Error why) {
  const bool transport =
      stage == LinkStage::Name || stage == LinkStage::Tcp || stage == LinkStage::Tls;
  ErrorCode code = why.code;
  if (!transport) {
    code = resilience::diagnose(why.code == ErrorCode::ConnectTimeout ? Symptom::HubSilent
                                                                      : Symptom::ClosedEarly)
               .code;
  }
  finish(code, place_ + ": " + why.context);
}

void LoginTrial::finish(std::optional<ErrorCode> failure, const std::string& detail) {
  if (link_) link_->disconnect();
  // Posted: this may run inside an event of the link, which goes then.
  loop_.post([this, alive = alive_,
              attempt = CloudAttempt{loop_.clock().wall(), failure, detail}]() mutable {
    if (!*alive || !done_) return;
    link_.reset();
    std::exchange(done_, nullptr)(std::move(attempt));
  });
}

}  // namespace hubward::device
