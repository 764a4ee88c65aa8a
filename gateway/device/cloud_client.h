// One identity's way to the cloud: lease, turn, DPS, hub, session, and again. It carries out what
// Recovery and HubSession decide.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/api/answer_store.h"
#include "gateway/api/assignment_store.h"
#include "gateway/api/backoff_store.h"
#include "gateway/api/lease.h"
#include "gateway/api/log.h"
#include "gateway/api/mqtt_link.h"
#include "gateway/api/random_source.h"
#include "gateway/api/signer.h"
#include "gateway/api/status.h"
#include "gateway/device/admission_desk.h"
#include "gateway/device/clock_news.h"
#include "gateway/device/cloud_settings.h"
#include "gateway/device/failover_drill.h"
#include "gateway/device/hub_session.h"
#include "gateway/device/provisioner.h"
#include "gateway/resilience/clock_watch.h"
#include "gateway/resilience/eviction_watch.h"
#include "gateway/resilience/recovery.h"
#include "proto/hub/address.h"

namespace hubward::device {

// Everything outside that a device needs; all of it outlives the device.
struct CloudParts {
  Loop& loop;
  MqttLinkOpener& links;
  Signer& signer;
  AssignmentStore& assignments;
  BackoffStore& backoffs;
  Outbox& outbox;
  LeaseSource& leases;
  AdmissionDesk& admission;
  RandomSource& random;
  Log& log;
  resilience::ClockWatch* clock_watch = nullptr;  // without it the wall clock is believed
  AnswerStore* answers = nullptr;                 // without it a restart forgets them
};

// What the cloud side tells its device. On the loop.
class CloudEvents {
 public:
  virtual ~CloudEvents() = default;
  virtual void on_cloud_changed() = 0;  // anything of CloudView
  virtual void on_wish(Wish wish) = 0;
  virtual void on_command(RunCommand command) = 0;
};

// What there is to see of it.
struct CloudView {
  CloudState state = CloudState::Starting;
  std::optional<ErrorCode> failure;
  std::string detail;
  std::optional<SteadyTime> next_attempt;
  std::string assigned_hub;
  unsigned failures = 0;
  std::optional<WallTime> last_delivered;
  std::optional<ErrorCode> trouble;       // of the session under way, which goes on
  std::optional<WallTime> token_expires;  // of the link under way
  std::optional<CloudAttempt> last_login;
  std::optional<CloudAttempt> last_provisioning;
  std::uint64_t hub_connects = 0;
  std::uint64_t dps_conversations = 0;
};

class CloudClient final : private MqttLinkEvents {
 public:
  CloudClient(DeviceIndex device, const DeviceDescription& description,
              const CloudSettings& settings, CloudParts parts, Properties& properties,
              CloudEvents& events);
  ~CloudClient() override;

  void start();
  // Lets what is in flight arrive (bounded), disconnects, gives the lease back, then `done`.
  void stop(std::function<void()> done);

  void on_stored(const StoredMessage& row);
  void on_rows_found();  // see OutboxWatcher
  void on_properties_changed();
  void on_clock(const ClockNews& news);
  void answer(const std::string& rid, hub::MethodStatus status, std::string_view body);

  [[nodiscard]] const CloudView& view() const { return view_; }
  [[nodiscard]] std::size_t rows_held() const { return window_.rows_held(); }

  // Somebody waits for the outcome: a pause before an attempt at the hub ends now. The attempt goes
  // through admission like any other. If it fails, the pause goes on where it was, so that asking
  // again and again does not keep the device away; DPS is asked once in it if the hub refuses the
  // device, and not at all if the hub does not answer. False: there is nothing to hasten (online,
  // an attempt under way, DPS comes next and its pauses are kept, or hastened just now).
  bool try_now();
  [[nodiscard]] bool is_trying() const;
  [[nodiscard]] bool is_waiting_for_turn() const { return phase_ == Phase::AtGate; }

  // Drops the link as a failure would, asks DPS anew and follows its answer: to show, while the
  // rest runs, that it works. Error Stopped: not online, or a drill is under way.
  [[nodiscard]] Status rehearse_failover();
  // The drill under way or the last one; nothing: none yet.
  [[nodiscard]] std::optional<DrillReport> drill_report() const;
  void end_drill() { drill_.reset(); }

 private:
  enum class Phase : std::uint8_t {
    Idle,
    Pausing,
    AtGate,
    Provisioning,
    Signing,
    Connecting,
    Online,
    Draining
  };

