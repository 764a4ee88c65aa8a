// The whole northbound side of one device against a scripted service, on simulated time.
#include "gateway/device/cloud_client.h"

#include <doctest/doctest.h>

#include <map>

#include "tests/support/scripted_device.h"

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

struct Fixture : test::ScriptedDevice {
  void store(int messages) {
    for (int i = 0; i < messages; ++i) {
      OutboxMessage message;
      message.body = "{}";
      outbox.append(DeviceIndex{0}, std::move(message),
                    [this](const Result<StoredMessage>& row) { client->on_stored(*row); });
    }
    turn();
  }
};

}  // namespace

TEST_CASE(
    "without a cached assignment DPS is asked, and the answer is saved once the hub accepts") {
  Fixture f;
  f.start();
  f.dps_assigns("hub-a.example");
  CHECK_FALSE(f.assignments.saved);
  CHECK(f.link("hub-a.example").connects.back().client_id == "press-07");
  f.accept("hub-a.example");
  REQUIRE(f.assignments.saved);
  CHECK(f.assignments.saved->assigned_hub == "hub-a.example");
  CHECK(f.client->view().state == CloudState::Online);
  CHECK(f.links.to("dps.example") == nullptr);
}

TEST_CASE("a cached assignment is used without DPS; the port is for the socket only") {
  Fixture f;
  f.cached("127.0.0.2:4711");
  f.start();
  const auto& options = f.link("127.0.0.2").connects.back();
  CHECK(options.port == 4711);
  CHECK(options.user_name.starts_with("127.0.0.2/press-07/?"));
  CHECK(options.password.reveal().find("sr=127.0.0.2%2Fdevices%2Fpress-07") != std::string::npos);
  CHECK_FALSE(options.clean_session);
  CHECK(f.client->view().dps_conversations == 0);
}

TEST_CASE("failover: drop, one refusal, DPS, other hub, and what was in flight is sent again") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(5min);
  f.store(3);
  auto first = f.telemetry("hub-a.example");
  REQUIRE(first.size() == 3);
  f.link("hub-a.example").events.on_published(first[0].token);
  const auto dropped_at = f.clock.steady();
  f.drop("hub-a.example");
  f.refuse("hub-a.example", 5);
  f.loop.run_for(1s);
  f.dps_assigns("hub-b.example");
  f.loop.run_for(1s);
  CHECK(f.clock.steady() - dropped_at < 8s);
  f.accept("hub-b.example");
  const auto again = f.telemetry("hub-b.example");
  REQUIRE(again.size() == 2);
  CHECK(again[0].topic == first[1].topic);  // the same ids
  CHECK(again[1].topic == first[2].topic);
  CHECK(f.assignments.saved->assigned_hub == "hub-b.example");
  CHECK(f.client->view().dps_conversations == 1);
}

TEST_CASE("a rehearsed failover asks DPS once, follows it, and repeats what was in flight") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(5min);
  f.store(3);
  const auto first = f.telemetry("hub-a.example");
  REQUIRE(first.size() == 3);
  f.link("hub-a.example").events.on_published(first[0].token);
  REQUIRE(f.client->rehearse_failover());
  CHECK_FALSE(f.client->rehearse_failover());  // one at a time
  f.loop.run_for(100ms);
  CHECK(f.links.to("hub-a.example") == nullptr);
  f.store(1);
  f.dps_assigns("hub-b.example");
  f.loop.run_for(100ms);
  f.accept("hub-b.example");
  auto again = f.telemetry("hub-b.example");
  REQUIRE(again.size() == 3);
  CHECK(again[0].topic == first[1].topic);
  for (const auto& sent : again) f.link("hub-b.example").events.on_published(sent.token);
  const auto report = f.client->drill_report();
  REQUIRE(report);
  CHECK(report->finished);
  CHECK(report->hub_before == "hub-a.example");
  CHECK(report->hub_after == "hub-b.example");
  CHECK(report->expected == 3);
  CHECK(report->acknowledged == 3);
  CHECK(report->repeated == 2);
  CHECK(report->sent == 3);
  CHECK(report->conversations == 1);
  CHECK(report->logins == 1);
  CHECK(report->first_ack_after == 200ms);
}

