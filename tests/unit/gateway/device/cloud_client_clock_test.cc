// A device whose clock is wrong, against a scripted service that knows the time.
#include <doctest/doctest.h>

#include <string>

#include "gateway/device/cloud_client.h"
#include "proto/iso_time.h"
#include "tests/support/scripted_device.h"

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kBuilt{1767225600000ms};  // 2026-01-01T00:00:00Z
constexpr std::uint64_t kBoot = 7;

struct Fixture : test::ScriptedDevice {
  resilience::ClockWatch watch{kBuilt, WallTime{}};

  void start() {
    clock_watch = &watch;
    make();
    look();
    ScriptedDevice::start();
  }
  // What the gateway does once a second.
  void look() {
    const resilience::ClockChange change = watch.look({clock.wall(), clock.steady()}, false);
    ClockNews news;
    const resilience::ClockCorrection& seen = watch.correction();
    news.sight = {kBoot, seen.known, seen.wall_minus_steady};
    news.set_by = change.set_by;
    news.try_again = change.try_again;
    if (change.renew_tokens) news.renew_within = 4s;
    if (client) client->on_clock(news);
    loop.run_for(0s);
  }
  void fail_certificate(std::string_view host) {
    drop(host, LinkStage::Tls, ErrorCode::ClockWrong, "certificate is not yet valid");
  }
  void dps_refuses(WallTime its_time) {
    dps_says("401", R"({"errorCode":401002,"timestampUtc":")" + to_iso8601(its_time) + "\"}");
  }
  // Until when the token of this link is good, by its own word.
  WallTime token_end(std::string_view host) {
    const std::string token(link(host).connects.back().password.reveal());
    const auto at = token.find("&se=") + 4;
    return WallTime{std::chrono::seconds{std::stoll(token.substr(at))}};
  }
  [[nodiscard]] const CloudView& view() const { return client->view(); }
};

}  // namespace

TEST_CASE("a refusal for a wrong clock is named so, and the next token is dated by the cloud") {
  Fixture f;
  f.start();
  const WallTime cloud = f.clock.wall() + 3h + 2min;
  f.dps_refuses(cloud);
  CHECK(f.view().failure == ErrorCode::ClockWrong);
  CHECK(f.view().detail.starts_with("this computer's clock is 3 h 2 min behind the cloud's (DPS"));
  CHECK(f.signer.keys_tried == 0);
  // At once, not after a pause: DPS is asked again with a token of its own time.
  f.loop.run_for(1s);
  CHECK(f.view().dps_conversations == 2);
  CHECK(f.token_end("dps.example") > cloud);
  f.dps_assigns("hub-a");
  f.loop.run_for(1s);
  CHECK(f.token_end("hub-a") >= cloud + f.settings.token_life);
  f.accept("hub-a");
  CHECK(f.view().state == CloudState::Online);
  CHECK(f.watch.is_wrong());
}

TEST_CASE("a service that refuses its own time as well refuses the key") {
  Fixture f;
  f.start();
  const auto ahead = 3h;
  f.dps_refuses(f.clock.wall() + ahead);
  f.loop.run_for(1s);
  f.dps_refuses(f.clock.wall() + ahead);
  CHECK(f.view().failure == ErrorCode::DpsUnauthorized);
  CHECK(f.view().state == CloudState::WaitingForOperator);
  CHECK(f.signer.keys_tried == 1);
  const auto asked = f.view().dps_conversations;
  f.loop.run_for(3s);
  CHECK(f.view().dps_conversations == asked);
}

TEST_CASE("a service that contradicts itself about the time is asked no more often than others") {
  Fixture f;
  f.start();
  auto ahead = 3h;
  for (int i = 0; i < 2; ++i) {
    f.dps_refuses(f.clock.wall() + ahead);
    ahead += 1h;
    f.loop.run_for(1s);
  }
  f.loop.run_for(2s);
  CHECK(f.view().failure == ErrorCode::ClockWrong);
  CHECK(f.view().dps_conversations == 2);
}

TEST_CASE("a hub that refuses a token of the wrong time is explained by what DPS says then") {
  Fixture f;
  f.cached("hub-a");
  f.start();
  f.refuse("hub-a", 5);  // gives no reason
  f.loop.run_for(1s);
  f.dps_refuses(f.clock.wall() + 3h);
  CHECK(f.view().failure == ErrorCode::ClockWrong);
  f.loop.run_for(1s);
  CHECK(f.token_end("hub-a") >= f.clock.wall() + 4h - 2s);
  f.accept("hub-a");
  CHECK(f.view().dps_conversations == 1);
}

