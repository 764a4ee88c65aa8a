// Many devices' northbound sides and what they share, against a scripted service, on simulated
// time.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <vector>

#include "gateway/device/cloud_client.h"
#include "tests/support/scripted_device.h"

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

const std::string kHub = "hub-a.example";
const std::string kDps = "dps.example";

struct EverybodyAssigned final : AssignmentStore {
  [[nodiscard]] std::optional<Assignment> load(const std::string& scope, const std::string& id,
                                               const std::string& credential) const override {
    return Assignment{kHub, id, scope, id, credential};
  }
  void save(const Assignment&) override {}
};

struct MemoryBackoffs final : BackoffStore {
  [[nodiscard]] std::optional<BackoffRecord> load(const std::string& id) const override {
    const auto found = records.find(id);
    return found == records.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::vector<GateRecord> load_gates() const override { return gates; }
  void save(const std::string& id, const BackoffRecord& record) override { records[id] = record; }
  void save_gates(std::vector<GateRecord> open) override { gates = std::move(open); }
  std::map<std::string, BackoffRecord> records;
  std::vector<GateRecord> gates;
};

struct Site {
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::SeededRandom chance{7};
  test::ScriptedLinks links;
  test::FixedSigner signer;
  EverybodyAssigned assignments;
  MemoryBackoffs backoffs;
  test::MemoryOutbox outbox;
  AlwaysGranted leases;
  test::SilentLog log;
  test::NoEvents events;
  CloudSettings settings;
  std::unique_ptr<AdmissionDesk> desk;
  std::vector<DeviceDescription> descriptions;
  std::vector<std::unique_ptr<Properties>> properties;
  std::vector<std::unique_ptr<CloudClient>> clients;

  explicit Site(std::uint32_t devices, std::chrono::seconds pause_max = 5min) {
    settings.recovery.backoff.max = pause_max;
    settings.dps_host = kDps;
    settings.id_scope = "0ne1";
    descriptions.resize(devices);
    for (std::uint32_t i = 0; i < devices; ++i) {
      descriptions[i].id = "device-" + std::to_string(i);
      outbox.attach(DeviceIndex{i}, descriptions[i].id, loop);
    }
    start();
  }
  ~Site() { end(); }