TEST_CASE("a rehearsed failover without DPS goes back to the hub it came from") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(5min);
  REQUIRE(f.client->rehearse_failover());
  f.loop.run_for(0s);
  f.drop("dps.example", LinkStage::Tcp, ErrorCode::Unreachable);
  f.loop.run_for(2s);
  f.accept("hub-a.example");
  CHECK(f.client->view().state == CloudState::Online);
  CHECK(f.client->drill_report()->hub_after == "hub-a.example");
}

TEST_CASE("only a device that is online can rehearse a failover") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  CHECK(f.client->rehearse_failover().error().code == ErrorCode::Stopped);
  CHECK_FALSE(f.client->drill_report());
}

TEST_CASE("an attempt asked for now is made now, asks DPS once, and leaves the pause as it was") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  CHECK_FALSE(f.client->try_now());  // an attempt is under way
  for (int i = 0; i < 3; ++i) {
    f.refuse("hub-a.example", 5);
    f.loop.run_for(1s);
    if (f.links.to("dps.example") != nullptr) {
      f.dps_says("200", R"({"operationId":"1","status":"failed","registrationState":)"
                        R"({"registrationId":"press-07","status":"failed","errorCode":400209}})");
    }
    if (f.client->view().next_attempt) f.loop.run_until(*f.client->view().next_attempt + 1s);
  }
  f.refuse("hub-a.example", 5);
  f.loop.run_for(1s);
  f.dps_says("200", R"({"operationId":"1","status":"failed","registrationState":)"
                    R"({"registrationId":"press-07","status":"failed","errorCode":400209}})");
  const auto conversations = f.client->view().dps_conversations;
  REQUIRE(f.client->view().next_attempt);
  REQUIRE(*f.client->view().next_attempt - f.clock.steady() > 2s);
  const SteadyTime pause_ends = *f.client->view().next_attempt;
  CHECK(f.client->try_now());
  CHECK(f.client->is_trying());
  f.loop.run_for(100ms);
  f.refuse("hub-a.example", 5);
  f.loop.run_for(100ms);
  CHECK(f.client->is_trying());
  CHECK(f.client->view().dps_conversations == conversations + 1);
  f.dps_says("200", R"({"operationId":"1","status":"failed","registrationState":)"
                    R"({"registrationId":"press-07","status":"failed","errorCode":400209}})");
  f.loop.run_for(100ms);
  CHECK_FALSE(f.client->is_trying());
  CHECK(f.client->view().next_attempt == pause_ends);
  CHECK(f.client->view().last_login->failure == ErrorCode::HubRefused);
  CHECK(f.client->view().last_provisioning->failure == ErrorCode::DpsBlocked);
  CHECK_FALSE(f.client->try_now());  // just now
}

TEST_CASE(
    "a device comes back to DPS when DPS has asked it to, though others are answered before") {
  Fixture f;
  f.start();
  bool other_asks = false;
  f.admission.request(DeviceIndex{7}, resilience::kDpsGate, resilience::Turn::New,
                      {.go = [&] { other_asks = true; }, .share = {}});
  f.loop.run_for(1s);
  REQUIRE(other_asks);
  f.dps_says("429", R"({"errorCode":429001,"message":"throttled"})", "&retry-after=30");
  f.admission.answered(DeviceIndex{7});
  f.loop.run_for(29s);
  CHECK(f.client->view().dps_conversations == 1);
  f.loop.run_for(5min);
  CHECK(f.client->view().dps_conversations == 2);
}

TEST_CASE("the pauses before DPS are kept, whoever waits") {
  Fixture f;
  f.start();
  f.dps_says("429", R"({"errorCode":429001,"message":"throttled"})");
  REQUIRE(f.client->view().next_attempt);
  CHECK_FALSE(f.client->try_now());
}

TEST_CASE("the token's expiry is known while the link stands") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  CHECK(f.client->view().token_expires == f.clock.wall() + f.settings.token_life);
  f.drop("hub-a.example");
  CHECK_FALSE(f.client->view().token_expires);
}