  void begin();
  void lose_lease();
  [[nodiscard]] std::string pause_before(const resilience::NextStep& step) const;  // in ms
  void follow(const resilience::NextStep& step);
  void pause_or_ask();
  void ask_admission();
  void share(resilience::Symptom symptom, const std::string& detail);
  void provision();
  void on_provisioned(ProvisioningResult result);
  void connect_hub();
  void open_link(const std::string& token, const hub::HubAddress& address);
  void drain_then(std::function<void()> next, std::chrono::milliseconds at_most);
  void check_drained();
  void renew_token();
  void plan_renewal(SteadyTime at);
  void end_link(bool counts);
  // The attempt to connect, or the session, has ended without our doing.
  void on_link_failed(resilience::Symptom symptom, std::string detail);
  [[nodiscard]] resilience::Symptom end_session(resilience::Symptom symptom,
                                                const std::string& detail);
  void follow_hub_failure(resilience::Symptom symptom, std::string detail, std::string_view event);
  [[nodiscard]] resilience::DpsQuestion dps_question(const resilience::Diagnosis& why, bool shared);
  void remember();
  void remember_answers();
  [[nodiscard]] resilience::GateName gate_of(const resilience::NextStep& step) const;
  [[nodiscard]] std::string place() const;  // "hub as device", for logs; only with an assignment
  [[nodiscard]] resilience::GateName gate_of_assignment() const;  // only with an assignment
  [[nodiscard]] bool stands_in_line(const resilience::NextStep& step) const;
  [[nodiscard]] resilience::Turn turn() const;
  void tell_admission(const ProvisioningResult& result);
  void carry_out(SessionActions& actions);
  void show_trouble();
  void perform(SessionAction& action);
  void publish(const Send& send);
  void end_link_soon(resilience::Symptom symptom, std::string detail);
  void arm_session_timer();

  void on_connected(bool session_present) override;
  void on_refused(int connack_code) override;
  void on_subscribed() override;
  void on_subscription_refused() override;
  void on_unsubscribed() override;
  void on_published(PublishToken token) override;
  void on_message(std::string_view topic, std::string_view payload) override;
  void on_closed(LinkStage stage, Error why) override;

  // --- The clock: gateway/device/cloud_client_clock.cc
  void date_token();
  void refresh_sight();
  void hear_time(const ProvisioningResult& result);
  [[nodiscard]] resilience::Symptom explained(resilience::Symptom symptom, std::string& detail);
  void hasten_misdated(resilience::NextStep& step);
  [[nodiscard]] SteadyTime soonest(const resilience::NextStep& step) const;
  [[nodiscard]] resilience::ClockLook clock_now() const;

  void show(CloudState state);
  [[nodiscard]] SteadyTime now() const { return parts_.loop.clock().steady(); }

  const DeviceIndex device_;
  const DeviceDescription& description_;
  const CloudSettings& settings_;
  CloudParts parts_;
  Properties& properties_;
  CloudEvents& events_;
  SendWindow window_;
  HubSession session_;
  resilience::Recovery recovery_;
  resilience::EvictionWatch evictions_;
  Provisioner provisioner_;
  Phase phase_ = Phase::Idle;
  bool stopping_ = false;
  bool has_lease_ = false;
  std::optional<Assignment> assignment_;  // where we go; saved when the hub accepts it
  bool assignment_is_saved_ = false;
  bool is_new_ = true;      // never connected, and DPS did not say in an earlier run where
  bool was_moved_ = false;  // DPS has just named another hub
  resilience::NextStep step_{};
  std::unique_ptr<MqttLink> link_;
  bool link_refused_ = false;         // a message; it takes no more until it has ended
  resilience::ClockLook token_date_;  // the token's time, and the moment it was made
  SteadyTime renewal_at_{};
  bool misdated_hastened_ = false;  // since the clock was set or the hub let us in
  TimerId step_timer_, session_timer_, renewal_timer_, drain_timer_, stable_timer_;
  std::optional<SteadyTime> session_timer_at_;
  std::function<void()> after_drain_;
  bool hears_calls_ = false;    // until the hub says that it passes no more direct methods
  std::size_t open_calls_ = 0;  // direct methods whose callers wait for an answer
  CloudView view_;
  bool hastened_ = false;  // the attempt under way was asked for by try_now()
  std::optional<SteadyTime> last_hastened_;
  SteadyTime next_odd_logged_ = SteadyTime::min();
  std::optional<FailoverDrill> drill_;
  // What a person must act on, as DPS said it last. It explains the hub's refusals, which give no
  // reason, until DPS assigns a hub or the hub lets the device in.
  struct Verdict {
    ErrorCode failure;
    std::string detail;
  };
  std::optional<Verdict> verdict_;
  // Set to false when this object goes or its link ends, so that late answers find nobody.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with pending answers
};

}  // namespace hubward::device
