#include "tests/sim/simulation/simulation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>

#include "gateway/api/failure_words.h"
#include "gateway/device/roster.h"
#include "tests/sim/cloud/signature.h"
#include "tests/sim/simulation/simulated_machine.h"

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;
using simcloud::Fault;
using simcloud::FaultKind;

constexpr resilience::Limits kAdmission{.connections_per_second = 20,
                                        .registrations_per_second = 2};
// The token bucket's own burst and one for the second's edge.
constexpr double kAdmissionSlack = 2.0;

std::string device_name(std::size_t device) { return "device-" + std::to_string(device); }

simcloud::CloudConfig cloud_config(std::size_t hubs) {
  simcloud::CloudConfig config;
  for (std::size_t i = 1; i <= hubs; ++i) {
    const std::string host = "hub-" + std::to_string(i) + ".invalid";
    config.hubs.push_back({"hub-" + std::to_string(i), host, host});
  }
  return config;
}

const simcloud::Key kGroupKey(64, std::byte{7});

class DerivedKeySigner final : public Signer {
 public:
  explicit DerivedKeySigner(const std::string& registration_id)
      : key_(simcloud::derive_device_key(kGroupKey, registration_id)) {}
  void sign(std::string text, std::function<void(Result<std::string>)> done) override {
    const auto mac = simcloud::hmac_sha256(key_, text);
    done(std::string(reinterpret_cast<const char*>(mac.data()), mac.size()));
  }
  [[nodiscard]] std::string fingerprint() const override { return "k"; }

 private:
  simcloud::Key key_;
};

// The gateway's own log, in the narration only.
class NarratedLog final : public Log {
 public:
  NarratedLog(bool on, const Clock& clock) : on_(on), clock_(clock) {}
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    if (!on_) return;
    const auto now = std::chrono::duration<double>(clock_.steady().time_since_epoch()).count();
    std::printf("%10.3f    %.*s", now, static_cast<int>(event.size()), event.data());
    for (const auto& field : fields) {
      std::printf(" %.*s=%s", static_cast<int>(field.key.size()), field.key.data(),
                  field.value.c_str());
    }
    std::printf("\n");
  }

 private:
  bool on_;
  const Clock& clock_;
};

struct LatestStatus final : StatusSink {
  void device(const DeviceStatus&) override {}
  void bad_input(const BadInput&) override {}
  void event(SiteEvent) override {}
};

}  // namespace

// One life of the gateway's process.
class Gateway {
 public:
  Gateway(test::ManualClock& clock, SimulatedNetwork& network, SimulatedMachine& machine,
          RandomSource& random, std::size_t devices, bool narrate)
      : loop(clock),
        links_(network),
        outbox_(machine.start_outbox(loop)),
        admission_(loop, kAdmission, random, machine.backoffs()),
        log_(narrate, clock) {
    settings_.dps_host = "dps.invalid";
    settings_.id_scope = "0ne00AB12CD";
    settings_.agent = "hubward/simulated";
    roster = std::make_unique<device::DeviceRoster>(status_);
    for (std::size_t i = 0; i < devices; ++i) {
      signers_.push_back(std::make_unique<DerivedKeySigner>(device_name(i)));
      DeviceDescription description;
      description.id = device_name(i);
      TagDescription counter;
      counter.name = "counter";
      description.tags.push_back(counter);
      const device::CloudParts parts{loop,
                                     links_,
                                     *signers_.back(),
                                     machine.assignments(),
                                     machine.backoffs(),
                                     *outbox_,
                                     leases_,
                                     admission_,
                                     random,
                                     log_};
      roster->add(std::make_unique<device::Device>(
          DeviceIndex{static_cast<std::uint32_t>(i)}, description, settings_,
          device::DeviceParts{parts, rounds_, writes_, machine.boot_id()}));
    }
    roster->start();
  }

  test::ManualLoop loop;

