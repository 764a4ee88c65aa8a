// One conversation with DPS: register, poll until it is decided, give one verdict. Takes events,
// returns actions; whoever owns the link carries them out. One attempt, one thread; what happens
// after a failure (when to try again) is decided elsewhere.
//
//   -> SUBSCRIBE $dps/registrations/res/#                          <- SUBACK
//   -> PUBLISH   $dps/registrations/PUT/iotdps-register/?$rid=1 {"registrationId":"press-line-07"}
//   <- MESSAGE   $dps/registrations/res/202/?$rid=1&retry-after=3  {"operationId":"4.01.3f",...}
//      ... 3 s ...
//   -> PUBLISH   $dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.01.3f
//   <- MESSAGE   $dps/registrations/res/200/?$rid=2                {"status":"assigned",...}
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/dps/reply.h"
#include "proto/result.h"
#include "proto/time.h"

namespace hubward::dps {

// Five polls in ten seconds per device are allowed.
inline constexpr std::chrono::seconds kMinPollDelay{2};
// Until an attempt ends with DpsNoResult; a migration between hubs prolongs `assigning`.
inline constexpr std::chrono::minutes kAttemptBudget{2};
// An answer that takes longer is taken for lost, and the request is repeated (as the SDKs wait).
inline constexpr std::chrono::seconds kReplyTimeout{30};
// 429, 5xx and unreadable answers to polls within one attempt, before the attempt fails.
inline constexpr int kMaxTransientPolls = 5;

struct Subscribe {
  std::string topic_filter;  // QoS 1
};
struct Publish {
  std::string topic, payload;  // QoS 1, not retained
};
// There is one timer: a later StartTimer replaces the one that runs.
struct StartTimer {
  std::chrono::milliseconds delay;
};
// The last action of a successful attempt: disconnect.
struct Assigned {
  std::string assigned_hub;  // `host` or `host:port`; HubAddress::parse accepts it
  std::string device_id;     // may differ from the registration id
  Substatus substatus = Substatus::Unknown;
  std::optional<ServiceTime> service_time;
};
// The last action of a failed attempt: disconnect.
struct Failed {
  Error error;
  std::optional<std::chrono::seconds> retry_after;  // the service's own wish
  std::optional<int> topic_status;                  // 401, 429, 200 with `failed`, ...
  std::optional<std::int64_t> dps_error_code;       // 401002, 400209, ...
  std::string tracking_id;
  std::optional<ServiceTime> service_time;
};
using Action = std::variant<Subscribe, Publish, StartTimer, Assigned, Failed>;
using Actions = std::vector<Action>;

// The body of a registration. `model_id` (a DTMI) and `extra_json` (an object that goes into
// "payload") may be empty. Malformed if extra_json is no JSON object; BadValue if it names another
// modelId as well.
[[nodiscard]] Result<std::string> register_body(std::string_view registration_id,
                                                std::string_view model_id,
                                                std::string_view extra_json = {});

class Registration {
 public:
  // A fresh token of letters, digits and `-` for each call.
  using RequestIds = std::function<std::string()>;

  Registration(std::string register_body, RequestIds next_request_id);

  // After CONNACK 0. A CONNECT that DPS refuses never gets here: it is the caller's to report.
  [[nodiscard]] Actions on_connected(SteadyTime now);
  // After SUBACK: only now may the request go out, or its answer could be missed.
  [[nodiscard]] Actions on_subscribed(SteadyTime now);
  [[nodiscard]] Actions on_message(std::string_view topic, std::string_view payload,
                                   SteadyTime now);
  // Early calls are harmless: the rest of the delay is asked for again.
  [[nodiscard]] Actions on_timer(SteadyTime now);
  // Before a verdict: Failed with LinkLost. After it: nothing.
  [[nodiscard]] Actions on_disconnected();

  [[nodiscard]] bool is_finished() const { return state_ == State::Finished; }
  [[nodiscard]] int polls() const { return polls_; }
  // A poll was refused with a time to come back, and this attempt waits. The time binds whoever
  // registers anew as well, should the link end before it.
  [[nodiscard]] std::optional<SteadyTime> refused_until() const { return refused_until_; }

 private:
  enum class State { Idle, Subscribing, AwaitingReply, Waiting, Finished };

  Actions send_request(SteadyTime now);
  Actions wait(std::chrono::seconds delay, std::optional<std::chrono::seconds> retry_after,
               SteadyTime now);
  Actions retry_or_fail(Failed failed, SteadyTime now);
  Actions on_decision(const ReplyTopic& topic, const ReplyBody& body, SteadyTime now);
  Actions finish(Action verdict);
  Actions no_result(std::optional<std::chrono::seconds> retry_after);
  StartTimer timer_until(SteadyTime due, SteadyTime now) const;

  std::string register_body_;
  RequestIds next_request_id_;
  State state_ = State::Idle;
  std::string pending_rid_;   // of the request whose answer is awaited
  std::string operation_id_;  // of the first answer; polls may answer without it
  SteadyTime due_{};          // when the answer is late, or the next request is to be sent
  SteadyTime budget_end_{};
  std::optional<SteadyTime> refused_until_;
  int transient_polls_ = 0;
  int polls_ = 0;
};

}  // namespace hubward::dps