  void start() {
    desk = std::make_unique<AdmissionDesk>(
        loop, resilience::Limits{.connections_per_second = 100, .registrations_per_second = 100},
        chance, backoffs);
    for (std::uint32_t i = 0; i < descriptions.size(); ++i) {
      properties.push_back(std::make_unique<Properties>(descriptions[i]));
      clients.push_back(
          std::make_unique<CloudClient>(DeviceIndex{i}, descriptions[i], settings,
                                        CloudParts{loop, links, signer, assignments, backoffs,
                                                   outbox, leases, *desk, chance, log},
                                        *properties[i], events));
      clients[i]->start();
    }
  }
  // The process ends where it stands.
  void end() {
    clients.clear();
    properties.clear();
    desk.reset();
  }
  // Links that were told to connect to this host and have not heard anything yet.
  std::vector<test::ScriptedLink*> attempts_at(const std::string& host) {
    std::vector<test::ScriptedLink*> found;
    for (auto* link : links.links) {
      if (link->open && link->subscriptions.empty() && link->connects.back().host == host) {
        found.push_back(link);
      }
    }
    return found;
  }
  test::ScriptedLink* session_of(std::uint32_t device) {
    for (auto* link : links.links) {
      if (link->open && !link->subscriptions.empty() &&
          link->connects.back().client_id == descriptions[device].id) {
        return link;
      }
    }
    return nullptr;
  }
  // Answers its registration.
  void assign(test::ScriptedLink& dps, const std::string& hub) {
    dps.events.on_connected(false);
    dps.events.on_subscribed();
    const auto asked = dps.take("$dps/registrations/PUT/");
    REQUIRE(asked.size() == 1);
    const std::string rid = asked[0].topic.substr(asked[0].topic.find("$rid=") + 5);
    const std::string id = dps.connects.back().client_id;
    dps.events.on_message("$dps/registrations/res/200/?$rid=" + rid,
                          R"({"operationId":"1","status":"assigned","registrationState":)"
                          R"({"registrationId":")" +
                              id + R"(","deviceId":")" + id + R"(","assignedHub":")" + hub +
                              R"(","status":"assigned"}})");
  }
  static void close(test::ScriptedLink& link, LinkStage stage, ErrorCode code) {
    link.open = false;
    link.subscriptions.clear();
    link.events.on_closed(stage, Error{code, ErrorKind::Transient, "closed"});
  }
  // Lets time pass while the host accepts, or refuses at the door. Returns the attempts there.
  std::size_t run_for(std::chrono::seconds time, const std::string& host, bool accepts) {
    std::size_t attempts = 0;
    const SteadyTime end = clock.steady() + time;
    while (clock.steady() < end) {
      loop.run_for(100ms);
      for (auto* link : attempts_at(host)) {
        ++attempts;
        if (accepts) {
          link->events.on_connected(false);
          link->events.on_subscribed();
        } else {
          close(*link, LinkStage::Tcp, ErrorCode::Unreachable);
        }
      }
    }
    return attempts;
  }
  std::size_t online() {
    std::size_t count = 0;
    for (const auto& client : clients) count += client->view().state == CloudState::Online;
    return count;
  }
  // A message of each device that is online is stored, sent, and acknowledged.
  void acknowledge_one_each() {
    for (std::uint32_t i = 0; i < clients.size(); ++i) {
      auto* const link = session_of(i);
      if (link == nullptr) continue;
      OutboxMessage message;
      message.body = "{}";
      outbox.append(DeviceIndex{i}, std::move(message),
                    [this, i](const Result<StoredMessage>& row) { clients[i]->on_stored(*row); });
      loop.run_for(0s);
      for (const auto& sent : link->take("devices/")) link->events.on_published(sent.token);
    }
  }
  void drop_all() {
    for (std::uint32_t i = 0; i < clients.size(); ++i) {
      if (auto* link = session_of(i)) close(*link, LinkStage::Session, ErrorCode::LinkLost);
    }
  }
};

}  // namespace

TEST_CASE("fifty devices whose hub is gone: one looks for all, each asks DPS once, all return") {
  Site site(50);
  site.run_for(5s, kHub, true);
  REQUIRE(site.online() == 50);
  site.loop.run_for(5min);
  site.drop_all();
  std::size_t attempts = 0;
  std::size_t conversations = 0;
  for (int second = 0; second < 600; ++second) {
    attempts += site.run_for(1s, kHub, false);
    for (auto* dps : site.attempts_at(kDps)) {
      ++conversations;
      Site::close(*dps, LinkStage::Session, ErrorCode::LinkLost);
    }
  }
  // Ten minutes at pauses of up to 15 s, and the few before the first was noticed.
  CHECK(attempts >= 40);
  CHECK(attempts <= 120);
  // DPS does not answer either: one asks for all here, too.
  CHECK(conversations >= 3);
  CHECK(conversations <= 120);
  for (const auto& client : site.clients) {
    CHECK(client->view().state == CloudState::BackingOff);
    CHECK(client->view().next_attempt);
  }
  // Back: nobody waits for a pause of his own.
  REQUIRE(site.desk->admission().next_look(kHub));
  site.loop.run_until(*site.desk->admission().next_look(kHub));
  site.run_for(5s, kHub, true);
  CHECK(site.online() == 50);
}

