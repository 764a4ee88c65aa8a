// Carries out what CloudClient's HubSession decides.
#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/device/cloud_client.h"

namespace hubward::device {

using resilience::Symptom;

namespace {
// A hub that says the same thing again and again does not fill the log.
constexpr std::chrono::minutes kOddLogged{1};
}  // namespace

void CloudClient::on_stored(const StoredMessage& row) {
  if (drill_) drill_->on_stored(row);
  window_.on_stored(row);
  on_properties_changed();
}

void CloudClient::on_rows_found() {
  window_.look_again();
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

// Before a wish is written: if we die then, the next run shall know that it may have been. The file
// follows a moment later: a disk that is slow or full must not hold up a write.
void CloudClient::remember_answers() {
  if (!properties_.answers().take_changed() || parts_.answers == nullptr) return;
  parts_.answers->save(description_.id, properties_.answers().all());
}

void CloudClient::carry_out(SessionActions& actions) {
  remember_answers();
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
  } else if (const auto* odd = std::get_if<NotUnderstood>(&action)) {
    if (now() < next_odd_logged_) return;
    next_odd_logged_ = now() + kOddLogged;
    parts_.log.write(LogLevel::Warn, "hub_message_not_understood",
                     {{"device", description_.id}, {"what", odd->what}});
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
  end_link_soon(Symptom::ClosedEarly, place() + ": a message could not be sent");
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