 private:
  SimulatedLinks links_;
  std::unique_ptr<Outbox> outbox_;
  device::AdmissionDesk admission_;
  device::CloudSettings settings_;
  AlwaysGranted leases_;
  NarratedLog log_;
  LatestStatus status_;
  device::StatusRounds rounds_{loop, status_};
  device::WriteGate writes_;
  std::vector<std::unique_ptr<DerivedKeySigner>> signers_;

 public:
  std::unique_ptr<device::DeviceRoster> roster;  // last: goes first
};

Simulation::Simulation(SimulationSettings settings)
    : settings_(settings), random_(settings.seed), plants_(settings.devices) {
  cloud_ = std::make_unique<simcloud::CloudModel>(cloud_config(settings.hubs), random_);
  network_ = std::make_unique<SimulatedNetwork>(*cloud_, world_, random_);
  machine_ = std::make_unique<SimulatedMachine>(settings.seed, random_);
  simcloud::Enrollment group;
  group.name = "plant";
  group.group = true;
  group.keys = {kGroupKey};
  for (std::size_t hub = 1; hub <= settings.hubs; ++hub) group.hubs.push_back(hub);
  (void)cloud_->enroll(std::move(group), now());
}

Simulation::~Simulation() { gateway_.reset(); }

simcloud::Now Simulation::now() const { return {clock_.steady(), clock_.wall()}; }

void Simulation::say(const std::string& what) const {
  if (!settings_.narrate) return;
  const auto seconds = std::chrono::duration<double>(clock_.steady().time_since_epoch()).count();
  std::printf("%10.3f  %s\n", seconds, what.c_str());
}

// Says when and how a message came out of order.
void Simulation::narrate_order() {
  for (const auto& [name, device] : cloud_->world().devices) {
    const auto violations = device->ledger.order_violations();
    if (violations == order_violations_[name]) continue;
    order_violations_[name] = violations;
    std::string ids;
    const auto& log = device->ledger.log();
    for (std::size_t i = log.size() > 12 ? log.size() - 12 : 0; i < log.size(); ++i) {
      ids += " " + log[i].id + "@" + std::to_string(log[i].hub);
    }
    say("ORDER " + name + ":" + ids);
  }
}

SteadyTime Simulation::in(double seconds_min, double seconds_max) {
  const double seconds = seconds_min + (seconds_max - seconds_min) * random_.unit();
  return clock_.steady() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::duration<double>(seconds));
}

std::string Simulation::some_device() {
  return device_name(
      static_cast<std::size_t>(random_.unit() * static_cast<double>(plants_.size())));
}

simcloud::Place Simulation::some_hub() {
  return 1 + static_cast<simcloud::Place>(random_.unit() * static_cast<double>(settings_.hubs));
}

Outcome Simulation::run() {
  start_gateway();
  for (std::size_t i = 0; i < plants_.size(); ++i) schedule_reading(i);
  schedule_fault();
  run_until(clock_.steady() + settings_.faults_for);

  // Peace: every fault ends, and everything must come right by itself.
  faults_on_ = false;
  network_->set_cut(false);
  for (const auto& place : cloud_->world().places) network_->set_name_unknown(place.host, false);
  cloud_->clear_faults(now());
  for (std::size_t i = 0; i < plants_.size(); ++i) {
    (void)cloud_->block(device_name(i), false, now());
    (void)cloud_->enable(device_name(i));
  }
  (void)cloud_->disable_enrollment("plant", false);
  network_->deliver_outputs();
  if (!gateway_) start_gateway();
  const SteadyTime peace = clock_.steady();
  while (!everybody_is_online() && clock_.steady() < peace + settings_.back_within) {
    run_until(clock_.steady() + 1s);
  }
  outcome_.longest_return =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - peace);
  if (!everybody_is_online()) {
    for (std::uint32_t i = 0; gateway_ && i < plants_.size(); ++i) {
      const auto status = gateway_->roster->at(DeviceIndex{i}).status();
      if (status.cloud == CloudState::Online) continue;
      say(device_name(i) + " is in state " + std::to_string(static_cast<int>(status.cloud)) + ", " +
          (status.cloud_failure ? std::string(words_for(*status.cloud_failure).label)
                                : "no failure") +
          ", " + status.cloud_detail);
    }
    outcome_.violations.push_back("not everybody is connected " +
                                  std::to_string(settings_.back_within.count()) +
                                  " minutes after the last fault");
  }
  // The plant rests. Two minutes for what is still waiting: 32 in flight, 100 ms each way.
  plant_runs_ = false;
  run_until(clock_.steady() + 2min);
  judge(outcome_);
  return outcome_;
}

