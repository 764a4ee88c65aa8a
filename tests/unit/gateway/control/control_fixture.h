// Two devices against a scripted service on simulated time, with all that control commands ask.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/control/drill.h"
#include "gateway/control/why_question.h"
#include "gateway/device/roster.h"
#include "gateway/observe/path_book.h"
#include "gateway/observe/status_board.h"
#include "proto/json.h"
#include "tests/support/event_log.h"
#include "tests/support/manual_loop.h"
#include "tests/support/memory_outbox.h"
#include "tests/support/scripted_link.h"
#include "tests/support/scripted_random.h"

namespace hubward::control::test {

using namespace std::chrono_literals;
using namespace hubward::test;  // NOLINT: a fixture

struct FixedSigner final : Signer {
  void sign(std::string, std::function<void(Result<std::string>)> done) override {
    done(std::string(32, 'k'));
  }
  [[nodiscard]] std::string fingerprint() const override { return "key-1"; }
};

struct KnownAssignments final : AssignmentStore {
  [[nodiscard]] std::optional<Assignment> load(const std::string& scope, const std::string& id,
                                               const std::string& credential) const override {
    return Assignment{"hub-a.example", id, scope, id, credential};
  }
  void save(const Assignment&) override {}
};

// Every way is free, at once.
struct FreeWays final : PathProbe {
  explicit FreeWays(Loop& on) : loop(on) {}
  void probe(const std::string& host, std::uint16_t port,
             std::function<void(PathFindings)> done) override {
    ++probes;
    loop.post([this, host, port, done = std::move(done)] {
      PathFindings found;
      found.host = host;
      found.port = port;
      found.tcp = PathStep{};
      if (free) {
        found.tls = PathStep{};
      } else {
        found.tcp->trouble = Error{ErrorCode::Unreachable, ErrorKind::Transient, "no answer"};
      }
      done(found);
    });
  }
  Loop& loop;
  int probes = 0;
  bool free = true;
};

struct ControlFixture {
  ManualClock clock;
  ManualLoop loop{clock};
  FixedRandom chance{0.5};
  ScriptedLinks links;
  FixedSigner signer;
  KnownAssignments assignments;
  MemoryOutbox outbox;
  AlwaysGranted leases;
  NoBackoffStore backoffs;
  device::AdmissionDesk admission{loop, {}, chance, backoffs};
  EventLog log;
  device::WriteGate writes;
  device::CloudSettings settings;
  std::vector<DeviceDescription> descriptions = {described("press-07"), described("scale-2")};
  observe::StatusBoard board{{"plant", "1", descriptions}, clock};
  FreeWays ways{loop};
  observe::PathBook paths{ways, loop};
  device::StatusRounds rounds{loop, board};
  device::DeviceRoster roster{board};
  WhyQuestions why{board, roster, paths, {"dps.example", 8883}, loop};
  Drills drills{board, roster, loop, log};

  ControlFixture() {
    settings.dps_host = "dps.example";
    settings.id_scope = "0ne1";
    for (std::uint32_t i = 0; i < descriptions.size(); ++i) {
      roster.add(std::make_unique<device::Device>(
          DeviceIndex{i}, descriptions[i], settings,
          device::DeviceParts{device::CloudParts{loop, links, signer, assignments, backoffs, outbox,
                                                 leases, admission, chance, log},
                              rounds, writes}));
    }
  }

  static DeviceDescription described(const std::string& id) {
    DeviceDescription description;
    description.id = id;
    TagDescription tag;
    tag.name = "pressure";
    description.tags.push_back(tag);
    return description;
  }

  // Only the first device runs.
  void start() {
    roster.at(DeviceIndex{0}).start();
    loop.run_for(100ms);
  }
  ScriptedLink& link(std::string_view host) {
    auto* found = links.to(host);
    REQUIRE(found != nullptr);
    return *found;
  }
  void accept(std::string_view host) {
    link(host).events.on_connected(false);
    link(host).events.on_subscribed();
    loop.run_for(0s);
  }
  void refuse(std::string_view host, int code) {
    auto& refused = link(host);
    refused.open = false;
    refused.events.on_refused(code);
    loop.run_for(0s);
  }
  void dps_says(const std::string& json) {
    auto& dps = link("dps.example");
    dps.events.on_connected(false);
    dps.events.on_subscribed();
    const auto sent = dps.take("$dps/registrations/PUT/");
    REQUIRE(sent.size() == 1);
    const std::string rid = sent[0].topic.substr(sent[0].topic.find("$rid=") + 5);
    dps.events.on_message("$dps/registrations/res/200/?$rid=" + rid, json);
    loop.run_for(0s);
  }
  void dps_assigns(const std::string& hub) {
    dps_says(R"({"operationId":"1","status":"assigned","registrationState":)"
             R"({"registrationId":"press-07","deviceId":"press-07","assignedHub":")" +
             hub + R"(","status":"assigned"}})");
  }
  void reads() {
    ReadingBatch batch{DeviceIndex{0}, clock.wall(), clock.steady(), {}};
    batch.readings.push_back({TagIndex{0}, 1.5, Quality::Good, {}});
    roster.deliver(std::move(batch), {});
    loop.run_for(0s);
  }
  // Acknowledges what was published to a hub; how many messages.
  std::size_t acknowledge(std::string_view host) {
    const auto sent = link(host).take("devices/press-07/messages/events/");
    for (const auto& one : sent) link(host).events.on_published(one.token);
    loop.run_for(0s);
    return sent.size();
  }
};

// What came back, parsed. Numbers and texts of it by name.
struct Answered {
  std::optional<std::string> line;
  [[nodiscard]] std::function<void(std::string)> taker() {
    return [this](std::string answer) {
      CHECK_FALSE(line);  // once
      line = std::move(answer);
    };
  }
  [[nodiscard]] std::string text(const char* name) const {
    REQUIRE(line);
    const auto document = json::parse(*line);
    REQUIRE(document);
    return std::string(json::as_string(json::find(*document, name)).value_or(""));
  }
  [[nodiscard]] std::int64_t number(const char* name) const {
    REQUIRE(line);
    const auto document = json::parse(*line);
    REQUIRE(document);
    return json::as_int(json::find(*document, name)).value_or(-1);
  }
};

}  // namespace hubward::control::test
