// Has one conversation with DPS over a link of its own and ends it. When to have one is decided
// elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "gateway/api/loop.h"
#include "gateway/api/mqtt_link.h"
#include "gateway/api/signer.h"
#include "gateway/device/cloud_settings.h"
#include "gateway/resilience/clock_watch.h"
#include "proto/dps/registration.h"

namespace hubward::device {

struct ProvisioningResult {
  std::optional<dps::Assigned> assigned;
  // Unless assigned:
  resilience::Symptom symptom{};
  std::chrono::milliseconds retry_after{0};
  std::string detail;  // code, tracking id: for the log and for Microsoft's support
  // Assigned or not: what DPS said of the time, and our clocks at that moment.
  std::optional<dps::ServiceTime> service_time;
  resilience::ClockLook heard;
};

// On the device's loop; one conversation at a time.
class Provisioner final : private MqttLinkEvents {
 public:
  using Done = std::function<void(ProvisioningResult)>;
  // DPS has refused a request of this conversation, which goes on, and named a time.
  using Refused = std::function<void(SteadyTime until)>;

  Provisioner(const CloudSettings& settings, std::string registration_id, std::string model_id,
              Loop& loop, MqttLinkOpener& opener, Signer& signer);
  ~Provisioner() override;

  // `done` runs once, never inside this call, unless cancelled. `token_time`: what the token is
  // dated by; nothing: the wall clock. `refused` runs as often as that happens.
  void start(Done done, std::optional<WallTime> token_time = std::nullopt, Refused refused = {});
  void cancel();

 private:
  void connect(const std::string& token);
  void carry_out(const dps::Actions& actions);
  void finish(ProvisioningResult result);
  void fail(resilience::Symptom symptom, std::string detail);

  void on_connected(bool session_present) override;
  void on_refused(int connack_code) override;
  void on_subscribed() override;
  void on_subscription_refused() override;
  void on_published(PublishToken) override {}
  void on_message(std::string_view topic, std::string_view payload) override;
  void on_closed(LinkStage stage, Error why) override;

  const CloudSettings& settings_;
  const std::string registration_id_;
  const std::string model_id_;
  Loop& loop_;
  MqttLinkOpener& opener_;
  Signer& signer_;
  std::unique_ptr<MqttLink> link_;
  std::optional<dps::Registration> registration_;
  TimerId timer_;
  Done done_;
  Refused refused_;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_token_ = 0;
  // Set to false when a conversation is over, so that a late signature finds nobody.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with pending signatures
};

}  // namespace hubward::device