// The next instant at which anything happens, anywhere; then all of it in a fixed order.
void Simulation::run_until(SteadyTime end) {
  while (true) {
    SteadyTime next = end;
    const auto consider = [&](const std::optional<SteadyTime>& at) {
      if (at && *at < next) next = std::max(*at, clock_.steady());
    };
    consider(world_.next_timer());
    consider(cloud_->next_wakeup());
    if (gateway_) consider(gateway_->loop.next_timer());
    if (next > clock_.steady()) clock_.set_steady(next);
    cloud_->advance(now());
    network_->deliver_outputs();
    world_.run_until(next);
    if (gateway_) gateway_->loop.run_until(next);
    if (settings_.narrate) narrate_order();
    if (next >= end) return;
  }
}

void Simulation::start_gateway() {
  say("gateway starts");
  gateway_ = std::make_unique<Gateway>(clock_, *network_, *machine_, random_, plants_.size(),
                                       settings_.narrate);
  network_->clear_attempts();
}

void Simulation::crash(bool power) {
  if (!gateway_) return;
  check_admission();
  say(power ? "power cut" : "gateway killed");
  ++(power ? outcome_.power_cuts : outcome_.crashes);
  if (power) {
    for (auto& plant : plants_) {
      for (const auto& [counter, at] : plant.acknowledged_at) {
        if (clock_.steady() - at <= machine_->sync_window()) plant.at_risk.insert(counter);
      }
    }
  }
  // The process ends where it stands: nothing is flushed, no goodbye is said.
  machine_->die(power);
  gateway_.reset();
  network_->forget_all_links();
  world_.call_at(in(0.5, power ? 120 : 20), [this] {
    if (!gateway_) start_gateway();
  });
}

void Simulation::schedule_reading(std::size_t device) {
  const double mean = static_cast<double>(settings_.between_readings.count());
  world_.call_at(in(0.2 * mean, 1.8 * mean), [this, device] {
    read(device);
    schedule_reading(device);
  });
}

void Simulation::read(std::size_t device) {
  if (!gateway_ || !plant_runs_) return;
  Plant& plant = plants_[device];
  const std::uint64_t counter = ++plant.counter;
  ReadingBatch batch;
  batch.device = DeviceIndex{static_cast<std::uint32_t>(device)};
  batch.at = clock_.wall();
  batch.at_steady = clock_.steady();
  batch.readings.push_back({TagIndex{0}, TagValue(counter), Quality::Good, {}});
  gateway_->roster->deliver(std::move(batch), [this, &plant, counter](const Status& stored) {
    if (!stored) return;
    plant.acknowledged.insert(counter);
    plant.acknowledged_at[counter] = clock_.steady();
    while (clock_.steady() - plant.acknowledged_at.begin()->second > 10s) {
      plant.acknowledged_at.erase(plant.acknowledged_at.begin());
    }
  });
}

void Simulation::schedule_fault() {
  const double mean = static_cast<double>(settings_.between_faults.count());
  world_.call_at(in(0, 2 * mean), [this] {
    if (!faults_on_) return;
    begin_fault();
    schedule_fault();
  });
}

