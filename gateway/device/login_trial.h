// One login at a hub for its own sake: CONNECT, what the hub says, goodbye.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gateway/api/assignment_store.h"
#include "gateway/api/mqtt_link.h"
#include "gateway/api/signer.h"
#include "gateway/api/status.h"
#include "gateway/device/cloud_settings.h"

namespace hubward::device {

// For `hubward why` without a running gateway. It pushes out whoever holds the identity's
// connection: only with the state folder's lock in hand. On one loop; one trial at a time.
class LoginTrial final : private MqttLinkEvents {
 public:
  LoginTrial(const CloudSettings& settings, std::string model_id, Loop& loop,
             MqttLinkOpener& opener, Signer& signer);
  ~LoginTrial() override;

  // `done` runs once, never inside this call, within the time-outs of MqttConnect. The failure is
  // the code that gateway/resilience/diagnosis gives it.
  void start(const Assignment& assignment, std::function<void(CloudAttempt)> done);

 private:
  void connect(const std::string& token, const Assignment& assignment);
  void finish(std::optional<ErrorCode> failure, const std::string& detail);

  void on_connected(bool session_present) override;
  void on_refused(int connack_code) override;
  void on_subscribed() override {}
  void on_subscription_refused() override {}
  void on_published(PublishToken) override {}
  void on_message(std::string_view, std::string_view) override {}
  void on_closed(LinkStage stage, Error why) override;

  const CloudSettings& settings_;
  const std::string model_id_;
  Loop& loop_;
  MqttLinkOpener& opener_;
  Signer& signer_;
  std::string place_;
  std::unique_ptr<MqttLink> link_;
  std::function<void(CloudAttempt)> done_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with pending answers
};

}  // namespace hubward::device