TEST_CASE("every CONNECT carries a token of its own") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  CHECK(f.signer.signatures == 1);
  f.refuse("hub-a.example", 3);
  f.loop.run_for(10s);
  CHECK(f.signer.signatures == 2);
}

TEST_CASE("a blocked device keeps its assignment, and comes back within a step of the unblocking") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(2min);
  f.drop("hub-a.example");
  for (int round = 0; round < 4; ++round) {
    CAPTURE(round);
    f.refuse("hub-a.example", 5);
    f.loop.run_for(1s);
    // What DPS said stays on show: the hub's refusal says nothing that would be newer.
    CHECK(f.client->view().failure == (round == 0 ? ErrorCode::HubRefused : ErrorCode::DpsBlocked));
    CHECK(f.client->view().state ==
          (round == 0 ? CloudState::Provisioning : CloudState::WaitingForOperator));
    f.dps_says("200", R"({"operationId":"1","status":"failed","registrationState":)"
                      R"({"registrationId":"press-07","status":"failed","errorCode":400209}})");
    CHECK(f.client->view().state == CloudState::WaitingForOperator);
    CHECK(f.client->view().failure == ErrorCode::DpsBlocked);
    CHECK(f.assignments.saved->assigned_hub == "hub-a.example");
    REQUIRE(f.client->view().next_attempt);
    f.loop.run_until(*f.client->view().next_attempt + 1s);
  }
  CHECK(f.client->view().dps_conversations == 4);
  f.accept("hub-a.example");
  CHECK(f.client->view().state == CloudState::Online);
}

TEST_CASE("the time that a refused poll names holds when the link to DPS ends before it") {
  Fixture f;
  f.start();
  f.dps_says("202", R"({"operationId":"1","status":"assigning"})", "&retry-after=3");
  f.loop.run_for(3s);
  f.dps_polled("429", "{}", "&retry-after=30");
  const SteadyTime refused = f.clock.steady();
  CHECK(f.backoffs.record.dps_not_before == refused + 30s);  // for a process that takes over
  f.loop.run_for(8s);
  f.drop("dps.example");
  CHECK(f.client->view().dps_conversations == 1);
  f.loop.run_until(refused + 29s);
  CHECK(f.client->view().dps_conversations == 1);
  f.loop.run_until(refused + 5min);
  CHECK(f.client->view().dps_conversations == 2);
}

TEST_CASE("when neither hub nor DPS can be reached it is our own network, looked at once a step") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  for (int i = 0; i < 3; ++i) {
    f.drop("hub-a.example", LinkStage::Tcp, ErrorCode::Unreachable);
    f.loop.run_for(10s);
  }
  for (std::uint64_t step = 1; step <= 10; ++step) {
    CAPTURE(step);
    f.drop("dps.example", LinkStage::Tcp, ErrorCode::Unreachable);
    CHECK(f.client->view().failure == ErrorCode::OwnNetworkDown);
    CHECK(f.client->view().dps_conversations == step);
    f.loop.run_until(*f.client->view().next_attempt + 1s);
    // Whoever fails while a look at DPS is not due yet does not ask.
    while (f.links.to("dps.example") == nullptr) {
      f.drop("hub-a.example", LinkStage::Tcp, ErrorCode::Unreachable);
      CHECK(f.client->view().dps_conversations <= step + 1);
      f.loop.run_for(f.client->view().next_attempt
                         ? *f.client->view().next_attempt + 1s - f.clock.steady()
                         : std::chrono::nanoseconds(1s));
    }
  }
}

TEST_CASE("a token is renewed before it expires, after what was in flight has arrived") {
  Fixture f;
  f.cached("hub-a.example");
  f.settings.token_life = 1h;
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(49min);  // 45 to 54 minutes are allowed; chance says 49.5
  f.store(1);
  const auto sent = f.telemetry("hub-a.example");
  REQUIRE(sent.size() == 1);
  f.loop.run_for(31s);
  auto& link = f.link("hub-a.example");
  CHECK(link.disconnects == 0);
  f.store(1);  // while it drains: kept for the next link
  CHECK(f.telemetry("hub-a.example").empty());
  link.events.on_published(sent[0].token);
  f.loop.run_for(1s);
  CHECK(link.disconnects == 1);
  CHECK(link.connects.size() == 2);
  f.accept("hub-a.example");
  CHECK(f.telemetry("hub-a.example").size() == 1);
  CHECK(f.client->view().dps_conversations == 0);
  CHECK(f.client->view().failures == 0);
}