TEST_CASE("a minute without its hub brings hardly anybody of a thousand devices to DPS") {
  Site site(1000);
  site.run_for(15s, kHub, true);
  REQUIRE(site.online() == 1000);
  site.loop.run_for(5min);
  site.drop_all();
  std::size_t conversations = 0;
  for (int second = 0; second < 60; ++second) {
    site.run_for(1s, kHub, false);
    for (auto* dps : site.attempts_at(kDps)) {
      if (dps->published.empty()) ++conversations;
      dps->events.on_connected(false);
      dps->events.on_subscribed();
    }
  }
  CHECK(conversations <= 10);
  REQUIRE(site.desk->admission().next_look(kHub));
  site.loop.run_until(*site.desk->admission().next_look(kHub));
  const SteadyTime back = site.clock.steady();
  while (site.online() < 990 && site.clock.steady() < back + 60s) site.run_for(1s, kHub, true);
  CHECK(site.clock.steady() - back <= 12s);  // at 100 a second
}

TEST_CASE("a hub that does not let anybody in for hours costs few conversations with DPS") {
  enum class Hub { Busy, ClosesBeforeAnswer, Gone };
  for (const Hub hub : {Hub::Busy, Hub::ClosesBeforeAnswer, Hub::Gone}) {
    CAPTURE(static_cast<int>(hub));
    Site site(20);
    std::size_t conversations = 0;
    std::size_t first_quarter = 0;
    for (int second = 0; second < 2 * 3600; ++second) {
      site.loop.run_for(1s);
      for (auto* link : site.attempts_at(kHub)) {
        link->open = false;
        if (hub == Hub::Busy) {
          link->events.on_refused(3);
        } else if (hub == Hub::Gone) {
          Site::close(*link, LinkStage::Tcp, ErrorCode::Unreachable);
        } else {
          Site::close(*link, LinkStage::Connack, ErrorCode::LinkLost);
        }
      }
      for (auto* dps : site.attempts_at(kDps)) {
        ++conversations;
        site.assign(*dps, kHub);
      }
      if (second == 15 * 60) first_quarter = conversations;
    }
    // One asks for all at first: after 5 to 10 s, 10 to 20 s, and so on. Then each for itself, at
    // intervals of half an hour.
    CHECK(first_quarter >= 5);
    CHECK(first_quarter <= 9);
    CHECK(conversations - first_quarter <= std::size_t{20} * 4);
  }
}

TEST_CASE("neither hub nor DPS answers for an hour: both are looked at, DPS ever more rarely") {
  Site site(2);
  std::size_t looks = 0;
  std::size_t conversations = 0;
  for (int second = 0; second < 3600; ++second) {
    looks += site.run_for(1s, kHub, false);
    for (auto* dps : site.attempts_at(kDps)) {
      ++conversations;
      Site::close(*dps, LinkStage::Tcp, ErrorCode::Unreachable);
    }
  }
  CHECK(looks >= 240);
  CHECK(conversations >= 30);
  CHECK(conversations <= 80);
}

TEST_CASE("where one device is moved away from a silent hub, the others ask at once as well") {
  Site site(20);
  site.run_for(2s, kHub, true);
  site.loop.run_for(5min);
  site.drop_all();
  for (int second = 0; second < 120 && site.attempts_at(kDps).empty(); ++second) {
    site.run_for(1s, kHub, false);
  }
  site.assign(*site.attempts_at(kDps).at(0), "hub-b.example");
  site.loop.run_for(1s);
  CHECK(site.attempts_at("hub-b.example").size() == 1);
  CHECK(site.attempts_at(kDps).size() == 19);
}

TEST_CASE(
    "a device that a hub refused and DPS moved says nothing about those to whom the hub is "
    "silent") {
  Site site(20);
  site.run_for(2s, kHub, true);
  site.loop.run_for(5min);
  Site::close(*site.session_of(0), LinkStage::Session, ErrorCode::LinkLost);
  site.loop.run_for(1s);
  auto* const refused = site.attempts_at(kHub).at(0);
  refused->open = false;
  refused->events.on_refused(5);
  site.loop.run_for(1s);
  auto* const dps = site.attempts_at(kDps).at(0);
  site.drop_all();
  site.run_for(3s, kHub, false);
  REQUIRE(site.desk->admission().is_open(kHub));
  site.assign(*dps, "hub-b.example");
  site.loop.run_for(1s);
  CHECK(site.attempts_at("hub-b.example").size() == 1);
  CHECK(site.attempts_at(kDps).empty());
}