void Simulation::begin_fault() {
  ++outcome_.faults;
  const double kind = random_.unit() * 16;
  const bool long_one = random_.unit() < 0.15;
  const SteadyTime end = long_one ? in(300, 1200) : in(2, 120);
  const auto for_a_while = [&](Fault fault, const char* what) {
    say(what);
    const auto id = cloud_->add_fault(std::move(fault), now());
    world_.call_at(end, [this, id] {
      cloud_->remove_fault(id, now());
      network_->deliver_outputs();
    });
  };
  const std::string device = some_device();
  if (kind < 2) {
    say("fail over " + device);
    ++outcome_.failovers;
    std::optional<std::chrono::milliseconds> ttl;
    if (random_.unit() < 0.5)
      ttl = std::chrono::seconds(60 + static_cast<int>(300 * random_.unit()));
    (void)cloud_->fail_over(device, some_hub(), ttl, now());
  } else if (kind < 3) {
    say("fail over a whole hub");
    ++outcome_.failovers;
    cloud_->fail_over_hub(some_hub(), std::nullopt, std::nullopt, now());
  } else if (kind < 4) {
    say("block " + device);
    (void)cloud_->block(device, true, now());
    world_.call_at(end, [this, device] { (void)cloud_->block(device, false, now()); });
  } else if (kind < 5) {
    say("disable " + device);
    (void)cloud_->disable(device, random_.unit() < 0.5, now());
    world_.call_at(end, [this, device] { (void)cloud_->enable(device); });
  } else if (kind < 6) {
    say("our network is cut");
    network_->set_cut(true);
    world_.call_at(end, [this] { network_->set_cut(false); });
  } else if (kind < 7) {
    const std::string host = cloud_->world().places[some_hub()].host;
    say("name unknown: " + host);
    network_->set_name_unknown(host, true);
    world_.call_at(end, [this, host] { network_->set_name_unknown(host, false); });
  } else if (kind < 8) {
    for_a_while({.kind = FaultKind::Down, .place = some_hub()}, "hub down");
  } else if (kind < 8.5) {
    for_a_while({.kind = FaultKind::Silent, .place = some_hub()}, "hub silent");
  } else if (kind < 9) {
    for_a_while({.kind = FaultKind::Down, .place = simcloud::kDps}, "DPS down");
  } else if (kind < 10) {
    constexpr int kStatus[] = {401, 404, 429, 500};
    const int status = kStatus[static_cast<int>(random_.unit() * 4)];
    for_a_while({.kind = FaultKind::DpsAnswer,
                 .place = simcloud::kDps,
                 .code = status,
                 .retry_after = status == 429 ? 30s : 0s,
                 .at_poll = random_.unit() < 0.3},
                "DPS refuses");
  } else if (kind < 11) {
    const bool failed = random_.unit() < 0.7;
    for_a_while({.kind = FaultKind::DpsAnswer,
                 .place = simcloud::kDps,
                 .device = device,
                 .error_code = random_.unit() < 0.5 ? 400207 : 400209,
                 .text = failed ? "failed" : "disabled"},
                "DPS says failed or disabled");
  } else if (kind < 12) {
    for_a_while({.kind = FaultKind::Connack, .place = some_hub(), .code = 3}, "hub says CONNACK 3");
  } else if (kind < 12.5) {
    for_a_while({.kind = FaultKind::CloseAfterConnack, .place = some_hub(), .delay = 200ms},
                "hub closes after CONNACK");
  } else if (kind < 13) {
    // Recorded: a hub that drops a QoS 1 message and keeps the connection does not exist.
    for_a_while({.kind = FaultKind::PubackWithhold, .device = device, .record = true},
                "PUBACKs withheld");
  } else if (kind < 13.5) {
    for_a_while({.kind = FaultKind::PubackDelay, .place = some_hub(), .delay = 5s}, "PUBACKs late");
  } else if (kind < 14) {
    say("cut inside a message");
    cloud_->add_fault({.kind = FaultKind::Cut,
                       .device = device,
                       .record = random_.unit() < 0.5,
                       .after = static_cast<std::uint64_t>(random_.unit() * 3),
                       .times = 1},
                      now());
  } else if (kind < 14.5) {
    for_a_while({.kind = FaultKind::ConnectRate, .place = some_hub(), .per_second = 5},
                "logins throttled");
  } else if (kind < 15.3) {
    crash(false);
  } else {
    crash(true);
  }
  network_->deliver_outputs();
}

