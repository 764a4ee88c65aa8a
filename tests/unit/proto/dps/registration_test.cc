#include "proto/dps/registration.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;
using namespace hubward::dps;
using namespace std::chrono_literals;

namespace {

const std::string kAssigning = R"({"operationId":"4.01.3f","status":"assigning"})";
const std::string kAssigned =
    R"({"operationId":"4.01.3f","status":"assigned","registrationState":{"deviceId":"press-07",)"
    R"("assignedHub":"hub-a.example:18883","substatus":"initialAssignment"}})";

// An attempt with a clock moved by hand and request ids 1, 2, 3 ...
struct Attempt {
  SteadyTime now{1h};
  int last_rid = 0;
  Registration registration{R"({"registrationId":"press-line-07"})",
                            [this] { return std::to_string(++last_rid); }};

  Actions start() {
    auto actions = registration.on_connected(now);
    REQUIRE(actions.size() == 2);
    CHECK(std::get<Subscribe>(actions[0]).topic_filter == "$dps/registrations/res/#");
    return registration.on_subscribed(now);
  }
  // The answer to the last request.
  Actions answer(const std::string& status, const std::string& body,
                 const std::string& parameters = "") {
    return registration.on_message(
        "$dps/registrations/res/" + status + "/?$rid=" + std::to_string(last_rid) + parameters,
        body, now);
  }
  Actions after(std::chrono::milliseconds delay) {
    now += delay;
    return registration.on_timer(now);
  }
  // Registered, first answer 202: an operation to poll for.
  void start_polling() {
    start();
    answer("202", kAssigning, "&retry-after=3");
    after(3s);
    REQUIRE(registration.polls() == 1);
  }
};

std::chrono::milliseconds delay_of(const Actions& actions) {
  REQUIRE_FALSE(actions.empty());
  REQUIRE(std::holds_alternative<StartTimer>(actions.back()));
  return std::get<StartTimer>(actions.back()).delay;
}

Failed failed(const Actions& actions) {
  REQUIRE(actions.size() == 1);
  REQUIRE(std::holds_alternative<Failed>(actions[0]));
  return std::get<Failed>(actions[0]);
}

Publish published(const Actions& actions) {
  REQUIRE(actions.size() == 2);
  REQUIRE(std::holds_alternative<Publish>(actions[0]));
  return std::get<Publish>(actions[0]);
}

}  // namespace

TEST_CASE("register, wait as told, poll, assigned") {
  Attempt attempt;
  const auto request = published(attempt.start());
  CHECK(request.topic == "$dps/registrations/PUT/iotdps-register/?$rid=1");
  CHECK(request.payload == R"({"registrationId":"press-line-07"})");

  CHECK(delay_of(attempt.answer("202", kAssigning, "&retry-after=3")) == 3s);
  const auto poll = published(attempt.after(3s));
  CHECK(poll.topic ==
        "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.01.3f");
  CHECK(poll.payload.empty());

  const auto verdict = attempt.answer("200", kAssigned);
  REQUIRE(verdict.size() == 1);
  const auto assigned = std::get<Assigned>(verdict[0]);
  CHECK(assigned.assigned_hub == "hub-a.example:18883");
  CHECK(assigned.device_id == "press-07");
  CHECK(assigned.substatus == Substatus::InitialAssignment);
  CHECK(attempt.registration.is_finished());
}

TEST_CASE("nothing is requested before the subscription is acknowledged") {
  Attempt attempt;
  auto actions = attempt.registration.on_connected(attempt.now);
  CHECK(delay_of(actions) == kReplyTimeout);
  CHECK(attempt.last_rid == 0);
  SUBCASE("and if that never happens, the attempt fails") {
    CHECK(failed(attempt.after(30s)).error.code == ErrorCode::DpsFault);
  }
  SUBCASE("a second acknowledgement or CONNACK changes nothing") {
    CHECK(attempt.registration.on_subscribed(attempt.now).size() == 2);
    CHECK(attempt.registration.on_subscribed(attempt.now).empty());
    CHECK(attempt.registration.on_connected(attempt.now).empty());
    CHECK(attempt.last_rid == 1);
  }
}

TEST_CASE("polling is never faster than every two seconds") {
  for (const char* parameters : {"", "&retry-after=0", "&retry-after=1", "&retry-after=x"}) {
    CAPTURE(parameters);
    Attempt attempt;
    attempt.start();
    CHECK(delay_of(attempt.answer("202", kAssigning, parameters)) == 2s);
  }
}