TEST_CASE("a device that is pushed out again and again alone names the second holder and waits") {
  Site site(3);
  site.run_for(2s, kHub, true);
  site.loop.run_for(5min);
  const SteadyTime began = site.clock.steady();
  int thrown_out = 0;
  while (site.clients[0]->view().failure != ErrorCode::SecondHolder) {
    REQUIRE(thrown_out < 6);
    if (auto* link = site.session_of(0)) {
      OutboxMessage message;
      message.body = "{}";
      site.outbox.append(DeviceIndex{0}, std::move(message), [&](const Result<StoredMessage>& row) {
        site.clients[0]->on_stored(*row);
      });
      site.loop.run_for(0s);
      for (const auto& sent : link->take("devices/")) link->events.on_published(sent.token);
      site.loop.run_for(500ms);
      Site::close(*link, LinkStage::Session, ErrorCode::LinkLost);
      ++thrown_out;
    }
    site.run_for(1s, kHub, true);
  }
  CHECK(thrown_out == 4);  // the first one had been stable
  CHECK(site.clients[0]->view().state == CloudState::WaitingForOperator);
  CHECK(site.clients[0]->view().dps_conversations == 0);
  REQUIRE(site.clients[0]->view().next_attempt);
  CHECK(*site.clients[0]->view().next_attempt >= site.clock.steady() + 55s);
  CHECK(site.clock.steady() - began < 60s);
  CHECK(site.clients[1]->view().state == CloudState::Online);
}

// What this hub does with each CONNECT; DPS always names it again. Returns the conversations.
namespace {
template <class Answers>
std::size_t conversations_with(Site& site, std::chrono::seconds time, Answers let_in) {
  std::size_t conversations = 0;
  const SteadyTime end = site.clock.steady() + time;
  while (site.clock.steady() < end) {
    site.loop.run_for(100ms);
    for (auto* link : site.attempts_at(kHub)) {
      if (let_in(link->connects.back().client_id)) {
        link->events.on_connected(false);
        link->events.on_subscribed();
      } else {
        link->open = false;
        link->events.on_refused(3);
      }
    }
    for (auto* dps : site.attempts_at(kDps)) {
      ++conversations;
      site.assign(*dps, kHub);
    }
  }
  return conversations;
}
}  // namespace

TEST_CASE("a hub that lets in only a few at a time is not reported to DPS by those it sends away") {
  Site site(60, 15s);
  std::size_t sent_away = 0;
  SteadyTime next_one = site.clock.steady();
  const auto conversations = conversations_with(site, 10min, [&](const std::string&) {
    if (site.clock.steady() < next_one) {
      ++sent_away;
      return false;
    }
    next_one = site.clock.steady() + 1500ms;
    return true;
  });
  CHECK(site.online() == 60);
  CHECK(sent_away > 60);
  CHECK(conversations == 0);
}

TEST_CASE("a device that the hub alone keeps out asks DPS with its eleventh failure") {
  Site site(20);
  std::size_t refused = 0;
  std::size_t conversations = 0;
  for (int seconds = 0; seconds < 3600 && conversations == 0; seconds += 5) {
    // All the while the hub lets others in.
    if (auto* link = site.session_of(1 + static_cast<std::uint32_t>(seconds / 5 % 19))) {
      Site::close(*link, LinkStage::Session, ErrorCode::LinkLost);
    }
    conversations += conversations_with(site, 5s, [&](const std::string& id) {
      refused += id == "device-0" ? 1 : 0;
      return id != "device-0";
    });
  }
  CHECK(conversations == 1);
  CHECK(site.clients[0]->view().dps_conversations == 1);
  // More than one look may fit into the last five seconds.
  CHECK(refused >= 11);
  CHECK(refused <= 12);
}