TEST_CASE("a renewal waits for the answer to a command, but not for ever") {
  for (const bool answered : {true, false}) {
    CAPTURE(answered);
    Fixture f;
    f.cached("hub-a.example");
    f.settings.token_life = 1h;
    f.start();
    f.accept("hub-a.example");
    f.loop.run_for(49min);
    auto& link = f.link("hub-a.example");
    link.events.on_message("$iothub/methods/POST/lamp/?$rid=7", "true");
    f.loop.run_for(31s);  // the renewal is due at 49.5 minutes
    CHECK(link.disconnects == 0);
    if (answered) f.client->answer("7", hub::MethodStatus::Done, "{}");
    f.loop.run_for(answered ? 0s : 5s);
    CHECK(link.disconnects == 1);
    CHECK(link.take("$iothub/methods/res/200/?$rid=7").size() == (answered ? 1 : 0));
  }
}

TEST_CASE("a command that crosses a planned goodbye is carried out and answered first") {
  for (const bool hub_answers : {true, false}) {
    CAPTURE(hub_answers);
    Fixture f;
    f.cached("hub-a.example");
    f.settings.token_life = 1h;
    f.start();
    f.accept("hub-a.example");
    auto& link = f.link("hub-a.example");
    link.answers_unsubscribe = false;
    f.loop.run_for(49min + 31s);  // the renewal is due at 49.5 minutes
    // The hub is told to pass no more of them; whoever calls now hears at once that nobody listens.
    REQUIRE(link.unsubscribed == std::vector<std::string>{"$iothub/methods/POST/#"});
    link.events.on_message("$iothub/methods/POST/lamp/?$rid=7", "true");
    f.client->answer("7", hub::MethodStatus::Done, "{}");
    f.loop.run_for(0s);
    CHECK(link.take("$iothub/methods/res/200/?$rid=7").size() == 1);
    CHECK(link.disconnects == 0);
    if (hub_answers) link.events.on_unsubscribed();
    f.loop.run_for(hub_answers ? 0s : 5s);  // a hub that says nothing holds nobody up for long
    CHECK(link.disconnects == 1);
    f.accept("hub-a.example");
    CHECK(link.subscriptions.size() == 4);
  }
}

TEST_CASE("a stop waits shortly for PUBACKs, disconnects, and reports once") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.store(1);
  auto& link = f.link("hub-a.example");
  int stopped = 0;
  f.client->stop([&] { ++stopped; });
  f.loop.run_for(1s);
  CHECK(stopped == 0);
  f.loop.run_for(2s);
  CHECK(stopped == 1);
  CHECK(link.disconnects == 1);
  f.loop.run_for(10min);
  CHECK(link.connects.size() == 1);
}

TEST_CASE("a message that kills every link goes to quarantine, the rest arrives") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.store(3);
  int links = 0;
  std::map<std::string, int> delivered;
  for (; links < 20 && f.outbox.released < 2; ++links) {
    bool closed = false;
    while (!closed) {
      const auto sent = f.telemetry("hub-a.example");
      if (sent.empty()) break;
      for (const auto& message : sent) {
        closed = message.topic.find("press-07-2&") != std::string::npos;
        if (closed) break;
        ++delivered[message.topic];
        f.link("hub-a.example").events.on_published(message.token);
      }
    }
    if (!closed) break;
    f.drop("hub-a.example");
    f.loop.run_for(10min);  // long enough for any pause
    f.accept("hub-a.example");
  }
  CHECK(links == 5);
  CHECK(f.outbox.released == 2);
  REQUIRE(f.outbox.quarantined.size() == 1);
  CHECK(f.outbox.quarantined[0].sequence == 2);
}

