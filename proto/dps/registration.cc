#include "proto/dps/registration.h"

#include <algorithm>

#include "proto/hub/address.h"
#include "proto/json.h"
#include "proto/percent.h"

namespace hubward::dps {
namespace {

// Operation ids seen are about 60 characters; the topic that carries one back must stay small.
constexpr std::size_t kMaxOperationIdLength = 512;
// DPS refuses messages over 96 KB.
constexpr std::size_t kMaxRegisterBodyBytes = std::size_t{96} * 1024;

constexpr std::int64_t kNoHubAvailable = 400208;
constexpr std::int64_t kAllocationUnauthorized = 400209;

std::string described(const ReplyTopic& topic, const ReplyBody& body, std::string_view what) {
  std::string text = "DPS answered " + std::to_string(topic.status);
  if (body.error_code) text += " (" + std::to_string(*body.error_code) + ")";
  if (!what.empty()) text.append(", ").append(what);
  if (!body.message.empty()) text += ": " + body.message;
  return text;
}

Failed failed_with(ErrorCode code, ErrorKind kind, const ReplyTopic& topic, const ReplyBody& body,
                   std::string_view what = {}) {
  return {{code, kind, described(topic, body, what)},
          topic.retry_after,
          topic.status,
          body.error_code,
          body.tracking_id,
          body.service_time};
}

// Replies whose topic status is no success. Source: Azure DPS, "Communicate using the MQTT
// protocol" and the error codes of its REST interface, which the two share.
Failed refusal(const ReplyTopic& topic, const ReplyBody& body) {
  const auto failed = [&](ErrorCode code, ErrorKind kind) {
    return failed_with(code, kind, topic, body);
  };
  if (topic.status >= 500) return failed(ErrorCode::DpsFault, ErrorKind::Transient);
  switch (topic.status) {
    case 401:
    case 403:
      return failed(ErrorCode::DpsUnauthorized, ErrorKind::Unauthorized);
    case 404:
      return failed(ErrorCode::DpsNotFound, ErrorKind::Permanent);
    case 409:  // conflict with the current state: worth one more try, later
    case 412:
      return failed(ErrorCode::DpsRejected, ErrorKind::Transient);
    case 429:
      return failed(ErrorCode::DpsThrottled, ErrorKind::Throttled);
    default:
      return failed(ErrorCode::DpsRejected, ErrorKind::Permanent);
  }
}

Failed allocation_failure(const ReplyTopic& topic, const ReplyBody& body) {
  if (body.error_code == kAllocationUnauthorized) {
    return failed_with(ErrorCode::DpsBlocked, ErrorKind::Permanent, topic, body, "failed");
  }
  const auto kind =
      body.error_code == kNoHubAvailable ? ErrorKind::Permanent : ErrorKind::Transient;
  return failed_with(ErrorCode::DpsAllocationFailed, kind, topic, body, "failed");
}

// A failure that no reply of DPS explains.
Failed without_answer(ErrorCode code, const char* why,
                      std::optional<std::chrono::seconds> retry_after = {}) {
  return {{code, ErrorKind::Transient, why}, retry_after, {}, {}, {}, {}};
}

}  // namespace

Result<std::string> register_body(std::string_view registration_id, std::string_view model_id,
                                  std::string_view extra_json) {
  json::Document payload(rapidjson::kObjectType);
  if (!extra_json.empty()) {
    auto extra = json::parse(extra_json, {kMaxRegisterBodyBytes, 32});
    if (!extra) return tl::unexpected(extra.error());
    if (!extra->IsObject()) {
      return failure(ErrorCode::Malformed, ErrorKind::Permanent,
                     "the DPS payload must be a JSON object");
    }
    payload = std::move(*extra);
  }
  const auto text = [&payload](std::string_view value) {
    return json::Value(value.data(), static_cast<rapidjson::SizeType>(value.size()),
                       payload.GetAllocator());
  };
  if (!model_id.empty()) {
    if (const auto* other = json::find(payload, "modelId")) {
      if (json::as_string(other) != model_id) {
        return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                       "the DPS payload names another modelId than the device");
      }
    } else {
      payload.AddMember("modelId", text(model_id), payload.GetAllocator());
    }
  }
  json::Value body(rapidjson::kObjectType);
  body.AddMember("registrationId", text(registration_id), payload.GetAllocator());
  if (!payload.ObjectEmpty()) {
    body.AddMember("payload", static_cast<json::Value&>(payload), payload.GetAllocator());
  }
  auto result = json::to_text(body);
  if (result.size() > kMaxRegisterBodyBytes) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                   "the DPS payload is larger than 96 KB");
  }
  return result;
}

Registration::Registration(std::string register_body, RequestIds next_request_id)
    : register_body_(std::move(register_body)), next_request_id_(std::move(next_request_id)) {}

Actions Registration::on_connected(SteadyTime now) {
  if (state_ != State::Idle) return {};
  budget_end_ = now + kAttemptBudget;
  state_ = State::Subscribing;
  due_ = now + kReplyTimeout;
  return {Subscribe{std::string(kReplyFilter)}, timer_until(due_, now)};
}

Actions Registration::on_subscribed(SteadyTime now) {
  return state_ == State::Subscribing ? send_request(now) : Actions{};
}