TEST_CASE("of several that a hub keeps out while it lets others in, each asks after a while") {
  Site site(20);
  std::size_t at_first = 0;
  std::size_t conversations = 0;
  for (int seconds = 0; seconds < 3 * 3600; seconds += 5) {
    if (auto* link = site.session_of(5 + static_cast<std::uint32_t>(seconds / 5 % 15))) {
      Site::close(*link, LinkStage::Session, ErrorCode::LinkLost);
    }
    conversations += conversations_with(site, 5s, [](const std::string& id) {
      return id != "device-0" && id != "device-1" && id != "device-2" && id != "device-3";
    });
    if (seconds == 15 * 60) at_first = conversations;
  }
  CHECK(at_first == 0);
  for (std::uint32_t device = 0; device < 4; ++device) {
    CHECK(site.clients[device]->view().dps_conversations >= 1);
  }
  // Ten more failures with pauses of up to five minutes lie between two questions.
  CHECK(conversations <= std::size_t{4} * 8);
}

TEST_CASE("a hub that closes everybody after login is named, asked by one, and never told to DPS") {
  // It may acknowledge the first message before it closes.
  for (const bool acknowledges : {false, true}) {
    CAPTURE(acknowledges);
    Site site(20);
    site.run_for(2s, kHub, true);
    REQUIRE(site.online() == 20);
    std::size_t logins = 0;
    for (int second = 0; second < 600; ++second) {
      logins += site.run_for(1s, kHub, true);
      if (acknowledges) site.acknowledge_one_each();
      site.drop_all();
    }
    CHECK(logins <= 20 + 20 + 120);
    std::size_t named = 0;
    for (const auto& client : site.clients) {
      named += client->view().failure == ErrorCode::HubClosesAll ? 1 : 0;
      CHECK(client->view().dps_conversations == 0);
    }
    CHECK(named >= 18);
    site.run_for(120s, kHub, true);
    CHECK(site.online() == 20);
  }
}

TEST_CASE("a hub that starts anew every half minute is not taken for one that closes everybody") {
  Site site(20, 10s);
  for (int restart = 0; restart < 20; ++restart) {
    for (int second = 0; second < 30; ++second) {
      site.run_for(1s, kHub, second >= 5);
      for (auto* dps : site.attempts_at(kDps)) site.assign(*dps, kHub);
    }
    CHECK(site.online() == 20);
    site.drop_all();
    for (const auto& client : site.clients) {
      CHECK(client->view().failure != ErrorCode::HubClosesAll);
    }
  }
}

TEST_CASE(
    "a process that is started again every two seconds asks no more often than one that lives") {
  Site site(10);
  for (auto* link : site.links.links) link->open = false;
  std::size_t attempts = 0;
  for (int life = 0; life < 60; ++life) {
    attempts += site.run_for(2s, kHub, false);
    site.end();
    site.start();
  }
  // Two minutes: a few before it is noticed, then looks with growing pauses.
  CHECK(attempts >= 4);
  CHECK(attempts <= 35);
}

TEST_CASE("a hub that delivers no commands is named, and telemetry goes on") {
  Site site(1);
  site.loop.run_for(1s);
  auto* link = site.attempts_at(kHub).at(0);
  link->events.on_connected(false);
  link->events.on_subscription_refused();
  CHECK(site.clients[0]->view().state == CloudState::Online);
  CHECK(site.clients[0]->view().trouble == ErrorCode::SubscriptionRefused);
  OutboxMessage message;
  message.body = "{}";
  site.outbox.append(DeviceIndex{0}, std::move(message),
                     [&](const Result<StoredMessage>& row) { site.clients[0]->on_stored(*row); });
  site.loop.run_for(1s);
  CHECK(link->take("devices/").size() == 1);
  CHECK(link->take("$iothub/twin/GET").empty());
}