TEST_CASE("what a link does not take is sent again on the next one, and nothing overtakes it") {
  Fixture f;
  f.cached("hub-a.example");
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(2min);  // a stable session: the next one follows at once
  auto& link = f.link("hub-a.example");
  f.store(1);
  const auto first = f.telemetry("hub-a.example");
  REQUIRE(first.size() == 1);
  link.events.on_published(first[0].token);
  link.full = true;
  f.outbox.append(DeviceIndex{0}, OutboxMessage{}, [&](const Result<StoredMessage>& row) {
    f.client->on_stored(*row);
    link.full = false;
  });
  f.outbox.append(DeviceIndex{0}, OutboxMessage{},
                  [&](const Result<StoredMessage>& row) { f.client->on_stored(*row); });
  f.loop.run_for(1s);
  CHECK(f.telemetry("hub-a.example").empty());
  CHECK(link.disconnects == 1);
  f.accept("hub-a.example");
  const auto again = f.telemetry("hub-a.example");
  REQUIRE(again.size() == 2);
  CHECK(again[0].topic.find("e1-press-07-2") != std::string::npos);
  CHECK(again[1].topic.find("e1-press-07-3") != std::string::npos);
}

TEST_CASE("a store that cannot be read is asked once a second, until it can") {
  Fixture f;
  f.cached("hub-a.example");
  f.outbox.unreadable = true;
  f.start();
  f.accept("hub-a.example");
  f.loop.run_for(10s);
  CHECK(f.outbox.fetches >= 9);
  CHECK(f.outbox.fetches <= 12);
  f.store(1);
  f.outbox.unreadable = false;
  f.loop.run_for(2s);
  CHECK(f.telemetry("hub-a.example").size() == 1);
}

TEST_CASE("a lease that is lost while a stop waits for PUBACKs does not swallow the stop") {
  struct TakenBack final : LeaseSource {
    void acquire(DeviceIndex, std::function<void()> granted, std::function<void()> lost) override {
      take_back = std::move(lost);
      granted();
    }
    void give_back(DeviceIndex) override { ++given_back; }
    std::function<void()> take_back;
    int given_back = 0;
  } leases;
  Fixture f;
  f.cached("hub-a.example");
  f.properties = std::make_unique<Properties>(f.description);
  f.client =
      std::make_unique<CloudClient>(DeviceIndex{0}, f.description, f.settings,
                                    CloudParts{f.loop, f.links, f.signer, f.assignments, f.backoffs,
                                               f.outbox, leases, f.admission, f.chance, f.log},
                                    *f.properties, f.events);
  f.client->start();
  f.loop.run_for(0s);
  f.accept("hub-a.example");
  f.store(1);
  int stopped = 0;
  f.client->stop([&] { ++stopped; });
  auto& link = f.link("hub-a.example");
  leases.take_back();
  CHECK(link.disconnects == 1);
  f.loop.run_for(0s);
  CHECK(stopped == 1);
  CHECK(leases.given_back == 0);  // it is somebody else's
}

TEST_CASE("a key that DPS refuses is replaced by the second one, and only by its refusal") {
  const std::string refusal = R"({"errorCode":401002,"message":"Unauthorized"})";
  for (const auto& answer : {std::pair{"401", true}, std::pair{"500", false}}) {
    const std::string status = answer.first;
    const bool second_key_used = answer.second;
    CAPTURE(status);
    Fixture f;
    f.signer.other_key = 'o';
    f.start();
    const auto password = [&] {
      return std::string(f.link("dps.example").connects.back().password.reveal());
    };
    const std::string first = password();
    f.dps_says(status, refusal);
    REQUIRE(f.client->view().next_attempt);
    f.loop.run_until(*f.client->view().next_attempt + 1s);
    const auto signature = [](const std::string& token) {
      const auto begin = token.find("&sig=");
      return token.substr(begin, token.find('&', begin + 1) - begin);
    };
    CHECK((signature(password()) != signature(first)) == second_key_used);
    f.dps_assigns("hub-a.example");
    f.accept("hub-a.example");
    CHECK(f.client->view().state == CloudState::Online);
  }
}
