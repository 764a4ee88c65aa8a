// One device's northbound side against a scripted service, on simulated time; and the parts of it
// that tests of several devices share.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/device/cloud_client.h"
#include "tests/support/manual_loop.h"
#include "tests/support/memory_outbox.h"
#include "tests/support/scripted_link.h"
#include "tests/support/scripted_random.h"

namespace hubward::test {

struct FixedSigner final : Signer {
  void sign(std::string, std::function<void(Result<std::string>)> done) override {
    ++signatures;
    done(std::string(32, key));
  }
  bool use_other_key() override {
    ++keys_tried;
    if (other_key == '\0') return false;
    std::swap(key, other_key);
    return true;
  }
  [[nodiscard]] std::string fingerprint() const override { return "key-1"; }
  int signatures = 0;
  int keys_tried = 0;
  char key = 'k';
  char other_key = '\0';
};

struct MemoryAssignments final : AssignmentStore {
  [[nodiscard]] std::optional<Assignment> load(const std::string& scope, const std::string& id,
                                               const std::string& credential) const override {
    if (saved && saved->id_scope == scope && saved->registration_id == id &&
        saved->credential == credential) {
      return saved;
    }
    return std::nullopt;
  }
  void save(const Assignment& assignment) override { saved = assignment; }
  std::optional<Assignment> saved;
};

// Hands out nothing; shows what was to be remembered.
struct LastBackoff final : BackoffStore {
  [[nodiscard]] std::optional<BackoffRecord> load(const std::string&) const override {
    return std::nullopt;
  }
  [[nodiscard]] std::vector<GateRecord> load_gates() const override { return {}; }
  void save(const std::string&, const BackoffRecord& saved) override { record = saved; }
  void save_gates(std::vector<GateRecord>) override {}
  BackoffRecord record;
};

struct SilentLog final : Log {
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

struct NoEvents final : device::CloudEvents {
  void on_cloud_changed() override {}
  void on_wish(device::Wish) override {}
  void on_command(device::RunCommand) override {}
};

// "press-07", whose DPS is "dps.example". `start()` after the settings have been changed.
struct ScriptedDevice {
  ManualClock clock;
  ManualLoop loop{clock};
  FixedRandom chance{0.5};
  ScriptedLinks links;
  FixedSigner signer;
  MemoryAssignments assignments;
  MemoryOutbox outbox;
  AlwaysGranted leases;
  LastBackoff backoffs;
  device::AdmissionDesk admission{loop, {}, chance, backoffs};
  SilentLog log;
  NoEvents events;
  device::CloudSettings settings;
  DeviceDescription description;
  resilience::ClockWatch* clock_watch = nullptr;
  std::unique_ptr<device::Properties> properties;
  std::unique_ptr<device::CloudClient> client;

  ScriptedDevice() {
    settings.dps_host = "dps.example";
    settings.id_scope = "0ne1";
    settings.agent = "hubward/test";
    description.id = "press-07";
    outbox.attach(DeviceIndex{0}, "press-07", loop);
  }
  ~ScriptedDevice() { client.reset(); }

  void cached(const std::string& hub) {
    assignments.saved = Assignment{hub, "press-07", "0ne1", "press-07", "key-1"};
  }
  void make() {
    properties = std::make_unique<device::Properties>(description);
    client = std::make_unique<device::CloudClient>(
        DeviceIndex{0}, description, settings,
        device::CloudParts{loop, links, signer, assignments, backoffs, outbox, leases, admission,
                           chance, log, clock_watch},
        *properties, events);
  }
  void start() {
    using namespace std::chrono_literals;
    if (!client) make();
    client->start();
    loop.run_for(0s);
  }
  ScriptedLink& link(std::string_view host) {
    auto* link = links.to(host);
    REQUIRE(link != nullptr);
    return *link;
  }
  void accept(std::string_view host) {
    link(host).events.on_connected(false);
    link(host).events.on_subscribed();
    turn();
  }
  void refuse(std::string_view host, int code) {
    auto& refused = link(host);
    refused.open = false;
    refused.events.on_refused(code);
    turn();
  }
  void drop(std::string_view host, LinkStage stage = LinkStage::Session,
            ErrorCode code = ErrorCode::LinkLost, std::string_view words = "closed") {
    auto& dropped = link(host);
    dropped.open = false;
    dropped.events.on_closed(stage, Error{code, ErrorKind::Transient, std::string(words)});
    turn();
  }
  // Answers the DPS conversation under way.
  void dps_says(const std::string& status, const std::string& json, const std::string& more = {}) {
    auto& dps = link("dps.example");
    dps.events.on_connected(false);
    dps.events.on_subscribed();
    const auto sent = dps.take("$dps/registrations/PUT/");
    REQUIRE(sent.size() == 1);
    const std::string rid = sent[0].topic.substr(sent[0].topic.find("$rid=") + 5);
    dps.events.on_message("$dps/registrations/res/" + status + "/?$rid=" + rid + more, json);
    turn();
  }
  // Answers the last poll of the conversation under way.
  void dps_polled(const std::string& status, const std::string& json,
                  const std::string& more = {}) {
    auto& dps = link("dps.example");
    const auto sent = dps.take("$dps/registrations/GET/");
    REQUIRE(sent.size() == 1);
    const auto begin = sent[0].topic.find("$rid=") + 5;
    const std::string rid = sent[0].topic.substr(begin, sent[0].topic.find('&') - begin);
    dps.events.on_message("$dps/registrations/res/" + status + "/?$rid=" + rid + more, json);
    turn();
  }
  void dps_assigns(const std::string& hub) {
    dps_says("200", R"({"operationId":"1","status":"assigned","registrationState":)"
                    R"({"registrationId":"press-07","deviceId":"press-07","assignedHub":")" +
                        hub + R"(","status":"assigned"}})");
  }
  std::vector<SentPublish> telemetry(std::string_view host) {
    return link(host).take("devices/press-07/messages/events/");
  }
  // What is ready now is done.
  void turn() { loop.run_for(std::chrono::seconds{0}); }
};

}  // namespace hubward::test
