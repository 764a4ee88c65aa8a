// What is said over one hub connection: takes what the link reports, returns what to do. It never
// sleeps, counts failures or reconnects: that is the resilience layer's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/device/properties.h"
#include "gateway/device/restamp.h"
#include "gateway/device/send_window.h"
#include "gateway/resilience/allowance.h"
#include "proto/hub/inbound.h"
#include "proto/hub/methods.h"

namespace hubward::device {

struct SubscribeTo {
  std::vector<Subscription> subscriptions;
};
struct Send {
  std::string topic, payload;
  Qos qos;
  PublishToken token;
};
struct ReleaseRow {  // the hub has it
  StoredMessage row;
};
struct QuarantineRow {
  StoredMessage row;
  ErrorCode why;
};
struct FetchRows {
  SendWindow::Fetch fetch;
};
struct ApplyWish {
  Wish wish;
};
struct RunCommand {
  std::string rid;  // empty: an offline command, nobody waits for an answer
  std::string component, command, payload;
};
struct NotUnderstood {  // from the hub; it was acknowledged and changes nothing
  std::string what;
};
struct AwaitAllowance {};  // the hub's rate is used up; on_work() when there is more
struct EndLink {           // the connection is of no use any more
  ErrorCode why;
};
using SessionAction = std::variant<SubscribeTo, Send, ReleaseRow, QuarantineRow, FetchRows,
                                   ApplyWish, RunCommand, NotUnderstood, AwaitAllowance, EndLink>;
using SessionActions = std::vector<SessionAction>;

// Pure; one per device and reused for each of its links. Actions are appended to `out`.
class HubSession {
 public:
  // `registration_id` names the device in message ids; window and properties outlive the session.
  // `keep_alive` is the links': a dead one is noticed after twice that, at the latest.
  HubSession(DeviceIndex device, std::string registration_id, std::chrono::seconds keep_alive,
             SendWindow& window, Properties& properties);

  // `allowance`: of the hub, shared with other devices and outliving the link; null: unlimited.
  void on_connected(const std::string& device_id, resilience::Allowance* allowance, SteadyTime now,
                    SessionActions& out);
  void on_subscribed(SteadyTime now, SessionActions& out);
  // No commands, no properties: telemetry goes on without.
  void on_subscription_refused();
  void on_published(PublishToken token, SteadyTime now, SessionActions& out);
  void on_message(std::string_view topic, std::string_view payload, SteadyTime now,
                  SessionActions& out);
  // How times of untrusted rows are corrected from now on. Until the first call none is.
  void on_clock(const ClockSight& sight) { sight_ = sight; }
  [[nodiscard]] const ClockSight& clock_sight() const { return sight_; }
  // New rows, or new properties to report: also harmless while not connected.
  void on_work(SteadyTime now, SessionActions& out);
  void on_timer(SteadyTime now, SessionActions& out);
  [[nodiscard]] std::optional<SteadyTime> deadline() const;
  void answer(const std::string& rid, hub::MethodStatus status, std::string_view body,
              SessionActions& out);
  // Before a planned disconnect: sends no more telemetry. True when nothing is in flight.
  void pause() { paused_ = true; }
  [[nodiscard]] bool is_drained() const { return window_.in_flight() == 0; }
  // The link is gone. `counts`: the drop may have been caused by a message that was in flight.
  void on_link_lost(bool counts, SteadyTime now, SessionActions& out);

  // What is wrong with the hub's side of a session that goes on, if anything.
  [[nodiscard]] std::optional<ErrorCode> trouble() const { return trouble_; }
  // The hub acknowledged something in this session, or had nothing to acknowledge and answered.
  [[nodiscard]] bool worked() const {
    return acknowledged_ || (twin_ == TwinState::Known && is_drained());
  }

 private:
  enum class TwinState : std::uint8_t { NotAsked, Asked, Known, Unavailable };

  void send_telemetry(SteadyTime now, SessionActions& out);
  void set_aside(SessionActions& out);
  void ask_twin(SteadyTime now, SessionActions& out);
  void send_report(SteadyTime now, SessionActions& out);
  void on_twin_response(const hub::TwinResponse& response, std::string_view payload, SteadyTime now,
                        SessionActions& out);
  void on_desired(const hub::DesiredPatch& patch, std::string_view payload, SteadyTime now,
                  SessionActions& out);
  void send(std::string topic, std::string payload, SessionActions& out);
  [[nodiscard]] bool is_repeated(const hub::CloudToDevice& message);
  // Of the hub's rate; if it is used up, says so in `out`.
  [[nodiscard]] bool may(resilience::Use use, SteadyTime now, SessionActions& out);

  [[nodiscard]] SteadyTime surely_up_till(SteadyTime now) const;

  const DeviceIndex device_;
  std::string registration_id_;
  const std::chrono::seconds keep_alive_;
  SendWindow& window_;
  Properties& properties_;
  std::string device_id_;
  ClockSight sight_;
  resilience::Allowance* allowance_ = nullptr;
  bool connected_ = false;
  bool acknowledged_ = false;  // anything, on this link
  SteadyTime heard_{};         // from the hub, on this link
  bool paused_ = false;
  bool given_up_ = false;  // the end of the link is ordered and has not been reported yet
  std::uint64_t last_token_ =
      0;  // never reused, so that a late PUBACK of an old link means nothing
  std::uint64_t last_rid_ = 0;
  TwinState twin_ = TwinState::NotAsked;
  bool twin_wanted_ = false;   // it is the hub's rate that keeps us from asking
  bool report_waits_ = false;  // and from reporting
  std::optional<ErrorCode> trouble_;
  std::string twin_rid_;
  std::optional<SteadyTime> twin_deadline_;  // answer overdue, or time to ask again
  std::int64_t desired_version_ = 0;
  std::vector<hub::DesiredProperties> early_patches_;  // came before the twin's answer
  std::string report_rid_;
  std::optional<SteadyTime> report_deadline_;
  SteadyTime next_report_{};
  std::vector<std::string> recent_ids_;  // of cloud-to-device messages, over all links
};

}  // namespace hubward::device