TEST_CASE(
    "a certificate of the future speaks against a clock in 1970; when it is set, all is tried") {
  Fixture f;
  f.cached("hub-a");
  const WallTime today = f.clock.wall();
  f.clock.step_wall(20min - today.time_since_epoch());
  f.start();
  f.fail_certificate("hub-a");
  CHECK(f.view().failure == ErrorCode::ClockWrong);
  CHECK(f.view().detail.find("1970-01-01 00:20 UTC") != std::string::npos);
  CHECK(f.view().state == CloudState::WaitingForOperator);
  CHECK(f.view().dps_conversations == 0);
  const auto tried = f.view().hub_connects;
  f.loop.run_for(1s);
  f.clock.step_wall(today.time_since_epoch() - 20min);
  f.look();
  f.loop.run_for(1s);
  CHECK(f.view().hub_connects == tried + 1);
  f.accept("hub-a");
  CHECK(f.view().state == CloudState::Online);
  CHECK_FALSE(f.view().failure);
}

TEST_CASE("a clock that is set does not shorten the time that DPS has named") {
  Fixture f;
  f.cached("hub-a");
  f.start();
  f.refuse("hub-a", 5);
  f.loop.run_for(1s);
  f.dps_says("503", "{}", "&retry-after=60");
  const SteadyTime refused = f.clock.steady();
  f.loop.run_for(10s);
  f.refuse("hub-a", 5);  // and so DPS is wanted, when the time has come
  CHECK(f.view().failure == ErrorCode::HubRefused);
  f.clock.step_wall(1h);
  f.look();
  f.loop.run_until(refused + 59s);
  CHECK(f.view().dps_conversations == 1);
  f.loop.run_until(refused + 61s);
  CHECK(f.view().dps_conversations == 2);
}

TEST_CASE("an attempt begun in 1970 that fails after the clock was set is made again at once") {
  Fixture f;
  f.cached("hub-a");
  const WallTime today = f.clock.wall();
  f.clock.step_wall(20min - today.time_since_epoch());
  f.start();
  f.clock.step_wall(today.time_since_epoch() - 20min);
  f.look();
  f.refuse("hub-a", 5);
  f.loop.run_for(1s);
  CHECK(f.view().hub_connects == 2);
  CHECK(f.view().dps_conversations == 0);
}

TEST_CASE("a login right after the clock was set, and before that was noticed, sends true times") {
  Fixture f;
  f.cached("hub-a");
  const WallTime today = f.clock.wall();
  f.clock.step_wall(20min - today.time_since_epoch());
  OutboxMessage reading;
  reading.created = f.clock.wall();
  reading.since_boot = f.clock.steady().time_since_epoch();
  reading.boot_id = kBoot;
  reading.clock_trusted = false;
  f.outbox.append(DeviceIndex{0}, reading, [](const Result<StoredMessage>&) {});
  f.start();
  f.clock.step_wall(today.time_since_epoch() - 20min);
  f.accept("hub-a");
  const auto sent = f.telemetry("hub-a");
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].topic.find("clock=restamped") != std::string::npos);
  CHECK(sent[0].topic.find("ctime=" + to_iso8601(today).substr(0, 10)) != std::string::npos);
}

TEST_CASE(
    "a token that a set clock outdates is made anew on a planned reconnect, others are kept") {
  struct Row {
    const char* why;
    std::chrono::milliseconds set_by;
    bool renewed;
  };
  const Row rows[] = {
      {"an hour's token, an hour later", 1h, true},
      {"ends before its renewal", 20min, true},
      {"renewed in time anyway", 5min, false},
      {"set back: it lasts longer now", -3h, false},
      {"ten years that nobody vouches for", 87600h, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Fixture f;
    f.cached("hub-a");
    f.start();
    f.accept("hub-a");
    f.loop.run_for(60s);
    f.look();
    f.clock.step_wall(row.set_by);
    f.look();
    CHECK(f.view().state == CloudState::Online);
    f.loop.run_for(10s);
    CHECK(f.view().hub_connects == (row.renewed ? 2 : 1));
    if (!row.renewed) continue;
    f.accept("hub-a");
    CHECK(f.token_end("hub-a") >= f.clock.wall() + f.settings.token_life - 10s);
    CHECK(f.view().dps_conversations == 0);
  }
}

TEST_CASE("what failed for other reasons keeps its pause when the clock is set") {
  Fixture f;
  f.start();
  f.dps_says("200", R"({"status":"failed","registrationState":{"errorCode":400209}})");
  CHECK(f.view().failure == ErrorCode::DpsBlocked);
  f.loop.run_for(1s);
  f.clock.step_wall(1h);
  f.look();
  f.loop.run_for(1s);
  CHECK(f.view().dps_conversations == 1);
}

TEST_CASE("certificates out of date are the server's fault where a time service keeps the clock") {
  Fixture f;
  f.cached("hub-a");
  f.start();
  f.watch.look({f.clock.wall(), f.clock.steady()}, true);
  f.fail_certificate("hub-a");
  CHECK(f.view().failure == ErrorCode::TlsUntrusted);
}