Actions Registration::on_message(std::string_view topic, std::string_view payload, SteadyTime now) {
  if (state_ != State::AwaitingReply) return {};
  const auto parsed = parse_reply_topic(topic);
  // Without a request id of ours it is nobody's answer; the reply time-out covers a broken one.
  if (!parsed || !*parsed || (*parsed)->rid != pending_rid_) return {};
  const ReplyTopic& reply = **parsed;
  pending_rid_.clear();

  auto body = parse_reply_body(payload);
  if (reply.status >= 300 || reply.status < 200) {
    const auto failed = refusal(reply, body ? *body : ReplyBody{});
    return reply.status == 429 || reply.status >= 500 ? retry_or_fail(failed, now) : finish(failed);
  }
  if (!body) {
    return retry_or_fail(failed_with(ErrorCode::DpsFault, ErrorKind::Transient, reply, {},
                                     "but the answer is unreadable"),
                         now);
  }
  return on_decision(reply, *body, now);
}

Actions Registration::on_decision(const ReplyTopic& topic, const ReplyBody& body, SteadyTime now) {
  switch (body.status) {
    case RegistrationStatus::Unassigned:
    case RegistrationStatus::Assigning:
      if (!body.operation_id.empty() && body.operation_id.size() <= kMaxOperationIdLength) {
        operation_id_ = body.operation_id;
      }
      return wait(topic.retry_after.value_or(kMinPollDelay), topic.retry_after, now);
    case RegistrationStatus::Assigned:
      if (!hub::HubAddress::parse(body.assigned_hub) || !hub::check_device_id(body.device_id)) {
        return finish(failed_with(ErrorCode::DpsFault, ErrorKind::Transient, topic, body,
                                  "assigned, but without a usable hub and device id"));
      }
      return finish(Assigned{body.assigned_hub, body.device_id, body.substatus, body.service_time});
    case RegistrationStatus::Failed:
      return finish(allocation_failure(topic, body));
    case RegistrationStatus::Disabled:
      return finish(
          failed_with(ErrorCode::DpsDisabled, ErrorKind::Permanent, topic, body, "disabled"));
    case RegistrationStatus::Absent:
    case RegistrationStatus::Unknown:
      break;
  }
  return finish(failed_with(ErrorCode::DpsFault, ErrorKind::Transient, topic, body,
                            "with a status that is not known"));
}

Actions Registration::on_timer(SteadyTime now) {
  if (state_ == State::Idle || state_ == State::Finished) return {};
  if (now >= budget_end_) return no_result(std::nullopt);
  if (now < due_) return {timer_until(due_, now)};
  if (state_ == State::Subscribing) {
    return finish(without_answer(ErrorCode::DpsFault,
                                 "DPS did not acknowledge the subscription within 30 s"));
  }
  return send_request(now);
}

Actions Registration::on_disconnected() {
  if (state_ == State::Finished) return {};
  return finish(
      without_answer(ErrorCode::LinkLost, "DPS closed the connection before it had decided"));
}

// Registers, or polls once there is an operation to ask for.
Actions Registration::send_request(SteadyTime now) {
  pending_rid_ = next_request_id_();
  Publish publish;
  if (operation_id_.empty()) {
    publish = {"$dps/registrations/PUT/iotdps-register/?$rid=" + pending_rid_, register_body_};
  } else {
    ++polls_;
    publish = {"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=" + pending_rid_ +
                   "&operationId=" + percent_encode(operation_id_),
               ""};
  }
  state_ = State::AwaitingReply;
  due_ = std::min(now + kReplyTimeout, budget_end_);
  return {std::move(publish), timer_until(due_, now)};
}

Actions Registration::wait(std::chrono::seconds delay,
                           std::optional<std::chrono::seconds> retry_after, SteadyTime now) {
  const SteadyTime due = now + std::max(delay, kMinPollDelay);
  if (due >= budget_end_) return no_result(retry_after);
  state_ = State::Waiting;
  due_ = due;
  return {timer_until(due_, now)};
}

// A fault on a poll leaves the operation alive at DPS, so asking again is cheaper than a new
// attempt. A refused registration ends the attempt: its repetition has to pass admission.
Actions Registration::retry_or_fail(Failed failed, SteadyTime now) {
  if (operation_id_.empty() || ++transient_polls_ > kMaxTransientPolls) {
    return finish(std::move(failed));
  }
  const SteadyTime due = now + std::max(failed.retry_after.value_or(kMinPollDelay), kMinPollDelay);
  if (due >= budget_end_) return finish(std::move(failed));
  if (failed.retry_after) refused_until_ = now + *failed.retry_after;
  state_ = State::Waiting;
  due_ = due;
  return {timer_until(due_, now)};
}

Actions Registration::no_result(std::optional<std::chrono::seconds> retry_after) {
  const char* why = operation_id_.empty() ? "DPS did not answer the registration within 2 minutes"
                                          : "DPS was still assigning a hub after 2 minutes";
  return finish(without_answer(ErrorCode::DpsNoResult, why, retry_after));
}

Actions Registration::finish(Action verdict) {
  state_ = State::Finished;
  pending_rid_.clear();
  return {std::move(verdict)};
}

StartTimer Registration::timer_until(SteadyTime due, SteadyTime now) const {
  return {
      std::chrono::ceil<std::chrono::milliseconds>(std::max(due - now, SteadyTime::duration{}))};
}

}  // namespace hubward::dps
