#include "gateway/device/hub_session.h"

#include <algorithm>
#include <utility>

#include "gateway/resilience/diagnosis.h"
#include "proto/hub/connect.h"
#include "proto/hub/telemetry.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;

// How long the SDKs wait for a twin; and the pause after a 429 or 5xx (reference section 6.2).
constexpr auto kTwinAnswer = 60s;
constexpr auto kTwinPause = 15s;
// A hub takes 50 twin updates a second from all devices together.
constexpr auto kReportInterval = 1s;
// Patches that arrive while the twin is on its way; if there are more, a newer twin is asked for.
constexpr std::size_t kEarlyPatchesMax = 16;
// A hub repeats a queued command whose acknowledgement got lost with the link; it holds at most 50
// of them for a device.
constexpr std::size_t kRecentIdsMax = 50;
constexpr std::size_t kShownMax = 100;  // of a topic that is not ours

bool is_success(int status) { return status >= 200 && status < 300; }
bool is_passing(int status) { return status == 429 || status >= 500; }

ErrorCode twin_trouble(int status) {
  using resilience::Symptom;
  const Symptom seen = status == 429        ? Symptom::TwinThrottled
                       : is_passing(status) ? Symptom::TwinFault
                                            : Symptom::TwinRejected;
  return resilience::diagnose(seen).code;
}

void earliest(std::optional<SteadyTime>& best, const std::optional<SteadyTime>& other) {
  if (other && (!best || *other < *best)) best = other;
}

}  // namespace

HubSession::HubSession(DeviceIndex device, std::string registration_id,
                       std::chrono::seconds keep_alive, SendWindow& window, Properties& properties)
    : device_(device),
      registration_id_(std::move(registration_id)),
      keep_alive_(keep_alive),
      window_(window),
      properties_(properties) {}

void HubSession::on_connected(const std::string& device_id, resilience::Allowance* allowance,
                              SteadyTime now, SessionActions& out) {
  device_id_ = device_id;
  allowance_ = allowance;
  connected_ = true;
  window_.on_link_up();
  acknowledged_ = false;
  heard_ = now;
  twin_wanted_ = report_waits_ = false;
  trouble_.reset();
  paused_ = false;
  given_up_ = false;
  twin_ = TwinState::NotAsked;
  SubscribeTo subscribe;
  for (auto& wanted : hub::hub_subscriptions(device_id)) {
    subscribe.subscriptions.push_back(
        {std::move(wanted.topic_filter), wanted.qos == 0 ? Qos::AtMostOnce : Qos::AtLeastOnce});
  }
  out.emplace_back(std::move(subscribe));
  twin_deadline_ = now + kTwinAnswer;  // also guards the SUBACK
  send_telemetry(now, out);
}

void HubSession::on_subscribed(SteadyTime now, SessionActions& out) { ask_twin(now, out); }

void HubSession::on_subscription_refused() {
  twin_ = TwinState::Unavailable;
  twin_deadline_.reset();
  trouble_ = resilience::diagnose(resilience::Symptom::SubscriptionRefused).code;
}

bool HubSession::may(resilience::Use use, SteadyTime now, SessionActions& out) {
  if (allowance_ == nullptr || allowance_->take(use, device_, now)) return true;
  out.emplace_back(AwaitAllowance{});
  return false;
}

void HubSession::ask_twin(SteadyTime now, SessionActions& out) {
  twin_deadline_.reset();
  twin_wanted_ = !may(resilience::Use::TwinRead, now, out);
  if (twin_wanted_) return;
  twin_ = TwinState::Asked;
  twin_rid_ = "g" + std::to_string(++last_rid_);
  twin_deadline_ = now + kTwinAnswer;
  early_patches_.clear();
  send(hub::twin_get_topic(twin_rid_), {}, out);
}

void HubSession::on_published(PublishToken token, SteadyTime now, SessionActions& out) {
  heard_ = now;
  acknowledged_ = true;
  if (auto row = window_.on_puback(token)) out.emplace_back(ReleaseRow{std::move(*row)});
  set_aside(out);
  send_telemetry(now, out);
}

void HubSession::on_work(SteadyTime now, SessionActions& out) {
  if (!connected_) return;
  if (twin_wanted_) ask_twin(now, out);
  send_telemetry(now, out);
  send_report(now, out);
}