TEST_CASE("a timer that fires early asks for the rest and sends nothing") {
  Attempt attempt;
  attempt.start();
  attempt.answer("202", kAssigning, "&retry-after=3");
  const auto actions = attempt.after(1s);
  REQUIRE(actions.size() == 1);
  CHECK(delay_of(actions) == 2s);
  CHECK(attempt.registration.polls() == 0);
}

TEST_CASE("unassigned is waited for like assigning") {
  Attempt attempt;
  attempt.start_polling();
  CHECK(delay_of(attempt.answer("202", R"({"operationId":"4.01.3f","status":"unassigned"})",
                                "&retry-after=5")) == 5s);
}

TEST_CASE("a poll answered without an operation id goes on with the known one") {
  Attempt attempt;
  attempt.start_polling();
  attempt.answer("202", R"({"status":"assigning"})");
  CHECK(published(attempt.after(2s)).topic.ends_with("operationId=4.01.3f"));
}

TEST_CASE("assigning without any operation id leads back to registering") {
  Attempt attempt;
  attempt.start();
  CHECK(delay_of(attempt.answer("202", R"({"status":"assigning"})")) == 2s);
  CHECK(published(attempt.after(2s)).topic == "$dps/registrations/PUT/iotdps-register/?$rid=2");
}

TEST_CASE("an operation id cannot break out of its topic") {
  Attempt attempt;
  attempt.start();
  attempt.answer("202", R"({"operationId":"4/#+&x","status":"assigning"})");
  CHECK(published(attempt.after(2s)).topic.ends_with("operationId=4%2F%23%2B%26x"));
}

TEST_CASE("passing faults of a poll are retried within the attempt, with the service's delay") {
  Attempt attempt;
  attempt.start_polling();
  CHECK(delay_of(attempt.answer("429", "", "&retry-after=7")) == 7s);
  attempt.after(7s);
  CHECK(delay_of(attempt.answer("500", R"({"errorCode":500000})")) == 2s);
  attempt.after(2s);
  CHECK(delay_of(attempt.answer("200", "<html>")) == 2s);
  CHECK(published(attempt.after(2s)).topic.ends_with("operationId=4.01.3f"));
  CHECK(std::holds_alternative<Assigned>(attempt.answer("200", kAssigned)[0]));
}

TEST_CASE("the time that a refused poll names is known while the attempt waits for it") {
  Attempt attempt;
  attempt.start_polling();
  CHECK_FALSE(attempt.registration.refused_until());
  attempt.answer("429", "", "&retry-after=30");
  CHECK(attempt.registration.refused_until() == attempt.now + 30s);
}

TEST_CASE("a delay while assigning is the next poll's alone, and binds no new registration") {
  Attempt attempt;
  attempt.start();
  attempt.answer("202", kAssigning, "&retry-after=30");
  CHECK_FALSE(attempt.registration.refused_until());
}

TEST_CASE("passing faults of polls are bounded") {
  Attempt attempt;
  attempt.start_polling();
  for (int i = 0; i < kMaxTransientPolls; ++i) {
    CHECK(delay_of(attempt.answer("503", "")) == 2s);
    attempt.after(2s);
  }
  CHECK(failed(attempt.answer("503", "")).error.code == ErrorCode::DpsFault);
}

TEST_CASE("a delay that does not fit into the attempt ends it, and is handed on") {
  Attempt attempt;
  attempt.start_polling();
  SUBCASE("throttled") {
    const auto end = failed(attempt.answer("429", "", "&retry-after=600"));
    CHECK(end.error.code == ErrorCode::DpsThrottled);
    CHECK(end.retry_after == 600s);
  }
  SUBCASE("still assigning") {
    const auto end = failed(attempt.answer("202", kAssigning, "&retry-after=600"));
    CHECK(end.error.code == ErrorCode::DpsNoResult);
    CHECK(end.retry_after == 600s);
  }
}

TEST_CASE("an attempt ends after two minutes of assigning") {
  Attempt attempt;
  const auto begin = attempt.now;
  attempt.start_polling();
  for (int i = 0; i < 1000 && !attempt.registration.is_finished(); ++i) {
    const auto actions = attempt.answer("202", kAssigning, "&retry-after=3");
    if (std::holds_alternative<Failed>(actions[0])) {
      CHECK(failed(actions).error.code == ErrorCode::DpsNoResult);
      break;
    }
    attempt.after(delay_of(actions));
  }
  CHECK(attempt.registration.is_finished());
  CHECK(attempt.now - begin <= kAttemptBudget);
  CHECK(attempt.now - begin > kAttemptBudget - 4s);
  CHECK(attempt.registration.polls() == 39);
}

TEST_CASE("an answer that does not come is asked for again, and at last given up") {
  Attempt attempt;
  CHECK(delay_of(attempt.start()) == 30s);
  CHECK(published(attempt.after(30s)).topic == "$dps/registrations/PUT/iotdps-register/?$rid=2");
  CHECK(published(attempt.after(30s)).topic.ends_with("$rid=3"));
  CHECK(published(attempt.after(30s)).topic.ends_with("$rid=4"));
  const auto end = failed(attempt.after(30s));
  CHECK(end.error.code == ErrorCode::DpsNoResult);
  CHECK(attempt.after(30s).empty());
}

TEST_CASE("answers to nobody's request change nothing") {
  Attempt attempt;
  attempt.start();
  const auto& registration = attempt.registration;
  for (const char* topic : {"$dps/registrations/res/200/?$rid=99",
                            "$dps/registrations/res/200/?$rid=", "$dps/registrations/res/200/",
                            "$iothub/twin/res/200/?$rid=1", ""}) {
    CAPTURE(topic);
    CHECK(attempt.registration.on_message(topic, kAssigned, attempt.now).empty());
    CHECK_FALSE(registration.is_finished());
  }
  SUBCASE("nor does the same answer twice") {
    attempt.answer("202", kAssigning);
    CHECK(attempt.answer("200", kAssigned).empty());
  }
}

TEST_CASE("a link lost before the verdict is a failure, after it nothing") {
  Attempt attempt;
  attempt.start();
  SUBCASE("before") {
    const auto end = failed(attempt.registration.on_disconnected());
    CHECK(end.error.code == ErrorCode::LinkLost);
    CHECK(end.error.kind == ErrorKind::Transient);
  }
  SUBCASE("after") { attempt.answer("200", kAssigned); }
  CHECK(attempt.registration.on_disconnected().empty());
  CHECK(attempt.registration.on_timer(attempt.now + 1h).empty());
}

TEST_CASE("every answer that ends an attempt has its name") {
  struct Row {
    const char* why;
    const char* status;
    std::string body;
    ErrorCode code;
    ErrorKind kind;
    std::optional<std::int64_t> dps_code;
  };
  const auto failing = [](int code) {
    return R"({"operationId":"4","status":"failed","registrationState":{"errorCode":)" +
           std::to_string(code) + R"(,"errorMessage":"why"}})";
  };
  const Row rows[] = {
      {"wrong key", "401", R"({"errorCode":401002,"trackingId":"t-1","message":"m"})",
       ErrorCode::DpsUnauthorized, ErrorKind::Unauthorized, 401002},
      {"forbidden", "403", "", ErrorCode::DpsUnauthorized, ErrorKind::Unauthorized, {}},
      {"no enrollment", "404", R"({"errorCode":404201})", ErrorCode::DpsNotFound,
       ErrorKind::Permanent, 404201},
      {"malformed request", "400", R"({"errorCode":400004})", ErrorCode::DpsRejected,
       ErrorKind::Permanent, 400004},
      {"wrong method", "405", "", ErrorCode::DpsRejected, ErrorKind::Permanent, {}},
      {"payload format", "415", "", ErrorCode::DpsRejected, ErrorKind::Permanent, {}},
      {"conflict", "409", "", ErrorCode::DpsRejected, ErrorKind::Transient, {}},
      {"ETag", "412", "", ErrorCode::DpsRejected, ErrorKind::Transient, {}},
      {"redirect", "301", "", ErrorCode::DpsRejected, ErrorKind::Permanent, {}},
      {"throttled at once", "429", R"({"errorCode":429001})", ErrorCode::DpsThrottled,
       ErrorKind::Throttled, 429001},
      {"service fault at once", "500", "", ErrorCode::DpsFault, ErrorKind::Transient, {}},
      {"webhook", "200", failing(400207), ErrorCode::DpsAllocationFailed, ErrorKind::Transient,
       400207},
      {"no hub", "200", failing(400208), ErrorCode::DpsAllocationFailed, ErrorKind::Permanent,
       400208},
      {"blocked", "200", failing(400209), ErrorCode::DpsBlocked, ErrorKind::Permanent, 400209},
      {"failed without a code",
       "200",
       R"({"status":"failed"})",
       ErrorCode::DpsAllocationFailed,
       ErrorKind::Transient,
       {}},
      {"disabled, operation id empty",
       "200",
       R"({"operationId":"","status":"disabled","registrationState":{"registrationId":"r"}})",
       ErrorCode::DpsDisabled,
       ErrorKind::Permanent,
       {}},
      {"unknown status",
       "200",
       R"({"status":"paused"})",
       ErrorCode::DpsFault,
       ErrorKind::Transient,
       {}},
      {"no status", "200", "{}", ErrorCode::DpsFault, ErrorKind::Transient, {}},
      {"unreadable", "202", "<html>", ErrorCode::DpsFault, ErrorKind::Transient, {}},
      {"assigned to nowhere",
       "200",
       R"({"status":"assigned"})",
       ErrorCode::DpsFault,
       ErrorKind::Transient,
       {}},
      {"assigned to no host name",
       "200",
       R"({"status":"assigned","registrationState":{"deviceId":"d","assignedHub":"a b"}})",
       ErrorCode::DpsFault,
       ErrorKind::Transient,
       {}},
      {"assigned as a device id that breaks topics",
       "200",
       R"({"status":"assigned","registrationState":{"deviceId":"d/#","assignedHub":"a"}})",
       ErrorCode::DpsFault,
       ErrorKind::Transient,
       {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Attempt attempt;
    attempt.start();
    const auto end = failed(attempt.answer(row.status, row.body, "&retry-after=11"));
    CHECK(end.error.code == row.code);
    CHECK(end.error.kind == row.kind);
    CHECK(end.dps_error_code == row.dps_code);
    CHECK(std::to_string(end.topic_status.value_or(0)) == row.status);
    CHECK(end.retry_after == 11s);
    CHECK(end.error.context.starts_with("DPS answered " + std::string(row.status)));
    CHECK(attempt.registration.is_finished());
  }
}

TEST_CASE("a refusal keeps the words and the tracking id that support asks for") {
  Attempt attempt;
  attempt.start();
  const auto end = failed(
      attempt.answer("401", R"({"errorCode":401002,"trackingId":"t-1","message":"CA not found"})"));
  CHECK(end.tracking_id == "t-1");
  CHECK(end.error.context == "DPS answered 401 (401002): CA not found");
}

TEST_CASE("both ends of an attempt hand on what DPS says of the time") {
  const WallTime eight{std::chrono::milliseconds{1767600000000}};
  Attempt refused;
  refused.start();
  CHECK(failed(refused.answer("401", R"({"timestampUtc":"2026-01-05T08:00:00Z"})")).service_time ==
        ServiceTime{eight, true});
  Attempt assigned;
  assigned.start();
  const auto actions = assigned.answer(
      "200", R"({"status":"assigned","registrationState":{"deviceId":"d","assignedHub":"hub-a",
                 "lastUpdatedDateTimeUtc":"2026-01-05T08:00:00Z"}})");
  REQUIRE(std::holds_alternative<Assigned>(actions.back()));
  CHECK(std::get<Assigned>(actions.back()).service_time == ServiceTime{eight, false});
}

TEST_CASE("the body of a registration carries model and payload") {
  CHECK(register_body("r", "") == R"({"registrationId":"r"})");
  CHECK(register_body("r", "dtmi:acme:Press;3") ==
        R"({"registrationId":"r","payload":{"modelId":"dtmi:acme:Press;3"}})");
  CHECK(register_body("r", "m", R"({"iotcGateway":{"iotcGatewayId":"gw"}})") ==
        R"({"registrationId":"r","payload":{"iotcGateway":{"iotcGatewayId":"gw"},"modelId":"m"}})");
  CHECK(register_body("r", "m", R"({"modelId":"m"})") ==
        R"({"registrationId":"r","payload":{"modelId":"m"}})");
  CHECK(register_body("r", "m", R"({"modelId":"n"})").error().code == ErrorCode::BadValue);
  CHECK(register_body("r", "", "[]").error().code == ErrorCode::Malformed);
  CHECK(register_body("r", "", "{").error().code == ErrorCode::Malformed);
  CHECK(register_body("r", "", "{\"a\":\"" + std::string(98 * 1024, 'x') + "\"}").error().code ==
        ErrorCode::LimitExceeded);
}