// No second of this life has seen more logins than allowed.
void Simulation::check_admission() {
  std::vector<SteadyTime> at_gate[2];
  for (const auto& attempt : network_->attempts()) {
    at_gate[attempt.host == "dps.invalid" ? 1 : 0].push_back(attempt.at);
  }
  const double rates[2] = {kAdmission.connections_per_second, kAdmission.registrations_per_second};
  for (int gate = 0; gate < 2; ++gate) {
    const auto& at = at_gate[gate];
    const auto allowed = static_cast<std::size_t>(rates[gate] + kAdmissionSlack);
    for (std::size_t i = allowed; i < at.size(); ++i) {
      if (at[i] - at[i - allowed] < 1s) {
        network_->violation(gate == 0 ? "too many logins in a second"
                                      : "too many DPS conversations in a second");
        return;
      }
    }
  }
}

bool Simulation::everybody_is_online() const {
  if (!gateway_) return false;
  for (std::uint32_t i = 0; i < plants_.size(); ++i) {
    if (gateway_->roster->at(DeviceIndex{i}).status().cloud != CloudState::Online) return false;
  }
  return true;
}

void Simulation::judge(Outcome& outcome) {
  check_admission();
  for (const auto& violation : network_->violations()) outcome.violations.push_back(violation);
  for (std::size_t i = 0; i < plants_.size(); ++i) {
    const Plant& plant = plants_[i];
    const simcloud::Device* device = cloud_->world().find_device(device_name(i));
    if (device == nullptr) {
      outcome.violations.push_back(device_name(i) + " never reached the cloud");
      continue;
    }
    const auto& ledger = device->ledger;
    outcome.repeated += ledger.repeated();
    outcome.hub_connects += device->counts.connects;
    if (ledger.order_violations() != 0) {
      outcome.violations.push_back(device_name(i) + ": order of messages violated");
    }
    if (ledger.without_id() != 0)
      outcome.violations.push_back(device_name(i) + ": message without id");
    std::set<std::uint64_t> received;
    if (const auto series = ledger.counters().find("counter"); series != ledger.counters().end()) {
      for (const auto& [first, last] : series->second.seen.ranges()) {
        for (auto value = first; value <= last; ++value) received.insert(value);
      }
    }
    const auto counts =
        gateway_->roster->at(DeviceIndex{static_cast<std::uint32_t>(i)}).status().outbox;
    std::uint64_t missing = 0;
    for (const auto counter : plant.acknowledged) {
      ++outcome.acknowledged;
      if (received.contains(counter)) {
        ++outcome.received;
      } else if (plant.at_risk.contains(counter)) {
        ++outcome.lost_in_power_cut;
      } else {
        ++missing;
        say(device_name(i) + " lost " + std::to_string(counter));
      }
    }
    outcome.quarantined += counts.quarantined;
    if (missing > counts.quarantined + counts.dropped) {
      outcome.violations.push_back(
          device_name(i) + ": " + std::to_string(missing) + " acknowledged readings are missing, " +
          std::to_string(counts.quarantined + counts.dropped) + " are accounted for, " +
          std::to_string(counts.waiting) + " wait");
    }
  }
  for (const auto& [name, counts] : cloud_->world().dps_counts) {
    outcome.dps_conversations += counts.conversations;
  }
}

}  // namespace hubward::simulation