void HubSession::send_telemetry(SteadyTime now, SessionActions& out) {
  if (!connected_ || paused_ || given_up_) return;
  window_.hold_backlog(false);
  while (const StoredMessage* next = window_.next_to_send()) {
    const OutboxMessage& message = next->message;
    hub::TelemetryProperties properties;
    properties.message_id = message_id(next->epoch, registration_id_, next->sequence);
    properties.component = message.component;
    const MessageTime time = message_time(message, sight_, now);
    properties.created_at = time.created;
    properties.user = message.properties;
    if (!time.mark.empty()) properties.user.emplace_back(kClockProperty, time.mark);
    auto topic = hub::telemetry_topic(device_id_, properties, message.body.size());
    if (!topic) {
      const ErrorCode why = topic.error().code;
      out.emplace_back(QuarantineRow{window_.take_next(), why});
      continue;
    }
    const auto use =
        window_.next_is_backlog() ? resilience::Use::BacklogSend : resilience::Use::Send;
    if (!may(use, now, out)) {
      if (use == resilience::Use::Send) break;
      // What is new need not wait for what is old, if the device's order allows it.
      window_.hold_backlog(true);
      continue;
    }
    const PublishToken token{++last_token_};
    out.emplace_back(Send{std::move(*topic), message.body, Qos::AtLeastOnce, token});
    window_.on_sent(token, now);
  }
  if (auto fetch = window_.wants_rows(now)) out.emplace_back(FetchRows{std::move(*fetch)});
}

void HubSession::send_report(SteadyTime now, SessionActions& out) {
  if (twin_ != TwinState::Known || report_deadline_ || now < next_report_) return;
  if (!properties_.has_report()) return;
  report_waits_ = !may(resilience::Use::TwinUpdate, now, out);
  if (report_waits_) return;
  auto patch = properties_.take_report();
  if (!patch) return;
  report_rid_ = "r" + std::to_string(++last_rid_);
  report_deadline_ = now + kTwinAnswer;
  next_report_ = now + kReportInterval;
  send(hub::reported_patch_topic(report_rid_), std::move(*patch), out);
}

void HubSession::send(std::string topic, std::string payload, SessionActions& out) {
  out.emplace_back(Send{std::move(topic), std::move(payload), Qos::AtMostOnce, {}});
}

void HubSession::on_message(std::string_view topic, std::string_view payload, SteadyTime now,
                            SessionActions& out) {
  heard_ = now;
  auto inbound = hub::parse_inbound(device_id_, topic);
  if (!inbound) {
    out.emplace_back(NotUnderstood{inbound.error().context});
    return;
  }
  if (auto* method = std::get_if<hub::DirectMethodRequest>(&*inbound)) {
    out.emplace_back(RunCommand{std::move(method->rid), std::move(method->component),
                                std::move(method->command), std::string(payload)});
  } else if (const auto* response = std::get_if<hub::TwinResponse>(&*inbound)) {
    on_twin_response(*response, payload, now, out);
  } else if (const auto* patch = std::get_if<hub::DesiredPatch>(&*inbound)) {
    on_desired(*patch, payload, now, out);
  } else if (const auto* cloud = std::get_if<hub::CloudToDevice>(&*inbound)) {
    if (is_repeated(*cloud)) return;
    // One without a name, too: somebody must be told that nothing came of it.
    const std::string_view name = cloud->offline_command().value_or("");
    const auto [component, command] = hub::split_command_name(name);
    out.emplace_back(
        RunCommand{{}, std::string(component), std::string(command), std::string(payload)});
  } else {
    out.emplace_back(NotUnderstood{"topic " + std::string(topic.substr(0, kShownMax))});
  }
  send_report(now, out);
}

// A command is carried out once in a run, also if the hub says it twice.
bool HubSession::is_repeated(const hub::CloudToDevice& message) {
  const auto id = message.property("$.mid");
  if (!id) return false;
  if (std::find(recent_ids_.begin(), recent_ids_.end(), *id) != recent_ids_.end()) return true;
  if (recent_ids_.size() >= kRecentIdsMax) recent_ids_.erase(recent_ids_.begin());
  recent_ids_.emplace_back(*id);
  return false;
}

void HubSession::on_twin_response(const hub::TwinResponse& response, std::string_view payload,
                                  SteadyTime now, SessionActions& out) {
  if (response.rid == report_rid_ && report_deadline_) {
    report_deadline_.reset();
    if (is_success(response.status)) {
      trouble_.reset();
      properties_.report_accepted();
    } else if (is_passing(response.status)) {
      trouble_ = twin_trouble(response.status);
      properties_.report_failed();
      next_report_ = now + kTwinPause;
    } else {
      trouble_ = twin_trouble(response.status);
      properties_.report_refused();
    }
    return;
  }
  if (response.rid != twin_rid_ || twin_ != TwinState::Asked) return;
  if (!is_success(response.status)) {
    trouble_ = twin_trouble(response.status);
    // A basic-tier hub has no twins: telemetry goes on without.
    twin_ = is_passing(response.status) ? TwinState::NotAsked : TwinState::Unavailable;
    twin_deadline_.reset();
    if (twin_ == TwinState::NotAsked) twin_deadline_ = now + kTwinPause;
    return;
  }
  twin_deadline_.reset();
  const auto twin = hub::parse_twin(payload, properties_.components());
  if (!twin) {
    twin_ = TwinState::Unavailable;
    trouble_ = resilience::diagnose(resilience::Symptom::TwinFault).code;
    out.emplace_back(NotUnderstood{"its properties (twin): " + twin.error().context});
    return;
  }
  twin_ = TwinState::Known;
  trouble_.reset();
  desired_version_ = twin->desired.version;
  for (auto& wish : properties_.on_twin(*twin, now)) out.emplace_back(ApplyWish{std::move(wish)});
  for (const auto& patch : std::exchange(early_patches_, {})) {
    if (patch.version <= desired_version_) continue;
    desired_version_ = patch.version;
    for (auto& wish : properties_.on_patch(patch)) out.emplace_back(ApplyWish{std::move(wish)});
  }
}

void HubSession::on_desired(const hub::DesiredPatch& patch, std::string_view payload,
                            SteadyTime now, SessionActions& out) {
  auto desired = hub::parse_desired_patch(payload, patch.version, properties_.components());
  if (!desired) {
    out.emplace_back(NotUnderstood{"a desired property: " + desired.error().context});
    return;
  }
  if (twin_ == TwinState::Asked && early_patches_.size() == kEarlyPatchesMax)
    return ask_twin(now, out);
  if (twin_ != TwinState::Known) {
    if (twin_ == TwinState::Asked) early_patches_.push_back(std::move(*desired));
    return;
  }
  if (desired->version <= desired_version_) return;
  desired_version_ = desired->version;
  for (auto& wish : properties_.on_patch(*desired)) out.emplace_back(ApplyWish{std::move(wish)});
}

std::optional<SteadyTime> HubSession::deadline() const {
  if (!connected_ || given_up_) return std::nullopt;
  std::optional<SteadyTime> next = window_.puback_deadline();
  earliest(next, twin_deadline_);
  earliest(next, report_deadline_);
  if (!paused_) earliest(next, window_.fetch_again_at());
  // A report held back by the interval is sent with the next event or this look.
  if (twin_ == TwinState::Known && !report_deadline_ && !report_waits_ &&
      properties_.has_report()) {
    earliest(next, next_report_);
  }
  return next;
}

void HubSession::on_timer(SteadyTime now, SessionActions& out) {
  if (!connected_ || given_up_) return;
  if (const auto due = window_.puback_deadline(); due && *due <= now) {
    given_up_ = true;
    out.emplace_back(EndLink{ErrorCode::PubackMissing});
    return;
  }
  if (twin_deadline_ && *twin_deadline_ <= now) {
    if (twin_ == TwinState::Asked)
      trouble_ = resilience::diagnose(resilience::Symptom::TwinFault).code;
    ask_twin(now, out);
  }
  if (report_deadline_ && *report_deadline_ <= now) {
    report_deadline_.reset();
    properties_.report_failed();
  }
  send_telemetry(now, out);
  send_report(now, out);
}

void HubSession::answer(const std::string& rid, hub::MethodStatus status, std::string_view body,
                        SessionActions& out) {
  if (!connected_ || rid.empty()) return;
  auto response = hub::method_response(rid, status, body);
  send(std::move(response.topic), std::move(response.payload), out);
}

// A link that ends may have been dead for long: of one on which nothing is said, that shows only by
// its keep-alive, which nobody tells us about.
SteadyTime HubSession::surely_up_till(SteadyTime now) const {
  return std::max(heard_, now - 2 * keep_alive_);
}

void HubSession::on_link_lost(bool counts, SteadyTime now, SessionActions& out) {
  if (!connected_) return;
  if (twin_ == TwinState::Known) properties_.on_away(counts ? surely_up_till(now) : now);
  connected_ = false;
  allowance_ = nullptr;
  trouble_.reset();
  if (report_deadline_) properties_.report_failed();
  report_deadline_.reset();
  twin_deadline_.reset();
  early_patches_.clear();
  const LinkEnd lost = given_up_ ? LinkEnd::PubackMissing : LinkEnd::Lost;
  window_.on_link_lost(counts ? lost : LinkEnd::Planned);
  set_aside(out);
}

void HubSession::set_aside(SessionActions& out) {
  for (auto& row : window_.take_condemned()) {
    out.emplace_back(QuarantineRow{std::move(row), ErrorCode::MessageQuarantined});
  }
}

}  // namespace hubward::device
